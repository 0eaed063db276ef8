/// How a log is forwarded to one sink.
public struct ForwardingOptions: Sendable {
    /// Bytes of events that may be in memory, read and not yet dealt with, but for the event that
    /// went beyond.
    public var windowBytesMax = 8 << 20
    /// Events that may be in memory.
    public var windowEventsMax = 50_000
    /// Seconds between two checkpoints: after a crash, what was sent since the last one is sent
    /// again.
    public var checkpointSeconds = 1.0
    /// Seconds before the first attempt after a failure; each one doubles them. A random part of up
    /// to a half is taken off.
    public var retrySeconds = 0.1
    /// The most seconds between two attempts.
    public var retrySecondsMax = 30.0
    /// Seconds that the end may wait for what was stored and is not yet delivered.
    public var flushSeconds = 5.0
    /// Seconds between two looks at a log that has nothing new.
    public var pollSeconds = 0.1

    /// The defaults.
    public init() {}
}

/// How far a sink is, and how well.
public struct ForwardingStatus: Equatable, Sendable {
    /// Every event up to this one was dealt with, and is not sent again after a crash.
    public internal(set) var checkpoint: UInt64 = 0
    /// Events that were delivered, since the sink's first one.
    public internal(set) var delivered: UInt64 = 0
    /// Events that the sink will never take, since then.
    public internal(set) var rejected: UInt64 = 0
    /// Events that the log did not have any more when their turn came, since then.
    public internal(set) var missing: UInt64 = 0
    /// Synced events that were not dealt with.
    public internal(set) var lagEvents: UInt64 = 0
    /// Bytes of them; those of a compressed segment as it is.
    public internal(set) var lagBytes = 0
    /// Seconds since the sink had everything; 0 if it has.
    public internal(set) var lagSeconds = 0.0
    /// Events that were dealt with, per second, between the last two looks.
    public internal(set) var eventsPerSecond = 0.0
    /// Bytes of events in memory.
    public internal(set) var windowBytes = 0
    /// Deliveries that failed and were or will be repeated, since the start.
    public internal(set) var failures: UInt64 = 0
    /// Whether it fails at present.
    public internal(set) var isFailing = false
    /// What went wrong last, since the start.
    public internal(set) var lastError: String?

    /// That of a sink that has done nothing.
    public init() {}
}

/// Something about a sink that its operator should know.
public enum ForwardingNotice: Equatable, Sendable, CustomStringConvertible {
    /// Nothing gets through, or only some; it is tried again.
    case failing(sink: String, reason: String)
    /// It works again.
    case delivering(sink: String)
    /// The sink will never take these events; they are in `DATA/rejected`. The first one, and why.
    case rejected(sink: String, count: Int, first: UInt64, reason: String)
    /// These were damaged or deleted before they could be sent.
    case missing(sink: String, first: UInt64, last: UInt64)

    /// Whether an operator has to do something.
    public var isError: Bool {
        if case .delivering = self { false } else { true }
    }

    /// One line.
    public var description: String {
        switch self {
        case .failing(let sink, let reason):
            "forwarding to \(sink) fails, and is tried again: \(reason)"
        case .delivering(let sink): "forwarding to \(sink) works again"
        case .rejected(let sink, let count, let first, let reason):
            "\(count) event\(count == 1 ? "" : "s") from \(first) on went to "
                + "rejected/\(sink).ndjson: \(reason)"
        case .missing(let sink, let first, let last):
            (first == last ? "event \(first) was" : "events \(first) to \(last) were")
                + " never sent to \(sink): the log does not have them"
        }
    }
}
