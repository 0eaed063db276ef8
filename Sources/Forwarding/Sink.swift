/// Where events go: a queue with delivery reports, as librdkafka has, or a stream that tells how
/// much it took.
///
/// Used by one thread. A sink that has taken an event reports on it exactly once.
public protocol Sink: SendableMetatype {
    /// Bytes of the longest line that can ever be taken; nil for any.
    var lineBytesMax: Int? { get }

    /// Offers an event: its sequence, and its line without the newline. The bytes are gone after the
    /// call. Does not wait.
    mutating func send(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> SendResult

    /// Goes on with what was taken, and gives every report there is to `report`. Waits at most so
    /// many seconds for the first one, or for room.
    mutating func poll(seconds: Double, _ report: (DeliveryReport) -> Void)

    /// What it had to complain of since it delivered something; nil if nothing. It may get over that by
    /// itself: what it has taken is still its own.
    var trouble: String? { get }
}

extension Sink {
    /// None.
    public var trouble: String? { nil }
}

/// What a sink says to an event that is offered.
public enum SendResult: Equatable, Sendable {
    /// It is the sink's now; a report follows.
    case taken
    /// There is no room at present: offer it again.
    case full
}

/// What became of an event that a sink has taken.
public struct DeliveryReport: Equatable, Sendable {
    /// How it ended.
    public enum Outcome: Equatable, Sendable {
        /// It is where it was to go.
        case delivered
        /// It will never be taken: do not send it again.
        case refused(reason: String)
        /// It is not there, but may be next time.
        case failed(reason: String)
    }

    /// The event.
    public let sequence: UInt64
    /// What became of it.
    public let outcome: Outcome

    /// A report on event `sequence`.
    public init(_ sequence: UInt64, _ outcome: Outcome) {
        self.sequence = sequence
        self.outcome = outcome
    }
}
