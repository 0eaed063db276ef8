/// When an appended line counts as acknowledged.
public enum Durability: Equatable, Sendable {
    /// After fdatasync: it survives a power loss.
    case commit
    /// After the write, with an fdatasync every so many seconds: it survives the end of the
    /// process, and a power loss but for the last interval.
    case interval(seconds: Double)
}

/// How a log is kept.
public struct LogOptions: Sendable {
    /// The data directory; it is made if it is missing.
    public var directory: String
    /// When an appended line counts as acknowledged.
    public var durability = Durability.commit
    /// Bytes at which a segment is sealed and another begun.
    public var segmentBytesMax = 1 << 30
    /// Seconds after which a segment that has lines is sealed.
    public var segmentSecondsMax = 3600.0
    /// Seconds after its last line from which a sealed segment is compressed; nil for never.
    public var compressAfterSeconds: Double? = 600
    /// Which sealed segments are deleted; by default none.
    public var retention = RetentionOptions()
    /// Bytes of lines that may wait for their sync; what would go beyond is refused.
    public var backlogBytesMax = 256 << 20
    /// Free bytes of the file system below which nothing is accepted; nil for the smaller of 256 MiB
    /// and a hundredth of it.
    public var lowWaterBytes: Int?
    /// Free bytes from which lines are accepted again; nil for twice the low-water mark.
    public var highWaterBytes: Int?
    /// Bytes of the longest line that is accepted; it has to fit a Kafka record.
    public var eventBytesMax = 256 << 10
    /// Bytes by which a segment's blocks are allocated ahead of its size; a sync is cheaper then.
    public var preallocatedBytes = 16 << 20

    /// The defaults, in `directory`.
    public init(directory: String) {
        self.directory = directory
    }
}
