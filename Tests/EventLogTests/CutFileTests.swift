import TestSupport
import Testing

@testable import EventLog

/// A segment whose end is gone, at every length of its last 2 KiB.
@Suite struct CutFileTests {
    /// A log of events 1 to 6, with a segment that ends early.
    private struct CutLog {
        let directory: LogDirectory
        /// The bytes that are left of the segment.
        let bytes: Int
        /// Its whole lines.
        let lines: Int

        static let lineBytes = 512

        init(keeping bytes: Int, open: Bool, synced: (_ lines: Int) -> Int) throws {
            let disk = SimulatedDisk(seed: 1)
            directory = LogDirectory(path: "data", disk: disk)
            self.bytes = bytes
            lines = bytes / Self.lineBytes
            var whole: [UInt8] = []
            for number in 1...6 { whole += Self.line(number) }
            disk.put(
                Array(whole[..<bytes]), at: "data/events/" + segment(1, open: open))
            try SyncedMark.persist(UInt64(synced(lines)), in: directory)
        }

        private static func line(_ number: Int) -> [UInt8] {
            let body = #"{"n":""#
            let proof = #"","seq":1,"sum":"0123456789abcdef"}"#.utf8.count + 1
            let text =
                body + String(repeating: "x", count: lineBytes - body.utf8.count - proof) + "\""
            var line = Array(text.utf8) + [UInt8](repeating: 0, count: LineProof.bytesMax)
            let length = line.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.map {
                    LineProof.finish(
                        $0, count: text.utf8.count, sequence: UInt64(number), synced: nil)
                }
            }
            return Array(line[..<(length ?? 0)])
        }

        func verify() throws -> [String] {
            var said: [String] = []
            let summary = try Verification.run(directory) { said.append($0.description) }
            let unacknowledged = summary.unacknowledgedBytes
            return said + [
                "\(summary.events) events, \(summary.problems) problems"
                    + (unacknowledged > 0 ? ", \(unacknowledged) bytes not acknowledged" : "")
            ]
        }

        func start() throws -> (said: [String], next: UInt64) {
            var said: [String] = []
            let next = try Recovery(directory) { said.append($0.description) }.run()
            return (said, next)
        }

        /// Where the segment ends, and what is gone.
        var problem: String {
            if bytes % CutLog.lineBytes > 0 {
                return "line \(lines + 1), byte \(lines * 512): the line is not finished"
            }
            return "line \(lines), byte \(bytes): "
                + (lines == 5 ? "event 6 is" : "events \(lines + 1) to 6 are")
                + " missing after this line"
        }
    }

    /// The lengths, from one byte less to 2 KiB less.
    private static let lengths = 6 * CutLog.lineBytes - 2048..<6 * CutLog.lineBytes

    @Test("of a sealed segment the end is damaged")
    func sealed() throws {
        for length in Self.lengths {
            let log = try CutLog(keeping: length, open: false) { _ in 6 }
            #expect(
                try log.verify() == [
                    "events/\(segment(1)): \(log.problem)", "\(log.lines) events, 1 problems",
                ])
        }
    }

    @Test("of an open segment, what was never promised is moved aside")
    func open() throws {
        for length in Self.lengths {
            let log = try CutLog(keeping: length, open: true) { $0 }
            let rest = length % CutLog.lineBytes
            #expect(
                try log.verify() == [
                    "\(log.lines) events, 0 problems"
                        + (rest > 0 ? ", \(rest) bytes not acknowledged" : "")
                ])
            let (said, next) = try log.start()
            #expect(
                said
                    == (rest > 0
                        ? [
                            "\(rest) bytes that were never acknowledged were moved to "
                                + "data/damaged/\(segment(1)).from-byte-\(length - rest)"
                        ] : []) + [
                        "events/\(segment(1)) was left open and has been sealed; it ends with event "
                            + "\(log.lines)"
                    ])
            #expect(next == UInt64(log.lines + 1))
            #expect(try log.verify() == ["\(log.lines) events, 0 problems"])
        }
    }

    @Test("of an open segment, what was promised and is gone is named, and no sequence comes again")
    func promised() throws {
        for length in Self.lengths {
            let log = try CutLog(keeping: length, open: true) { _ in 6 }
            let file = "events/\(segment(1, open: true))"
            #expect(
                try log.verify() == [
                    "\(file): \(log.problem)", "\(log.lines) events, 1 problems",
                ])
            let (said, next) = try log.start()
            let sealed =
                "events/\(segment(1)) was left open and has been sealed; it ends with event "
            #expect(
                said
                    == (length % CutLog.lineBytes > 0
                        ? ["\(file) is damaged: \(log.problem)", sealed + "6"]
                        : [
                            sealed + "\(log.lines)",
                            log.lines == 5
                                ? "event 6 was acknowledged and is not there"
                                : "events \(log.lines + 1) to 6 were acknowledged and are not there",
                        ]))
            #expect(next == 7)
        }
    }
}
