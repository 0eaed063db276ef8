public import Measuring
public import POSIX

/// What is known of a log at one moment.
public struct LogFigures: Sendable {
    /// The sequence of the newest line; 0 if there is none.
    public let sequence: UInt64
    /// The highest sequence known to be on disk.
    public let syncedSequence: UInt64
    /// Lines that this process has synced.
    public let synced: UInt64
    /// Bytes of lines that wait in memory for their sync, and of those that share a chunk with them.
    public let backlogBytes: Int
    /// Free bytes of the disk, as measured within the last second, less what was written since.
    public let freeBytes: Int
    /// Free bytes below which lines are refused.
    public let lowWaterBytes: Int
    /// Failed writes and syncs since the start, also of attempts to go on.
    public let failures: UInt64
    /// Why nothing is accepted; nil if lines are.
    public let refusal: EventLog.Refusal?
    /// How long syncs took that succeeded.
    public let syncLatency: DurationHistogram
    /// How many lines each of them made durable.
    public let syncLines: SizeHistogram

    init(_ state: borrowing LogState) {
        sequence = state.nextSequence - 1
        syncedSequence = state.syncedSequence
        synced = state.syncedSequence - state.foundSequence
        backlogBytes = state.retained.bytes
        freeBytes = state.space.bytes
        lowWaterBytes = state.space.lowWaterBytes
        failures = state.measurements.failures
        refusal = state.refusal
        syncLatency = state.measurements.syncLatency
        syncLines = state.measurements.syncLines
    }
}

/// What a log measures of itself. Whoever holds the lock of its state may use it.
final class LogMeasurements {
    // Under a lock no access lies within another; to check that again costs as much as the rest.
    /// Failed writes and syncs, also of attempts to go on.
    @exclusivity(unchecked) var failures: UInt64 = 0
    @exclusivity(unchecked) private(set) var syncLatency = DurationHistogram()
    @exclusivity(unchecked) private(set) var syncLines = SizeHistogram()

    /// Counts a sync; it may have had nothing but a directory to sync.
    func addSync(lines: UInt64, seconds: Double) {
        syncLatency.observe(seconds)
        if lines > 0 { syncLines.observe(lines) }
    }
}

/// How large a log is, by the states that its segments have.
public struct LogSize: Sendable {
    /// The segments of one state.
    public struct Part: Sendable {
        /// The state: `open`, `sealed` or `compressed`.
        public let state: String
        /// How many segments there are.
        public var segments = 0
        /// Their bytes on disk.
        public var bytes = 0
    }

    /// One for each state.
    public private(set) var parts = [
        Part(state: "open"), Part(state: "sealed"), Part(state: "compressed"),
    ]

    /// Bytes of all segments.
    public var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// Looks at the log in `directory`. What is sealed or deleted meanwhile may be missing.
    public init(directory: String) throws(SystemError) {
        let log = LogDirectory(path: directory)
        for segment in try log.segments() {
            guard let status = try? log.disk.status(log.path(of: segment)) else { continue }
            let index =
                switch segment.state {
                case .open: 0
                case .sealed: 1
                case .compressed: 2
                }
            parts[index].segments += 1
            parts[index].bytes += status.bytes
        }
    }
}
