internal import EventLog
internal import Forwarding
internal import Measuring

/// What is known of the collector at one moment: all loops together, the log, the sinks.
struct Figures: Sendable {
    /// A loop.
    struct Loop: Sendable {
        /// Whether it has answered when it was asked. If not, its counts are those of its last answer.
        var isUp: Bool
        /// What it has counted.
        var counts: LoopCounts
    }

    /// A sink.
    struct SinkState: Sendable {
        let name: SinkName
        let isRequired: Bool
        let status: ForwardingStatus
    }

    /// How long hits waited for the disk in the last ten seconds or so, if somebody has looked for so
    /// long; otherwise since the start.
    struct CommitLatency: Sendable {
        /// Seconds that half of the hits did not exceed; like the others a bound of the histogram's
        /// buckets, and so up to a quarter too long.
        let median: Double
        /// Seconds that 99 % did not exceed.
        let percentile99: Double
        /// Seconds that none exceeded.
        let most: Double
    }

    let loops: [Loop]
    /// All loops together.
    let total: LoopCounts
    let log: LogFigures
    /// The segments on disk, as they were some seconds ago at most; nil if they cannot be looked at.
    let size: LogSize?
    let sinks: [SinkState]
    let readiness: Readiness
    /// Nil if there was no hit.
    let commitLatency: CommitLatency?
}

/// Whether hits are taken, or why not.
struct Readiness: Sendable {
    /// What is against it, in words for an operator.
    var reasons: [String] = []

    var isReady: Bool { reasons.isEmpty }
    /// All reasons in one line; nil if it is ready.
    var reason: String? { isReady ? nil : reasons.joined(separator: "; ") }
}
