internal import POSIX

/// How much room the log's file system has, and whether that is enough to accept lines.
///
/// Below the low-water mark nothing is accepted, so that the disk is never filled to the last
/// byte; from the high-water mark on lines are accepted again.
struct FreeSpace {
    /// Free bytes below which nothing is accepted.
    private(set) var lowWaterBytes: Int
    /// Free bytes from which lines are accepted again; not below the low-water mark.
    private(set) var highWaterBytes: Int
    /// Free bytes, as measured last, less what was written since.
    private(set) var bytes: Int
    /// Whether nothing is accepted.
    private(set) var isLow: Bool
    private var wasLow = false

    /// A low-water mark that nobody set is this, or a hundredth of the file system if that is less.
    static let lowWaterBytesDefault = 256 << 20

    init(lowWaterBytes: Int, highWaterBytes: Int, bytes: Int) {
        precondition(lowWaterBytes <= highWaterBytes, "checked with the settings")
        self.lowWaterBytes = lowWaterBytes
        self.highWaterBytes = highWaterBytes
        self.bytes = bytes
        isLow = bytes < lowWaterBytes
    }

    /// The marks of `options` for the disk of `directory`. A high-water mark that nobody set is
    /// twice the low one.
    init(of directory: LogDirectory, _ options: LogOptions) throws(SystemError) {
        let found = try directory.disk.freeSpace(directory.events)
        let low = options.lowWaterBytes ?? min(Self.lowWaterBytesDefault, found.total / 100)
        self.init(
            lowWaterBytes: low, highWaterBytes: max(low, options.highWaterBytes ?? 2 * low),
            bytes: found.free)
    }

    /// Goes by the marks of another from now on.
    mutating func setMarks(of other: FreeSpace) {
        lowWaterBytes = other.lowWaterBytes
        highWaterBytes = other.highWaterBytes
    }

    /// Whether `count` bytes may be written; if so they are counted.
    mutating func take(_ count: Int) -> Bool {
        if bytes - count < lowWaterBytes { isLow = true }
        if isLow { return false }
        bytes -= count
        return true
    }

    /// Takes over a new measurement. Whether an operator should hear of a change.
    mutating func update(_ measured: Int) -> Bool {
        bytes = measured
        isLow = measured < (isLow ? highWaterBytes : lowWaterBytes)
        defer { wasLow = isLow }
        return isLow != wasLow
    }
}
