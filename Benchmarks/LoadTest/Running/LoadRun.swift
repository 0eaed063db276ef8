import EventHTTP
import Glibc
import POSIX

/// A whole run: starts the workers, keeps the time, collects what they measure.
///
/// For the main thread.
final class LoadRun {
    /// Why a run ended.
    enum Ending: Equatable {
        /// As it was meant to.
        case completed
        /// The server took no connections any more.
        case serverGone(reason: String)
        /// A signal.
        case interrupted(signal: Int32)
    }

    /// What came of a run.
    struct Outcome {
        var ending = Ending.completed
        /// Whether anything was measured at all.
        var hasStarted = false
        /// When it began, in microseconds since 1970.
        var startTime: Int64 = 0
        /// Seconds that were measured.
        var seconds = 0.0
        var total: Interval
        var series: [SecondResult] = []
        /// One for each thread, in their order.
        var summaries: [Worker.Summary] = []
        /// CPU time of the process in the whole run, in seconds.
        var cpuSeconds = 0.0
    }

    /// Seconds to wait for replies after a run was cut short.
    private static let hurriedDrainSeconds = 1.0

    private let options: LoadOptions
    private let onSecond: (SecondResult) -> Void
    private let loop = EventLoop()
    private var mailboxes: [LoopMailbox<Worker.Command>] = []
    private var outcome: Outcome
    private var readyCount = 0
    private var summaries: [Worker.Summary?]
    /// Workers whose report of the second that has ended is still to come.
    private var awaited: Set<Int> = []
    private var current: [Interval] = []
    private var tickTime: Int64 = 0
    /// When the second began that is being measured.
    private var secondStart: Int64 = 0
    private var measuredStart: Int64 = 0
    private var end: Int64?
    private var stopTime: Int64?
    private var ticker: PreciseTimer?

    /// A run. `onSecond` is called with each second that was measured.
    init(_ options: LoadOptions, onSecond: @escaping (SecondResult) -> Void) {
        self.options = options
        self.onSecond = onSecond
        outcome = Outcome(total: Interval(hasSchedule: options.rate != nil))
        summaries = [Worker.Summary?](repeating: nil, count: options.threads)
    }

    /// Runs to the end.
    func run() throws(SystemError) -> Outcome {
        let control = try LoopMailbox<(Int, Worker.Report)>()
        for _ in 0..<options.threads { mailboxes.append(try LoopMailbox()) }
        let source = control.attach(to: loop) { [unowned self] in received($0.1, from: $0.0) }
        let signals = [SIGINT, SIGTERM].map { number in
            loop.onSignal(number) { [unowned self] in interrupted(number) }
        }
        ticker = try PreciseTimer(loop: loop) { [unowned self] in tick() }
        var threads: [Thread] = []
        for (index, mailbox) in mailboxes.enumerated() {
            let share = Worker.Share(thread: index, threads: options.threads)
            threads.append(
                try Thread(name: "load-\(index)") { [options] in
                    let worker = Worker(options, share: share) { control.post((index, $0)) }
                    do throws(SystemError) {
                        try worker.run(mailbox)
                    } catch {
                        control.post((index, .serverGone(reason: error.description)))
                    }
                })
        }
        loop.run {}
        for thread in threads { thread.join() }
        withExtendedLifetime((source, signals)) {}
        finish()
        return outcome
    }

    private func received(_ report: Worker.Report, from index: Int) {
        switch report {
        case .ready:
            readyCount += 1
            if readyCount == options.threads, outcome.ending == .completed { start() }
        case .interval(let interval):
            current.append(interval)
            isReported(by: index)
        case .serverGone(let reason):
            if outcome.ending == .completed { stop(.serverGone(reason: reason)) }
        case .finished(let summary):
            current.append(summary.interval)
            summaries[index] = summary
            isReported(by: index)
            if summaries.allSatisfy({ $0 != nil }) { loop.stop() }
        }
    }

    private func start() {
        outcome.hasStarted = true
        outcome.startTime = Clock.microsecondsSinceEpoch()
        // A schedule begins when all have heard of it; without one nobody waits.
        let start = Clock.monotonicNanoseconds() + (options.rate == nil ? 0 : 1_000_000)
        measuredStart = start + Int64(options.warmUpSeconds * 1e9)
        end = options.seconds.map { measuredStart + Int64($0 * 1e9) }
        secondStart = measuredStart
        tickTime = measuredStart + 1_000_000_000
        for mailbox in mailboxes { mailbox.post(.start(at: start)) }
        ticker?.set(at: tickTime)
    }

    private func tick() {
        tickTime += 1_000_000_000
        for (index, mailbox) in mailboxes.enumerated() where summaries[index] == nil {
            awaited.insert(index)
            mailbox.post(.tick)
        }
        ticker?.set(at: tickTime)
    }

    /// A second is whole when each worker has reported it, or has come to its end.
    private func isReported(by index: Int) {
        guard awaited.remove(index) != nil, awaited.isEmpty else { return }
        endSecond()
    }

    private func endSecond() {
        var whole = Interval(hasSchedule: options.rate != nil)
        for interval in current { whole.add(interval) }
        current = []
        outcome.total.add(whole)
        let now = Clock.monotonicNanoseconds()
        let second = SecondResult(
            whole, from: Double(secondStart - measuredStart) / 1e9,
            to: Double(now - measuredStart) / 1e9)
        secondStart = now
        outcome.series.append(second)
        if outcome.ending == .completed { onSecond(second) }
    }

    private func interrupted(_ signal: Int32) {
        if outcome.ending != .completed { _exit(128 + signal) }
        stop(.interrupted(signal: signal))
    }

    private func stop(_ ending: Ending) {
        outcome.ending = ending
        stopTime = Clock.monotonicNanoseconds()
        for mailbox in mailboxes { mailbox.post(.stop(drainSeconds: Self.hurriedDrainSeconds)) }
    }

    private func finish() {
        if !current.isEmpty { endSecond() }
        outcome.summaries = summaries.compactMap { $0 }
        let last = max(outcome.total.lastReply, min(end ?? .max, stopTime ?? .max))
        let until = last == .max ? outcome.total.lastReply : last
        outcome.seconds = max(0, Double(until - measuredStart) / 1e9)
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        outcome.cpuSeconds = usage.ru_utime.seconds + usage.ru_stime.seconds
    }
}

extension timeval {
    /// Seconds with a fraction.
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}
