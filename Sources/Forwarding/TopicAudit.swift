package import EventLog
public import POSIX

/// Holds what a topic has against a log and the checkpoint of the sink that sends there.
///
/// The log is read first, then each record is given to `take`, in any order; what was delivered and is
/// not there is found by `finish`. Takes 27 bytes of memory for each event of the log.
public struct TopicAudit {
    /// A record of a topic. The bytes are not kept.
    public struct Record {
        /// Where it is: the partition.
        public let partition: Int32
        /// Where it is there.
        public let offset: Int64
        /// The event's identifier; empty if it has none.
        public let id: UnsafeRawBufferPointer
        /// The event.
        public let value: UnsafeRawBufferPointer
        /// Whether it is marked as replayed.
        public let isReplayed: Bool

        /// A record at that place.
        public init(
            partition: Int32, offset: Int64, id: UnsafeRawBufferPointer,
            value: UnsafeRawBufferPointer, isReplayed: Bool
        ) {
            self.partition = partition
            self.offset = offset
            self.id = id
            self.value = value
            self.isReplayed = isReplayed
        }
    }

    /// What was found. `records` = `events` + `again` + `replayed` + `elsewhere` + `wrong`.
    public struct Summary: Equatable, Sendable {
        /// Delivered events that the log still has.
        public internal(set) var due: UInt64 = 0
        /// Those of them that are in the topic, sent or replayed.
        public internal(set) var found: UInt64 = 0
        /// All records.
        public internal(set) var records: UInt64 = 0
        /// Events of the log that were sent there, byte for byte.
        public internal(set) var events: UInt64 = 0
        /// Records of an event that was there before.
        public internal(set) var again: UInt64 = 0
        /// Records that are marked as replayed.
        public internal(set) var replayed: UInt64 = 0
        /// Records of events that the log does not have any more, or not yet, and of no event.
        public internal(set) var elsewhere: UInt64 = 0
        /// Records in the place of which the log has something else.
        public internal(set) var wrong: UInt64 = 0
        /// The offset of the first record of each partition.
        public internal(set) var beginnings: [Int32: Int64] = [:]
        /// What does not add up, in words; the first ones of each kind.
        public internal(set) var problems: [String] = []

        /// Whether everything that was delivered is there, and nothing that is wrong.
        public var isClean: Bool { found == due && wrong == 0 && problems.isEmpty }
    }

    /// Problems of a kind that are told one by one.
    private static let toldMax = 10

    private let directory: LogDirectory
    private let checkpoint: Checkpoint
    private let rejected: Set<UInt64>
    /// What was read of the log.
    private var (first, last) = (UInt64(0), UInt64(0))
    /// What the log does not have in between, in order.
    private var gaps: [ClosedRange<UInt64>] = []
    private var table: IDTable
    private var summary = Summary()

    /// Reads the log in `directory`, which may be in use, for the sink that is called `name`. Nil if
    /// that has no checkpoint.
    public init?(sink name: String, directory: String) throws(SystemError) {
        try self.init(sink: name, LogDirectory(path: directory))
    }

    package init?(sink name: String, _ directory: LogDirectory) throws(SystemError) {
        // Before the log: what it says was delivered is in the log that is read afterwards.
        guard let checkpoint = try Checkpoint.read(name, in: directory) else { return nil }
        self.directory = directory
        self.checkpoint = checkpoint
        rejected = Set(try RejectedFile(name, in: directory).sequences())
        let log = try Verification.run(directory) { _ in }
        table = IDTable(events: log.events)
        var reader = LogReader(directory, from: 1)
        try reader.readSome { sequence, line in
            guard sequence <= log.last else { return false }
            if first == 0 { first = sequence }
            if last > 0, last + 1 < sequence { gaps.append(last + 1...sequence - 1) }
            last = sequence
            insert(sequence, line)
            return sequence < log.last
        }
    }

    private mutating func insert(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) {
        guard let proven = ProvenLine(line), let key = Self.key(of: line) else { return }
        let isDue = isDue(sequence)
        if !table.insert(key, sum: proven.sum, isDue: isDue) {
            summary.problems.append("event \(sequence) has the identifier of another one")
        } else if isDue {
            summary.due += 1
        }
    }

    private func isDue(_ sequence: UInt64) -> Bool {
        sequence > checkpoint.origin && sequence <= checkpoint.sequence
            && !rejected.contains(sequence)
    }

    private static func key(of line: UnsafeRawBufferPointer) -> UInt64? {
        IDTable.key(EventLine(line).string("id"))
    }

    /// Counts a record.
    public mutating func take(_ record: Record) {
        summary.records += 1
        let beginning = summary.beginnings[record.partition] ?? .max
        if record.offset < beginning { summary.beginnings[record.partition] = record.offset }
        let proven = ProvenLine(record.value)
        guard let key = IDTable.key(record.id), let sum = table.sum(of: key) else {
            takeStranger(record, proven)
            return
        }
        guard proven?.sum == sum else {
            note(record, "it is not the event that has its identifier in the log")
            return
        }
        let before = table.count(key, isReplayed: record.isReplayed)
        if before.isDue, before.sent == 0, before.replayed == 0 { summary.found += 1 }
        if record.isReplayed {
            summary.replayed += 1
        } else if before.sent == 0 {
            summary.events += 1
        } else {
            summary.again += 1
        }
    }

    /// A record of an identifier that the log does not have.
    private mutating func takeStranger(_ record: Record, _ proven: ProvenLine?) {
        if let sequence = proven?.sequence, sequence >= first, sequence <= last,
            !isInGap(sequence)
        {
            note(record, "it says that it is event \(sequence), and the log has another one")
        } else {
            summary.elsewhere += 1
        }
    }

    private func isInGap(_ sequence: UInt64) -> Bool {
        var (low, high) = (0, gaps.count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
        }
        return low < gaps.count && gaps[low].contains(sequence)
    }

    private mutating func note(_ record: Record, _ reason: String) {
        summary.wrong += 1
        guard summary.wrong <= Self.toldMax else { return }
        summary.problems.append(
            "partition \(record.partition), offset \(record.offset): \(reason)")
    }

    /// What was found, after the last record. If something is missing the log is read once more, to say
    /// what.
    public func finish() throws(SystemError) -> Summary {
        var summary = summary
        guard summary.found < summary.due else { return summary }
        var ranges: [ClosedRange<UInt64>] = []
        var reader = LogReader(directory, from: first)
        try reader.readSome { sequence, line in
            guard sequence <= last else { return false }
            if isDue(sequence), let key = Self.key(of: line), let counts = table.counts(of: key),
                counts.sent == 0, counts.replayed == 0
            {
                if let range = ranges.last, range.upperBound + 1 == sequence {
                    ranges[ranges.count - 1] = range.lowerBound...sequence
                } else if ranges.count < Self.toldMax {
                    ranges.append(sequence...sequence)
                } else {
                    return false
                }
            }
            return true
        }
        for range in ranges {
            summary.problems.append(
                range.count == 1
                    ? "event \(range.lowerBound) is missing"
                    : "events \(range.lowerBound) to \(range.upperBound) are missing")
        }
        return summary
    }
}
