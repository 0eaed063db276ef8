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
    }

    private let directory: LogDirectory
    private let report: (Problem) -> Void
    private var summary = Summary()
    private var expected: UInt64 = 0

    /// Checks the log in `directory`, and calls `report` with each problem as it is found. The log
    /// may be in use.
    public static func run(
        directory: String, report: @escaping (Problem) -> Void
    ) throws(SystemError) -> Summary {
        try run(LogDirectory(path: directory, disk: POSIXStorage()), report: report)
    }

    static func run(
        _ directory: LogDirectory, report: @escaping (Problem) -> Void
    ) throws(SystemError) -> Summary {
        var verification = Verification(directory: directory, report: report)
        // Listed first: a segment that is begun meanwhile is not looked at.
        let segments = try verification.directory.segments()
        for (index, segment) in segments.enumerated() {
            let successor = index + 1 < segments.count ? segments[index + 1].first : nil
            do throws(SystemError) {
                try verification.check(segment, before: successor)
            } catch {
                guard error.code == ZstandardDecoder.damaged else { throw error }
                verification.add(
                    Problem(
                        file: "events/\(segment)", line: 1, byte: 0,
                        reason: "the compressed data is damaged"))
                verification.expected = successor ?? verification.expected
            }
        }
        return verification.summary
    }

    private init(directory: LogDirectory, report: @escaping (Problem) -> Void) {
        self.directory = directory
        self.report = report
    }

    /// Checks a segment. From sequence `limit` on its lines stand again in the next one, which
    /// wins, so they do not matter here.
    private mutating func check(
        _ name: SegmentName, before limit: UInt64?
    ) throws(SystemError) {
        let isLast = limit == nil
        let promised = SyncedMark.read(directory)
        guard let (found, reader) = try directory.reader(of: name) else { return }
        let file = "events/\(found)"
        summary.segments += 1
        if expected == 0 { expected = name.first }
        if name.first > expected {
            add(Problem(file: file, line: 1, byte: 0, reason: missing(expected, name.first)))
        }
        expected = name.first
        var lineNumber = 0
        // Invalid lines since the last valid one: each stands for one sequence.
        var invalid: [(problem: Problem, isFinished: Bool)] = []
        while try reader.next({ line in
            lineNumber += 1
            func problem(_ reason: String) -> Problem {
                Problem(file: file, line: lineNumber, byte: line.offset, reason: reason)
            }
            switch line.verdict {
            case .valid(let sequence, _):
                if let limit, sequence >= limit { return }
                for entry in invalid { add(entry.problem) }
                let next = expected + UInt64(invalid.count)
                if sequence > next { add(problem(missing(next, sequence))) }
                if sequence < next { add(problem("event \(sequence) is out of order")) }
                invalid = []
                expected = sequence + 1
                summary.events += 1
                if summary.first == 0 { summary.first = sequence }
                summary.last = sequence
            case .invalid(let damage):
                invalid.append((problem("\(damage)"), line.isFinished))
            }
        }) {}
        for (index, entry) in invalid.enumerated() {
            let sequence = expected + UInt64(index)
            if let limit, sequence >= limit { break }
            // The end of a segment that is being written may be half a line. Without a mark, in a
            // copy, only that is excused.
            let isPromised = promised.map { sequence <= $0 } ?? entry.isFinished
            if name.state == .open, isLast, !isPromised {
                summary.unacknowledgedBytes = reader.offset - entry.problem.byte
                break
            }
            add(entry.problem)
        }
        expected += UInt64(invalid.count)
        if let limit { expected = min(expected, limit) }
    }

    private mutating func add(_ problem: Problem) {
        summary.problems += 1
        report(problem)
    }

    private func missing(_ first: UInt64, _ next: UInt64) -> String {
        first + 1 == next
            ? "event \(first) is missing before this line"
            : "events \(first) to \(next - 1) are missing before this line"
    }
}
