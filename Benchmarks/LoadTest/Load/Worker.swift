import DequeModule
import EventHTTP
import Glibc
import POSIX

/// One thread of load: a loop with its share of the connections, of the visitors and of the rate.
///
/// Made and used on its own thread; `Command` and `Report` are all that it exchanges with others.
final class Worker {
    /// What it is told.
    enum Command: Sendable {
        /// Load from a moment on (monotonic nanoseconds).
        case start(at: Int64)
        /// Report what was measured since the last time.
        case tick
        /// Send nothing more, and wait for so many seconds for what is not answered.
        case stop(drainSeconds: Double)
    }

    /// What it tells.
    enum Report: Sendable {
        /// Each connection is open or has failed.
        case ready
        /// Between two ticks.
        case interval(Interval)
        /// The server does not take connections (any more).
        case serverGone(reason: String)
        /// The end.
        case finished(Summary)
    }

    /// What a worker has done in all.
    struct Summary: Sendable {
        /// Since the last tick.
        var interval: Interval
        /// Requests sent and acknowledged from the first on, warm-up included.
        var sent = 0
        var acknowledged = 0
        /// The acknowledged ones, if they are remembered.
        var acknowledgedHits: HitSet
        /// Requests that should have been sent by the end and were not.
        var neverSent = 0
        /// The part of the measured time in which the thread computed.
        var busy = 0.0
    }

    enum Phase {
        case waiting, running, draining, finished
    }

    let loop = EventLoop()
    let options: LoadOptions
    let share: Share
    let numbers: HitNumbers
    let writer: RequestWriter
    let visitors: Visitors
    let connections: UnsafeMutableBufferPointer<Connection>
    /// Received bytes of whichever connection is being read.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
    let report: (Report) -> Void
    let timeout: Int64
    /// What has to be added to the monotonic clock for nanoseconds since 1970.
    let epochOffset: Int64
    let isHead: Bool
    let hasSchedule: Bool

    var phase = Phase.waiting
    var schedule: Schedule?
    var timer: PreciseTimer?
    var timerTime: Int64 = 0
    /// Whether requests are due for which no connection is free.
    var lacksPlaces = false
    /// Requests planned before this were not sent in time although connections were free.
    var ownLateEnd = Int64.min
    /// The free places of open connections, the longest free one first, so that all have their
    /// share.
    var free = Deque<FreePlace>()
    /// The moments from which requests are measured, and from which none are sent.
    var measuredStart = Int64.max
    var end = Int64.max
    /// Measured requests that are still to be sent.
    var remaining: Int
    /// The number of the next hit, and of the next entry of the schedule.
    var nextHit = 0
    var nextPlanned = 0
    /// Requests that the server said it will not look at, to be sent again.
    var resend: [PendingRequest] = []
    var inFlight = 0
    var settled = 0
    var drainEnd = Int64.max
    var summary: Summary
    var cpuStart: (cpu: Int64, time: Int64)?

    /// The part of a worker in the whole.
    struct Share: Sendable {
        let thread: Int
        let threads: Int

        /// The part of a number that is to be spread evenly.
        func of(_ total: Int) -> Int {
            total / threads + (thread < total % threads ? 1 : 0)
        }
    }

    init(_ options: LoadOptions, share: Share, report: @escaping (Report) -> Void) {
        self.options = options
        self.share = share
        self.report = report
        numbers = HitNumbers(seed: options.seed)
        writer = RequestWriter(options)
        let visitorCount = options.visitors == 0 ? 0 : max(1, share.of(options.visitors))
        visitors = Visitors(count: visitorCount)
        timeout = Int64(options.timeoutSeconds * 1e9)
        epochOffset = Clock.microsecondsSinceEpoch() * 1000 - Clock.monotonicNanoseconds()
        isHead = options.method == "HEAD"
        hasSchedule = options.rate != nil
        remaining = options.requests.map { share.of($0) } ?? .max
        summary = Summary(interval: Interval(hasSchedule: hasSchedule), acknowledgedHits: HitSet())
        connections = .allocate(capacity: share.of(options.connections))
        for index in connections.indices {
            let place = connections.baseAddress.map { $0 + index }
            let socket = ClientSocket(loop: loop) { [unowned self] readiness in
                guard let place else { return }
                ready(place, readiness)
            }
            connections.initializeElement(
                at: index, to: Connection(socket: socket, depth: options.pipelineDepth))
        }
    }

    deinit {
        for connection in connections { connection.deallocate() }
        connections.deinitialize()
        connections.deallocate()
        buffer.deallocate()
    }

    /// Runs until everything is answered, or given up, after the end.
    func run(_ mailbox: LoopMailbox<Command>) throws(SystemError) {
        let messages = mailbox.attach(to: loop) { [unowned self] in received($0) }
        let sweeps = loop.every(seconds: 0.02) { [unowned self] in sweep() }
        timer = try PreciseTimer(loop: loop) {}
        let now = Clock.monotonicNanoseconds()
        if options.keepsAlive {
            forEachConnection { connect($0, now) }
        } else {
            report(.ready)
        }
        loop.run { [unowned self] in endOfTurn() }
        withExtendedLifetime((messages, sweeps)) {}
    }

    private func received(_ command: Command) {
        switch command {
        case .start(let time): start(at: time)
        case .tick:
            guard phase != .finished else { return }
            report(.interval(takeInterval()))
        case .stop(let seconds):
            guard phase != .finished else { return }
            let now = Clock.monotonicNanoseconds()
            drain(now)
            drainEnd = now + Int64(seconds * 1e9)
        }
    }

    private func start(at time: Int64) {
        guard phase == .waiting else { return }
        phase = .running
        measuredStart = time + Int64(options.warmUpSeconds * 1e9)
        if let seconds = options.seconds { end = measuredStart + Int64(seconds * 1e9) }
        let now = Clock.monotonicNanoseconds()
        if let rate = options.rate {
            let schedule = Schedule(
                start: time, rate: rate, thread: share.thread, of: share.threads)
            self.schedule = schedule
            forEachConnection {
                if !options.keepsAlive || $0.pointee.state == .open { addFreePlaces($0) }
            }
        } else {
            forEachConnection { beginOrFill($0, now) }
        }
    }

    private func endOfTurn() {
        guard phase == .running || phase == .draining else { return }
        let now = Clock.monotonicNanoseconds()
        if phase == .running, hasSchedule { pace(now) }
        if phase == .running, now >= end || remaining <= 0 { drain(now) }
        if phase == .draining, inFlight == 0 || now >= drainEnd { finish() }
    }

    /// Every 20 ms: what nobody else would notice.
    private func sweep() {
        let now = Clock.monotonicNanoseconds()
        if now >= measuredStart, cpuStart == nil { cpuStart = (Self.cpuNanoseconds(), now) }
        guard phase != .finished else { return }
        forEachConnection { connection in
            switch connection.pointee.state {
            case .closed:
                let retry = connection.pointee.retryTime
                if retry != 0, now >= retry, phase != .draining { connectAgain(connection, now) }
            case .connecting:
                if now - connection.pointee.connectStart > timeout {
                    failed(connection, .timeout, now)
                }
            case .open:
                if connection.pointee.pendingCount > 0,
                    now - connection.pointee.firstPending.sent > timeout
                {
                    failed(connection, .timeout, now)
                }
            }
        }
    }

    /// Sends nothing more.
    private func drain(_ now: Int64) {
        guard phase == .running || phase == .waiting else { return }
        phase = .draining
        if let cpuStart, now > cpuStart.time {
            let used = Self.cpuNanoseconds() - cpuStart.cpu
            summary.busy = Double(used) / Double(now - cpuStart.time)
        }
        if let schedule {
            while schedule.time(of: nextPlanned) < min(end, now), remaining > 0 {
                summary.neverSent += 1
                nextPlanned += 1
            }
        }
    }

    private func finish() {
        phase = .finished
        summary.interval = takeInterval()
        summary.sent = nextHit
        report(.finished(summary))
        forEachConnection { $0.pointee.socket.close() }
        loop.stop()
    }

    private func takeInterval() -> Interval {
        var taken = Interval(hasSchedule: hasSchedule)
        swap(&taken, &summary.interval)
        taken.openConnections = 0
        forEachConnection { if $0.pointee.state == .open { taken.openConnections += 1 } }
        return taken
    }

    private static func cpuNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    func forEachConnection(_ body: (Connection.Pointer) -> Void) {
        guard let first = connections.baseAddress else { return }
        for index in connections.indices { body(first + index) }
    }
}
