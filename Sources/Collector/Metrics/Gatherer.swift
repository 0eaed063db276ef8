internal import EventHTTP
internal import EventLog
internal import Forwarding
internal import Measuring
internal import POSIX

/// Asks the loops what they have counted, and puts it together with what is known of the log and the
/// sinks. On the control loop.
///
/// Whenever somebody wants to know, and for a minute after that once a second by itself, to know the
/// latencies of the last seconds.
final class Gatherer {
    /// What is in force.
    var configuration: Configuration
    private let log: EventLog
    private let forwarders: Forwarders
    private let mailboxes: [LoopMailbox<LoopMessage>]
    private var clock: EventSource?
    /// Set when the collector begins to shut down.
    var isDraining = false

    private var loops: [Loop]
    /// Who waits for the answers to the present question, and since when it was asked.
    private var waiting: [(Figures) -> Void] = []
    private var askedAt: Double?
    /// Who came after it was asked, and waits for the answers to the next one.
    private var late: [(Figures) -> Void] = []
    /// The latencies of each of the last seconds, the oldest first.
    private var history: [DurationHistogram] = []
    private var size: (value: LogSize, at: Double)?
    /// When nobody counts as looking any more, on the monotonic clock.
    private var watchedUntil = 0.0

    private struct Loop {
        var counts = LoopCounts()
        /// Whether it was asked and has not answered.
        var isAsked = false
        var isUp = true
        var hasEnded = false
    }

    /// Seconds after which nobody waits any more for a loop that does not answer.
    private static let answerSeconds = 2.0
    /// Seconds after a question for which somebody counts as looking.
    private static let watchedSeconds = 60.0
    /// Seconds over which latencies are looked at.
    private static let historySeconds = 10
    /// Seconds for which the size of the log is taken for the same.
    private static let sizeSeconds = 5.0

    init(
        _ configuration: Configuration, log: EventLog, forwarders: Forwarders,
        mailboxes: [LoopMailbox<LoopMessage>], on loop: EventLoop
    ) {
        self.configuration = configuration
        self.log = log
        self.forwarders = forwarders
        self.mailboxes = mailboxes
        loops = mailboxes.map { _ in Loop() }
        clock = loop.every(seconds: 1) { [unowned self] in tick() }
    }

    /// Whether hits are taken now, or why not.
    var readiness: Readiness {
        var readiness = Readiness()
        if isDraining { readiness.reasons.append("draining") }
        if let refusal = log.refusal { readiness.reasons.append("\(refusal)") }
        for sink in sinks where sink.isRequired {
            let seconds = sink.status.lagSeconds
            guard seconds > configuration.requiredLagSecondsMax else { continue }
            let error = sink.status.isFailing ? sink.status.lastError : nil
            readiness.reasons.append(
                "the sink \(sink.name.rawValue) is \(sink.status.lagEvents) events and "
                    + "\(Int(seconds)) s behind" + (error.map { ": \($0)" } ?? ""))
        }
        return readiness
    }

    private var sinks: [Figures.SinkState] {
        forwarders.statuses.map { name, status in
            Figures.SinkState(
                name: name, isRequired: configuration.requiredSinks.contains(name), status: status)
        }
    }

    // MARK: - Asking

    /// Calls `receive` once, with what is known when all loops have said what they have counted after this
    /// call, or when one of them has taken too long.
    func gather(_ receive: @escaping (Figures) -> Void) {
        watchedUntil = Clock.monotonicSeconds() + Self.watchedSeconds
        ask(receive)
    }

    private func ask(_ receive: @escaping (Figures) -> Void) {
        if askedAt != nil {
            late.append(receive)
        } else {
            waiting.append(receive)
            ask()
        }
    }

    private func ask() {
        askedAt = Clock.monotonicSeconds()
        for index in loops.indices where !loops[index].hasEnded && !loops[index].isAsked {
            loops[index].isAsked = true
            mailboxes[index].post(.report)
        }
        finishIfAnswered()
    }

    /// A loop has answered.
    func received(_ counts: LoopCounts, fromLoop index: Int) {
        loops[index].counts = counts
        loops[index].isAsked = false
        loops[index].isUp = true
        finishIfAnswered()
    }

    /// A loop has ended, with these counts.
    func ended(_ counts: LoopCounts, loop index: Int) {
        loops[index].hasEnded = true
        received(counts, fromLoop: index)
    }

    /// Whether every loop has ended.
    var haveAllEnded: Bool { loops.allSatisfy(\.hasEnded) }

    private func finishIfAnswered() {
        // Nobody waits for a loop that has not answered before.
        if askedAt != nil, loops.allSatisfy({ !$0.isAsked || !$0.isUp }) { finish() }
    }

    private func tick() {
        let now = Clock.monotonicSeconds()
        if let askedAt, now - askedAt >= Self.answerSeconds {
            for index in loops.indices where loops[index].isAsked { loops[index].isUp = false }
            finish()
        }
        guard now < watchedUntil else {
            history = []
            return
        }
        ask { [unowned self] figures in
            history.append(figures.total.commitLatency)
            if history.count > Self.historySeconds { history.removeFirst() }
        }
    }

    private func finish() {
        let figures = figures()
        let answered = waiting
        waiting = late
        late = []
        askedAt = nil
        for receive in answered { receive(figures) }
        if !waiting.isEmpty { ask() }
    }

    // MARK: - Putting together

    /// What the loops have counted by their last answers.
    var total: LoopCounts {
        var total = LoopCounts()
        for loop in loops { total += loop.counts }
        return total
    }

    private func figures() -> Figures {
        let total = total
        return Figures(
            loops: loops.map { Figures.Loop(isUp: $0.isUp, counts: $0.counts) }, total: total,
            log: log.figures, size: currentSize(), sinks: sinks, readiness: readiness,
            commitLatency: commitLatency(total))
    }

    private func currentSize() -> LogSize? {
        let now = Clock.monotonicSeconds()
        if let size, now - size.at < Self.sizeSeconds { return size.value }
        guard let value = try? LogSize(directory: configuration.log.directory) else { return nil }
        size = (value, now)
        return value
    }

    private func commitLatency(_ total: LoopCounts) -> Figures.CommitLatency? {
        let recent = total.commitLatency.since(history.first ?? DurationHistogram())
        guard let median = recent.quantile(0.5), let percentile99 = recent.quantile(0.99),
            let most = recent.quantile(1)
        else { return nil }
        return Figures.CommitLatency(median: median, percentile99: percentile99, most: most)
    }
}
