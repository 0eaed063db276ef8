import Foundation
import POSIX
import TestSupport
import Testing

@testable import EventLog

/// Start-up with what a killed process, or a power cut, has left.
@Suite struct RecoveryTests {
    /// The lines of a log: three writes, of events 1 and 2, 3 and 4, 5 and 6; the marks of the
    /// writes are 0, 2 and 4.
    private func written(_ fixture: LogFixture) throws -> [[UInt8]] {
        let log = try fixture.open()
        for texts in [["a", "b"], ["c", "d"], ["e", "f"]] {
            guard case .pending(let last) = fixture.append(log, texts) else { continue }
            #expect(fixture.waitUntilStored(last))
        }
        #expect(log.close())
        let bytes = try fixture.directory.bytes("data/events/" + segment(1))
        return bytes.split(separator: 0x0a).map { Array($0) + [0x0a] }
    }

    /// Puts `bytes` where a killed process has its open segment, starts a log there, appends an
    /// event and stops. What a reader then sees.
    private func restarted(_ fixture: LogFixture, _ bytes: [UInt8]) throws -> [String] {
        try FileManager.default.removeItem(atPath: fixture.data)
        try FileManager.default.createDirectory(
            atPath: fixture.data + "/events", withIntermediateDirectories: true)
        try fixture.directory.write(bytes, to: "data/events/" + segment(1, open: true))
        let log = try fixture.open()
        fixture.append(log, ["new"])
        #expect(log.close())
        return try fixture.readable()
    }

    @Test("a segment that was left open is sealed, with everything that was written")
    func killed() throws {
        let fixture = LogFixture()
        let lines = try written(fixture)
        #expect(
            try restarted(fixture, Array(lines.joined())) == ["a", "b", "c", "d", "e", "f", "new"])
        #expect(fixture.segments() == [segment(1), segment(7)])
        #expect(fixture.directory.list("data/damaged") == [])
        #expect(try fixture.verify().problems == [])
        #expect(
            fixture.notices.withLock { $0 } == [
                "events/\(segment(1)) was left open and has been sealed; it ends with event 6"
            ])
    }

    @Test("whatever the end of the last write is cut to, the events before it stay")
    func everyTruncation() throws {
        let fixture = LogFixture()
        let lines = try written(fixture)
        let whole = Array(lines.joined())
        let promised = lines[..<4].joined().count
        for count in stride(from: whole.count - 1, through: promised, by: -7) {
            let texts = try restarted(fixture, Array(whole[..<count]))
            let kept = count >= whole.count - lines[5].count ? 5 : 4
            #expect(texts == Array(["a", "b", "c", "d", "e"][..<kept]) + ["new"], "\(count)")
            #expect(try fixture.verify().problems == [])
            let leftover = count - lines[..<kept].joined().count
            #expect(
                fixture.directory.list("data/damaged").count == (leftover > 0 ? 1 : 0), "\(count)")
        }
    }

    @Test("an invalid line that was never promised ends the log; the rest is kept aside")
    func unsyncedHole() throws {
        let fixture = LogFixture()
        var lines = try written(fixture)
        // The power cut lost the sectors of event 5, but not those of event 6.
        lines[4] = [UInt8](repeating: 0, count: lines[4].count)
        #expect(try restarted(fixture, Array(lines.joined())) == ["a", "b", "c", "d", "new"])
        #expect(fixture.segments() == [segment(1), segment(5)])
        let start = lines[..<4].joined().count
        let name = "\(segment(1)).from-byte-\(start)"
        #expect(fixture.directory.list("data/damaged") == [name])
        #expect(
            try fixture.directory.bytes("data/damaged/\(name)") == Array(lines[4...].joined()))
        #expect(try fixture.verify().problems == [])
    }

    @Test("an invalid line that was promised is damage: it stays, and so does what follows")
    func damage() throws {
        let fixture = LogFixture()
        var lines = try written(fixture)
        lines[2][10] ^= 1
        #expect(
            try restarted(fixture, Array(lines.joined())) == ["a", "b", "d", "e", "f", "new"])
        let byte = lines[..<2].joined().count
        #expect(
            try fixture.verify().problems == [
                "events/\(segment(1)): line 3, byte \(byte): the checksum does not match"
            ])
        #expect(
            fixture.notices.withLock { $0 }.contains(
                "events/\(segment(1, open: true)) is damaged: line 3, byte \(byte): "
                    + "the checksum does not match"))
        #expect(fixture.directory.list("data/damaged") == [])
    }

    @Test("a sequence that was promised is never given out again")
    func damagedEnd() throws {
        let fixture = LogFixture()
        let lines = try written(fixture)
        // Event 6 is there with its mark of 4, so 3 and 4 were promised; both are one blot now.
        let blot = [UInt8](repeating: 0x20, count: 20) + [0x0a]
        let bytes = lines[..<2].joined() + blot + lines[4...].joined()
        #expect(try restarted(fixture, Array(bytes)) == ["a", "b", "e", "f", "new"])
        let problems = try fixture.verify().problems
        #expect(problems.count == 2, "\(problems)")
    }

    @Test("segments that were all left open are one log; what follows its end is kept aside")
    func severalOpen() throws {
        let fixture = LogFixture()
        var lines = try written(fixture)
        try FileManager.default.removeItem(atPath: fixture.data)
        try FileManager.default.createDirectory(
            atPath: fixture.data + "/events", withIntermediateDirectories: true)
        // The roll to a second segment was not yet synced when the power went.
        lines[3][5] ^= 1
        let first = Array(lines[..<4].joined())
        let last = Array(lines[4...].joined())
        let unpromising = String(decoding: last, as: UTF8.self)
        try #require(unpromising.contains(#""synced":4"#))
        // Its mark of 4 promises event 4, so damage there is damage.
        try fixture.directory.write(first, to: "data/events/" + segment(1, open: true))
        try fixture.directory.write(last, to: "data/events/" + segment(5, open: true))
        let log = try fixture.open()
        #expect(log.close())
        #expect(try fixture.readable() == ["a", "b", "c", "e", "f"])

        // Without that promise it ends the log, and the later segment goes with it.
        try FileManager.default.removeItem(atPath: fixture.data)
        try FileManager.default.createDirectory(
            atPath: fixture.data + "/events", withIntermediateDirectories: true)
        try fixture.directory.write(first, to: "data/events/" + segment(1, open: true))
        try fixture.directory.write(lines[5], to: "data/events/" + segment(5, open: true))
        let again = try fixture.open()
        fixture.append(again, ["new"])
        #expect(again.close())
        #expect(try fixture.readable() == ["a", "b", "c", "new"])
        #expect(fixture.segments() == [segment(1), segment(4)])
        #expect(fixture.directory.list("data/damaged").count == 2)
    }

    @Test("recovery that is interrupted does the same again")
    func idempotent() throws {
        let fixture = LogFixture()
        let lines = try written(fixture)
        let torn = Array(lines.joined().dropLast(3))
        let expected = try restarted(fixture, torn)
        // As it stood after the copy and before the cut.
        let name = fixture.directory.list("data/damaged")[0]
        let copy = try fixture.directory.bytes("data/damaged/\(name)")
        try FileManager.default.removeItem(atPath: fixture.data + "/events")
        try FileManager.default.createDirectory(
            atPath: fixture.data + "/events", withIntermediateDirectories: true)
        try fixture.directory.write(torn, to: "data/events/" + segment(1, open: true))
        let log = try fixture.open()
        fixture.append(log, ["new"])
        #expect(log.close())
        #expect(try fixture.readable() == expected)
        #expect(fixture.directory.list("data/damaged") == [name])
        #expect(try fixture.directory.bytes("data/damaged/\(name)") == copy)
    }

    @Test(
        "a segment without a single line is moved out of the way",
        arguments: [[], [0, 0, 0, 0], Array("not a log\n".utf8)] as [[UInt8]])
    func nothingInIt(_ bytes: [UInt8]) throws {
        let fixture = LogFixture()
        _ = try written(fixture)
        #expect(try restarted(fixture, bytes) == ["new"])
        #expect(fixture.segments() == [segment(1)])
        #expect(fixture.directory.list("data/damaged").count == (bytes.isEmpty ? 0 : 1))
    }

    @Test("the sequence goes on after an open segment of which nothing is left")
    func emptyAfterOthers() throws {
        let fixture = LogFixture()
        _ = try written(fixture)
        // Earlier segments may have been deleted; the name still tells the sequence.
        try FileManager.default.removeItem(atPath: fixture.data + "/events/" + segment(1))
        try fixture.directory.write([], to: "data/events/" + segment(100, open: true))
        let log = try fixture.open()
        #expect(fixture.append(log, ["new"]) == .pending(through: 100))
        #expect(log.close())
        #expect(fixture.segments() == [segment(100)])
    }

    @Test("where two segments overlap, the later one wins, for every reader")
    func overlap() throws {
        let fixture = LogFixture()
        let lines = try written(fixture)
        // Events 4 to 6 stand in the first segment too, 5 of them damaged.
        var old = lines
        old[4][3] ^= 1
        try FileManager.default.removeItem(atPath: fixture.data + "/events")
        try FileManager.default.createDirectory(
            atPath: fixture.data + "/events", withIntermediateDirectories: true)
        try fixture.directory.write(
            Array(old.joined()), to: "data/events/" + segment(1, open: true))
        try fixture.directory.write(
            Array(lines[3...].joined()), to: "data/events/" + segment(4, open: true))
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f"])
        #expect(try fixture.verify().problems == [])
        let log = try fixture.open()
        #expect(log.close())
        #expect(try fixture.readable() == ["a", "b", "c", "d", "e", "f"])
        #expect(try fixture.verify().problems == [])
    }
}
