public import POSIX

/// Checks every checksum and every sequence of a log.
public struct Verification {
    /// Something that is not as it was written.
    public struct Problem: Equatable, Sendable, CustomStringConvertible {
        /// The file, relative to the data directory.
        public let file: String
        /// The line, from 1.
        public let line: Int
        /// Where the line begins in the file, from 0.
        public let byte: Int
        /// What is wrong, in words.
        public let reason: String

        /// One line: `events/….ndjson: line 3, byte 1211: the checksum does not match`.
        public var description: String { "\(file): line \(line), byte \(byte): \(reason)" }

        init(_ finding: Finding, in segment: SegmentName) {
            file = "events/\(segment)"
            line = finding.line
            byte = finding.bytes.lowerBound
            let lost = finding.lost
            reason =
                switch finding.kind {
                case .invalid(let damage): "\(damage)"
                case .outOfOrder(let sequence): "event \(sequence) is out of order"
                case .missing where lost.count == 1:
                    "event \(lost.lowerBound) is missing before this line"
                case .missing:
                    "events \(lost.lowerBound) to \(lost.upperBound - 1) are missing before this line"
                case .missingAtEnd where lost.count == 1:
                    "event \(lost.lowerBound) is missing after this line"
                case .missingAtEnd:
                    "events \(lost.lowerBound) to \(lost.upperBound - 1) are missing after this line"
                case .undecodable: "the compressed data is damaged"
                case .empty: "the file is empty"
                }
        }
    }

    /// What was checked.
    public struct Summary: Equatable, Sendable {
        /// Files that were read.
        public internal(set) var segments = 0
        /// Events that are as they were written.
        public internal(set) var events = 0
        /// The sequence of the first of them; 0 if there are none.
        public internal(set) var first: UInt64 = 0
        /// The sequence of the last of them; 0 if there are none.
        public internal(set) var last: UInt64 = 0
        /// What is wrong.
        public internal(set) var problems = 0
        /// Bytes at the end that were never acknowledged; the next start moves them aside.
        public internal(set) var unacknowledgedBytes = 0
        /// Events that are missing because a repair put them aside in `damaged/`.
        public internal(set) var repairedEvents = 0
    }

    private let directory: LogDirectory
    private let setAside: SetAside
    /// What `DATA/synced` said; nil if there is none.
    private let mark: UInt64?
    private var summary = Summary()
    /// The sequence that has to come next; nil before the first segment.
    private var expected: UInt64?

    /// Checks the log in `directory`, and calls `report` with each problem as it is found. The log
    /// may be in use.
    public static func run(
        directory: String, report: (Problem) -> Void
    ) throws(SystemError) -> Summary {
        try run(LogDirectory(path: directory, disk: POSIXStorage()), report: report)
    }

    /// The same on any disk.
    package static func run(
        _ directory: LogDirectory, report: (Problem) -> Void
    ) throws(SystemError) -> Summary {
        try run(directory) { segment, finding in report(Problem(finding, in: segment)) }
    }

    /// Checks a log, and calls `report` with what is found in each segment.
    static func run(
        _ directory: LogDirectory, report: (SegmentName, Finding) -> Void
    ) throws(SystemError) -> Summary {
        // Both are read first: what is added meanwhile is not looked at.
        let mark = try SyncedMark.read(directory)
        let segments = try directory.segments()
        var verification = Verification(
            directory: directory, setAside: try SetAside(directory), mark: mark)
        for (index, segment) in segments.enumerated() {
            let successor = index + 1 < segments.count ? segments[index + 1].first : nil
            try verification.check(segment, before: successor, report)
        }
        return verification.summary
    }

    private init(directory: LogDirectory, setAside: SetAside, mark: UInt64?) {
        self.directory = directory
        self.setAside = setAside
        self.mark = mark
    }

    private mutating func check(
        _ name: SegmentName, before limit: UInt64?, _ report: (SegmentName, Finding) -> Void
    ) throws(SystemError) {
        guard let (found, reader) = try directory.reader(of: name) else { return }
        var check = SegmentCheck(name, after: expected, before: limit)
        do throws(SystemError) {
            while try reader.next({ check.visit($0) }) {}
            summary.unacknowledgedBytes += check.finish(mark: mark)
        } catch {
            guard error.code == ZstandardDecoder.damaged else { throw error }
            check.breakOff(mark: mark)
        }
        summary.segments += 1
        summary.events += check.events
        if summary.first == 0 { summary.first = check.first }
        if check.last > 0 { summary.last = check.last }
        expected = check.expected
        for finding in check.findings {
            if finding.bytes.isEmpty, !finding.lost.isEmpty, setAside.contains(finding.lost) {
                summary.repairedEvents += finding.lost.count
            } else {
                summary.problems += 1
                report(found, finding)
            }
        }
    }
}
