public import POSIX

/// Something about a log that its operator should know.
public enum LogNotice: Sendable, CustomStringConvertible {
    /// A segment that was not closed properly was brought into order.
    case recovered(file: String, through: UInt64)
    /// A segment without a byte was removed.
    case removedEmpty(file: String)
    /// Bytes after the last line that was promised were moved out of the log.
    case movedAside(bytes: Int, to: String)
    /// A line that was promised is damaged. It stays where it is.
    case damage(file: String, line: Int, byte: Int, LineDamage)
    /// A compressed segment is damaged. It stays where it is.
    case undecodable(file: String)
    /// Lines that were promised are not there.
    case missing(first: UInt64, last: UInt64)
    /// A segment could not be written or synced; another one takes its place.
    case failing(SystemError)
    /// What could not be written before is in a new segment.
    case tookOver(file: String)
    /// The log accepts nothing until the disk works again.
    case refusing(SystemError)
    /// The log accepts lines again.
    case accepting
    /// The disk is almost full: the log accepts nothing until there is room.
    case full(freeBytes: Int, lowWaterBytes: Int)
    /// There is room again.
    case hasRoom(freeBytes: Int)
    /// A sealed segment could not be compressed; it stays as it is.
    case uncompressed(SystemError)
    /// A segment was deleted: it was old enough, or the log too large, and every sink has it.
    case deleted(file: String, through: UInt64)
    /// A segment was deleted though a sink has yet to get these events of it: the disk is almost
    /// full.
    case droppedUndelivered(file: String, first: UInt64, last: UInt64)
    /// Sealed segments could not be deleted; they stay.
    case retained(SystemError)
    /// A segment that is whole and synced could not be given its final name.
    case unsealed(SystemError)

    /// Whether an operator has to do something.
    public var isError: Bool {
        switch self {
        case .recovered, .removedEmpty, .tookOver, .accepting, .hasRoom, .deleted: false
        case .movedAside, .damage, .undecodable, .missing, .failing, .refusing, .full, .unsealed,
            .uncompressed, .droppedUndelivered, .retained:
            true
        }
    }

    /// One line.
    public var description: String {
        switch self {
        case .recovered(let file, let through):
            "\(file) was left open and has been sealed; it ends with event \(through)"
        case .removedEmpty(let file): "\(file) was empty and has been removed"
        case .movedAside(let bytes, let path):
            "\(bytes) bytes that were never acknowledged were moved to \(path)"
        case .damage(let file, let line, let byte, let damage):
            "\(file) is damaged: line \(line), byte \(byte): \(damage)"
        case .undecodable(let file): "\(file) is damaged: the compressed data cannot be read"
        case .missing(let first, let last):
            first == last
                ? "event \(first) was acknowledged and is not there"
                : "events \(first) to \(last) were acknowledged and are not there"
        case .failing(let error):
            "\(error); the events that are not yet on disk go to a new segment"
        case .tookOver(let file): "\(file) took over"
        case .refusing(let error):
            "hits are refused until the data directory can be written again: \(error)"
        case .accepting: "the data directory can be written again; hits are accepted"
        case .full(let free, let low):
            "hits are refused until there is room: \(free) bytes are free on the disk, "
                + "the low-water mark is \(low)"
        case .hasRoom(let free): "\(free) bytes are free on the disk; hits are accepted"
        case .uncompressed(let error): "a sealed segment could not be compressed: \(error)"
        case .deleted(let file, let through):
            "\(file) was deleted, as retention says; it ended with event \(through)"
        case .droppedUndelivered(let file, let first, let last):
            "the disk is almost full: \(file) was deleted, and with it events \(first) to \(last), "
                + "which were not delivered everywhere"
        case .retained(let error): "old segments could not be deleted: \(error)"
        case .unsealed(let error): "a whole segment could not be sealed: \(error)"
        }
    }
}
