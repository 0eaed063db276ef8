import Foundation
import POSIX
import TestSupport
import Testing

@testable import EventLog

@Suite struct CompressionTests {
    private func compressed(_ first: Int) -> String { segment(first) + ".zst" }

    private func compressor(_ fixture: LogFixture) -> Compressor {
        Compressor(
            directory: fixture.log, afterSeconds: 600,
            notice: { _ in Issue.record("a notice") })
    }

    private func compress(_ fixture: LogFixture, _ first: UInt64) throws {
        try compressor(fixture).compress(SegmentName(first: first, state: .sealed))
    }

    @Test("a compressed segment has the same bytes, a checksum, and every reader takes it")
    func roundTrip() throws {
        let fixture = try LogFixture.sealed()
        let plain = try fixture.directory.bytes("data/events/" + segment(1))
        try compress(fixture, 1)
        #expect(fixture.segments() == [compressed(1), segment(4)])
        let file = fixture.data + "/events/" + compressed(1)
        // The zstd of somebody else.
        let result = try ChildProcess.run(["zstd", "-dc", file])
        #expect(result.status == 0)
        #expect(Array(result.output.utf8) == plain)
        let listing = try ChildProcess.run(["zstd", "-lv", file]).output
        #expect(listing.contains("XXH64"), "\(listing)")
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f"])
        #expect(
            try fixture.verify().summary
                == Verification.Summary(segments: 2, events: 6, first: 1, last: 6))
    }

    @Test("the sequence goes on after a compressed segment")
    func restart() throws {
        let fixture = try LogFixture.sealed()
        try compress(fixture, 1)
        try compress(fixture, 4)
        let log = try fixture.open()
        #expect(fixture.append(log, ["g"]) == .pending(through: 7))
        #expect(log.close())
        #expect(fixture.segments() == [compressed(1), compressed(4), segment(7)])
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f", "g"])
        #expect(try fixture.verify().problems == [])
    }

    @Test(
        "sealed segments are compressed by themselves when their time has come, never the live one")
    func background() throws {
        let fixture = try LogFixture.sealed()
        let log = try fixture.open { $0.compressAfterSeconds = 0.05 }
        fixture.append(log, ["g"])
        let expected = [compressed(1), compressed(4), segment(7, open: true)]
        let deadline = Date().addingTimeInterval(20)
        while fixture.segments() != expected, Date() < deadline { usleep(5000) }
        #expect(fixture.segments() == expected)
        #expect(log.close())
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f", "g"])
    }

    @Test("a reader goes on where it was when the segment under it is compressed")
    func readerGoesOn() throws {
        let fixture = try LogFixture.sealed()
        var reader = LogReader(directory: fixture.data, from: 1)
        var texts = ""
        try reader.read { texts += StoredText(String(decoding: $1, as: UTF8.self)).text }
        try compress(fixture, 4)
        try reader.read { texts += StoredText(String(decoding: $1, as: UTF8.self)).text }
        #expect(texts == "abcdef")
    }

    @Test("where a segment is there twice, the plain one counts, and compressing is done again")
    func twice() throws {
        let fixture = try LogFixture.sealed()
        try fixture.directory.write(
            Array("not zstd".utf8), to: "data/events/" + compressed(1))
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f"])
        #expect(try fixture.verify().problems == [])
        try compress(fixture, 1)
        #expect(fixture.segments() == [compressed(1), segment(4)])
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f"])
    }

    @Test("damage to a compressed segment is found, and the others are read all the same")
    func damage() throws {
        let fixture = try LogFixture.sealed()
        let plain = try fixture.directory.bytes("data/events/" + segment(1))
        try compress(fixture, 1)
        let name = "data/events/" + compressed(1)
        let bytes = try fixture.directory.bytes(name)
        var harmful = 0
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            try fixture.directory.write(damaged, to: name)
            let found = try fixture.verify()
            // A few bits of a frame's header mean nothing; all others are found.
            #expect(found.problems.isEmpty == (found.summary.events == 6), "byte \(index)")
            if !found.problems.isEmpty { harmful += 1 }
            #expect(found.summary.last == 6)
        }
        #expect(harmful > bytes.count - 5)
        try fixture.directory.write(Array(bytes.dropLast(3)), to: name)
        #expect(
            try fixture.verify().problems == [
                "events/\(compressed(1)): line 4, byte \(plain.count): the compressed data is damaged"
            ])
    }

    @Test("what a killed process had not finished is removed at the start")
    func leftovers() throws {
        let fixture = try LogFixture.sealed()
        try fixture.directory.write([1], to: "data/events/.\(compressed(1)).tmp")
        try fixture.directory.write([1], to: "data/events/.takeover.tmp")
        #expect(try fixture.open().close())
        #expect(fixture.segments() == [segment(1), segment(4)])
    }

    @Test("a close in the middle leaves the plain segment and nothing else")
    func closed() throws {
        let fixture = try LogFixture.sealed()
        try Compressor(
            directory: fixture.log, afterSeconds: 600,
            notice: { _ in Issue.record("a notice") }, isClosing: { true }
        ).compress(SegmentName(first: 1, state: .sealed))
        #expect(fixture.segments() == [segment(1), segment(4)])
    }
}
