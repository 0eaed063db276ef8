import Foundation
import TestSupport
import Testing

@testable import EventLog

@Suite struct VerificationTests {
    private func change(
        _ fixture: LogFixture, _ first: Int, _ change: (inout [UInt8]) -> Void
    ) throws {
        var bytes = try fixture.directory.bytes("data/events/" + segment(first))
        change(&bytes)
        try fixture.directory.write(bytes, to: "data/events/" + segment(first))
    }

    @Test("every flipped bit of a sealed log is found, by file, line and byte")
    func flippedBits() throws {
        let fixture = try LogFixture.sealed()
        let original = try fixture.directory.bytes("data/events/" + segment(1))
        let lineStarts = [0] + original.indices.filter { original[$0] == 0x0a }.map { $0 + 1 }
        for index in original.indices.dropLast() {
            try change(fixture, 1) {
                $0 = original; $0[index] ^= 0x10
            }
            let problems = try fixture.verify().problems
            let line = lineStarts.lastIndex { $0 <= index } ?? 0
            #expect(
                problems.first?.hasPrefix(
                    "events/\(segment(1)): line \(line + 1), byte \(lineStarts[line]): ") == true,
                "\(index): \(problems)")
        }
    }

    @Test("missing lines, missing segments and repeated lines are found")
    func sequences() throws {
        let fixture = try LogFixture.sealed()
        let first = try fixture.directory.bytes("data/events/" + segment(1))
        let lines = first.split(separator: 0x0a).map { Array($0) + [0x0a] }
        try change(fixture, 1) { $0 = lines[0] + lines[2] }
        #expect(
            try fixture.verify().problems == [
                "events/\(segment(1)): line 2, byte \(lines[0].count): "
                    + "event 2 is missing before this line"
            ])
        try change(fixture, 1) { $0 = lines[0] + lines[0] + lines[1] + lines[2] }
        #expect(
            try fixture.verify().problems == [
                "events/\(segment(1)): line 2, byte \(lines[0].count): event 1 is out of order"
            ])
        try change(fixture, 1) { $0 = lines[0] }
        #expect(
            try fixture.verify().problems == [
                "events/\(segment(4)): line 1, byte 0: "
                    + "events 2 to 3 are missing before this line"
            ])
    }

    @Test("a sealed segment that ends in half a line is damaged")
    func halfALine() throws {
        let fixture = try LogFixture.sealed()
        try change(fixture, 4) { $0.removeLast(5) }
        let problems = try fixture.verify().problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasSuffix("the line is not finished") == true)
    }

    @Test("half a line at the end of an open segment is no damage")
    func liveEnd() throws {
        let fixture = try LogFixture.sealed()
        let bytes = try fixture.directory.bytes("data/events/" + segment(4))
        let live = Array(bytes.dropLast(5))
        try fixture.directory.write(live, to: "data/events/" + segment(4, open: true))
        try FileManager.default.removeItem(atPath: fixture.data + "/events/" + segment(4))
        // As a killed process leaves it that had synced events 4 and 5.
        try SyncedMark.persist(5, in: fixture.log)
        try SyncedMark.persist(5, in: fixture.log)
        let found = try fixture.verify()
        #expect(found.problems == [])
        #expect(found.summary.last == 5)
        #expect(found.summary.unacknowledgedBytes > 0)
        // Had it synced event 6 too, something promised would be gone.
        try SyncedMark.persist(6, in: fixture.log)
        #expect(try fixture.verify().problems.count == 1)
    }

    @Test("a line that is far too long does not take memory or the rest with it")
    func longGarbage() throws {
        let fixture = try LogFixture.sealed()
        try change(fixture, 1) { bytes in
            let newline = bytes.firstIndex(of: 0x0a) ?? 0
            bytes.insert(
                contentsOf: [UInt8](repeating: 0x78, count: 5 << 20), at: newline + 1)
        }
        let found = try fixture.verify()
        #expect(found.problems.count == 1)
        #expect(found.problems.first?.contains("line 2") == true)
        #expect(try fixture.readable() == ["a", "c", "d", "e", "f"])
    }
}
