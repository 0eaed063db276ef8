internal import Logging

/// Keeps a message that comes again and again from filling the disk: of each kind some are let
/// through in an interval, and the others are counted.
struct LogLimiter {
    /// Messages of one call in the source, of one level.
    struct Kind: Hashable {
        let file: String
        let line: UInt
        let level: Logger.Level
    }

    /// What was not written of a kind.
    struct Suppressed: Equatable {
        let level: Logger.Level
        let count: Int
        /// The last of them.
        let message: String
    }

    private struct Interval {
        let start: Double
        var count = 0
        var suppressed = 0
        var last = ""
    }

    /// Messages of a kind that are written in an interval, and its seconds.
    static let countMax = 10
    static let seconds = 10.0

    private var intervals: [Kind: Interval] = [:]

    /// Whether a message is written. `now` is in seconds and never goes back; intervals that have
    /// ended are taken before.
    mutating func takes(_ message: String, of kind: Kind, at now: Double) -> Bool {
        var interval = intervals[kind] ?? Interval(start: now)
        interval.count += 1
        let isTaken = interval.count <= Self.countMax
        if !isTaken {
            interval.suppressed += 1
            interval.last = message
        }
        intervals[kind] = interval
        return isTaken
    }

    /// What was held back in the intervals that have ended by `now`, which are forgotten.
    mutating func takeEnded(at now: Double) -> [Suppressed] {
        let ended = intervals.filter { now - $0.value.start >= Self.seconds }
        for kind in ended.keys { intervals[kind] = nil }
        return ended.filter { $0.value.suppressed > 0 }
            .sorted { $0.value.start < $1.value.start }
            .map { kind, interval in
                Suppressed(level: kind.level, count: interval.suppressed, message: interval.last)
            }
    }
}
