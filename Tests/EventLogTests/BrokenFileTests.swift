import Foundation
import POSIX
import TestSupport
import Testing

@testable import EventLog

/// A log of three sealed segments, of events 1 to 3, 4 to 6 and 7 to 9, every line 512 bytes long,
/// that is then broken.
private final class BrokenLog {
    let fixture = LogFixture()

    init() throws {
        for first in [1, 4, 7] {
            let log = try fixture.open()
            for number in first..<first + 3 { fixture.append(log, [Self.text(number)]) }
            try #require(log.close())
            try #require(bytes(first).count == 3 * 512)
        }
        fixture.notices.withLock { $0 = [] }
    }

    /// Fills a line up to 512 bytes, with its mark, its number and its sum.
    private static func text(_ number: Int) -> String {
        "e\(number)-" + String(repeating: "x", count: 456)
    }

    static func path(_ first: Int, open: Bool = false) -> String {
        "data/events/" + segment(first, open: open)
    }

    func bytes(_ first: Int) throws -> [UInt8] {
        try fixture.directory.bytes(Self.path(first))
    }

    func change(_ first: Int, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try bytes(first)
        change(&bytes)
        try fixture.directory.write(bytes, to: Self.path(first))
    }

    func remove(_ first: Int) throws {
        try FileManager.default.removeItem(atPath: fixture.directory.file(Self.path(first)))
    }

    func compress(_ first: UInt64) throws {
        try Compressor(directory: fixture.log, afterSeconds: 0, notice: { _ in })
            .compress(SegmentName(first: first, state: .sealed))
    }

    /// Gives the last segment the name that it has while it is written.
    func reopen(synced: UInt64) throws {
        try FileManager.default.moveItem(
            atPath: fixture.directory.file(Self.path(7)),
            toPath: fixture.directory.file(Self.path(7, open: true)))
        try SyncedMark.persist(synced, in: fixture.log)
    }

    /// What `verify` says, with short names.
    func verify() throws -> [String] {
        let (summary, problems) = try fixture.verify()
        var last = "\(summary.events) events, \(summary.problems) problems"
        if summary.unacknowledgedBytes > 0 {
            last += ", \(summary.unacknowledgedBytes) bytes not acknowledged"
        }
        if summary.repairedEvents > 0 { last += ", \(summary.repairedEvents) set aside" }
        return (problems + [last]).map { shorten("verify: " + $0) }
    }

    /// What a start says.
    func start() throws -> [String] {
        #expect(try fixture.open().close())
        defer { fixture.notices.withLock { $0 = [] } }
        return fixture.notices.withLock { $0 }.map { shorten("start: " + $0) }
    }

    /// What a repair says.
    func repair() throws -> [String] {
        let steps = Monitor<[String]>([])
        try Repair.run(directory: fixture.data) { step in steps.withLock { $0.append(step) } }
        return steps.withLock { $0 }.map { shorten("repair: " + $0) }
    }

    /// What `verify`, a start, `verify`, a repair and again `verify` say. The start and the repair
    /// each have the log as it was given.
    func transcript() throws -> [String] {
        let copy = fixture.directory.file("copy")
        try FileManager.default.copyItem(atPath: fixture.data, toPath: copy)
        var said = try verify() + start() + verify()
        try FileManager.default.removeItem(atPath: fixture.data)
        try FileManager.default.moveItem(atPath: copy, toPath: fixture.data)
        said += try repair() + verify()
        return said
    }

    private func shorten(_ text: String) -> String {
        text.replacingOccurrences(of: fixture.data, with: "DATA")
            .replacingOccurrences(of: "0000000000000000000", with: "#")
    }
}

extension [UInt8] {
    fileprivate mutating func zero(_ range: Range<Int>) {
        replaceSubrange(range, with: repeatElement(0, count: range.count))
    }
}

/// A way to break the log, and what everybody says then.
private struct Breakage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let transcript: [String]
    let apply: @Sendable (BrokenLog) throws -> Void

    init(
        _ description: String, says transcript: [String],
        _ apply: @escaping @Sendable (BrokenLog) throws -> Void
    ) {
        testDescription = description
        self.transcript = transcript
        self.apply = apply
    }
}

/// Files broken by hand, and what is said of them, word for word.
@Suite struct BrokenFileTests {
    @Test("each kind of damage is named, and a repair keeps the bytes", arguments: breakages)
    private func damage(_ breakage: Breakage) throws {
        let log = try BrokenLog()
        try breakage.apply(log)
        let before = try allBytes(log)
        let transcript = try log.transcript()
        #expect(transcript == breakage.transcript)
        let after = try allBytes(log)
        // What was there is still there: in the log, or aside.
        #expect(after >= before, "\(before - after) bytes are gone")
    }

    /// The bytes of all files together: enough to see that some are gone.
    private func allBytes(_ log: BrokenLog) throws -> Int {
        try ["data/events", "data/damaged"].reduce(0) { sum, folder in
            try log.fixture.directory.list(folder).reduce(sum) {
                try $0 + log.fixture.directory.bytes("\(folder)/\($1)").count
            }
        }
    }

    @Test("a repair needs the directory for itself")
    func locked() throws {
        let log = try BrokenLog()
        let writer = try log.fixture.open()
        #expect {
            try log.repair()
        } throws: {
            "\($0)".contains("is in use by process \(getpid())")
        }
        #expect(writer.close())
    }

    @Test("a repair that is interrupted is done again, whole")
    func interrupted() throws {
        let log = try BrokenLog()
        try log.change(4) { $0[600] ^= 1 }
        // As it stood after the copy to damaged/ and half of the new file.
        try log.fixture.directory.write([1], to: "data/events/.\(segment(4)).tmp")
        _ = try log.repair()
        #expect(try log.verify() == ["verify: 8 events, 0 problems, 1 set aside"])
        #expect(log.fixture.segments() == [segment(1), segment(4), segment(7)])
        #expect(try log.repair() == [])
    }

    private static let breakages: [Breakage] = [
        Breakage(
            "a flipped bit in the first line",
            says: [
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: 8 events, 1 problems",
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: 8 events, 1 problems",
                "repair: events/#4.ndjson: 512 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-0.events-4-4",
                "repair: events/#4.ndjson: written again without them",
                "verify: 8 events, 0 problems, 1 set aside",
            ]
        ) { try $0.change(4) { $0[10] ^= 1 } },
        Breakage(
            "a flipped bit in the middle",
            says: [
                "verify: events/#4.ndjson: line 2, byte 512: the checksum does not match",
                "verify: 8 events, 1 problems",
                "verify: events/#4.ndjson: line 2, byte 512: the checksum does not match",
                "verify: 8 events, 1 problems",
                "repair: events/#4.ndjson: 512 bytes from byte 512 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-512.events-5-5",
                "repair: events/#4.ndjson: written again without them",
                "verify: 8 events, 0 problems, 1 set aside",
            ]
        ) { try $0.change(4) { $0[600] ^= 1 } },
        Breakage(
            "a flipped bit in the last line",
            says: [
                "verify: events/#4.ndjson: line 3, byte 1024: the checksum does not match",
                "verify: 8 events, 1 problems",
                "verify: events/#4.ndjson: line 3, byte 1024: the checksum does not match",
                "verify: 8 events, 1 problems",
                "repair: events/#4.ndjson: 512 bytes from byte 1024 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-1024.events-6-6",
                "repair: events/#4.ndjson: written again without them",
                "verify: 8 events, 0 problems, 1 set aside",
            ]
        ) { try $0.change(4) { $0[1500] ^= 1 } },
        Breakage(
            "a flipped bit in a newline",
            says: [
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: events/#4.ndjson: line 2, byte 1024: event 5 is missing before this "
                    + "line",
                "verify: 7 events, 2 problems",
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: events/#4.ndjson: line 2, byte 1024: event 5 is missing before this "
                    + "line",
                "verify: 7 events, 2 problems",
                "repair: events/#4.ndjson: 1024 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-0.events-4-5",
                "repair: events/#4.ndjson: written again without them",
                "verify: 7 events, 0 problems, 2 set aside",
            ]
        ) { try $0.change(4) { $0[511] ^= 1 } },
        Breakage(
            "a sector of zeros",
            says: [
                "verify: events/#4.ndjson: line 2, byte 512: the checksum does not match",
                "verify: 7 events, 1 problems",
                "verify: events/#4.ndjson: line 2, byte 512: the checksum does not match",
                "verify: 7 events, 1 problems",
                "repair: events/#4.ndjson: 1024 bytes from byte 512 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-512.events-5-6",
                "repair: events/#4.ndjson: written again without them",
                "verify: 7 events, 0 problems, 2 set aside",
            ]
        ) { try $0.change(4) { $0.zero(512..<1024) } },
        Breakage(
            "two sectors of zeros across all lines",
            says: [
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: 6 events, 1 problems",
                "verify: events/#4.ndjson: line 1, byte 0: the checksum does not match",
                "verify: 6 events, 1 problems",
                "repair: events/#4.ndjson: 1536 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-0.events-4-6",
                "repair: events/#4.ndjson: nothing else was in it, so it is gone",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) { try $0.change(4) { $0.zero(256..<1280) } },
        Breakage(
            "a missing segment in the middle",
            says: [
                "verify: events/#7.ndjson: line 1, byte 0: events 4 to 6 are missing before "
                    + "this line",
                "verify: 6 events, 1 problems",
                "verify: events/#7.ndjson: line 1, byte 0: events 4 to 6 are missing before "
                    + "this line",
                "verify: 6 events, 1 problems",
                "verify: events/#7.ndjson: line 1, byte 0: events 4 to 6 are missing before "
                    + "this line",
                "verify: 6 events, 1 problems",
            ]
        ) { try $0.remove(4) },
        Breakage(
            "a missing segment at the end",
            says: [
                "verify: events/#4.ndjson: line 3, byte 1536: events 7 to 9 are missing "
                    + "after this line",
                "verify: 6 events, 1 problems",
                "start: events 7 to 9 were acknowledged and are not there",
                "verify: events/#4.ndjson: line 3, byte 1536: events 7 to 9 are missing "
                    + "after this line",
                "verify: 6 events, 1 problems",
                "repair: events 7 to 9 were acknowledged and are not there",
                "verify: events/#4.ndjson: line 3, byte 1536: events 7 to 9 are missing "
                    + "after this line",
                "verify: 6 events, 1 problems",
            ]
        ) { try $0.remove(7) },
        Breakage(
            "an empty file in the middle",
            says: [
                "verify: events/#4.ndjson: line 1, byte 0: the file is empty",
                "verify: 6 events, 1 problems",
                "start: events/#4.ndjson was empty and has been removed",
                "verify: events/#7.ndjson: line 1, byte 0: events 4 to 6 are missing before "
                    + "this line",
                "verify: 6 events, 1 problems",
                "repair: events/#4.ndjson was empty and has been removed",
                "verify: events/#7.ndjson: line 1, byte 0: events 4 to 6 are missing before "
                    + "this line",
                "verify: 6 events, 1 problems",
            ]
        ) { try $0.change(4) { $0 = [] } },
        Breakage(
            "an empty file at the end",
            says: [
                "verify: events/#7.ndjson: line 1, byte 0: the file is empty",
                "verify: 6 events, 1 problems",
                "start: events/#7.ndjson was empty and has been removed",
                "start: events 7 to 9 were acknowledged and are not there",
                "verify: events/#4.ndjson: line 3, byte 1536: events 7 to 9 are missing "
                    + "after this line",
                "verify: 6 events, 1 problems",
                "repair: events/#7.ndjson was empty and has been removed",
                "repair: events 7 to 9 were acknowledged and are not there",
                "verify: events/#4.ndjson: line 3, byte 1536: events 7 to 9 are missing "
                    + "after this line",
                "verify: 6 events, 1 problems",
            ]
        ) { try $0.change(7) { $0 = [] } },
        Breakage(
            "a file of NULs in the middle",
            says: [
                "verify: events/#4.ndjson: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "verify: events/#4.ndjson: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "repair: events/#4.ndjson: 1536 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-0.events-4-6",
                "repair: events/#4.ndjson: nothing else was in it, so it is gone",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) { try $0.change(4) { $0.zero(0..<1536) } },
        Breakage(
            "a file of NULs at the end",
            says: [
                "verify: events/#7.ndjson: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "start: events 8 to 9 were acknowledged and are not there",
                "verify: events/#7.ndjson: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "repair: events 8 to 9 were acknowledged and are not there",
                "repair: events/#7.ndjson: 1536 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#7.ndjson.byte-0.events-7-9",
                "repair: events/#7.ndjson: nothing else was in it, so it is gone",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) { try $0.change(7) { $0.zero(0..<1536) } },
        Breakage(
            "an open segment of NULs that was never synced",
            says: [
                "verify: 6 events, 0 problems, 1536 bytes not acknowledged",
                "start: 1536 bytes that were never acknowledged were moved to "
                    + "DATA/damaged/#7.ndjson.from-byte-0",
                "verify: 6 events, 0 problems",
                "repair: 1536 bytes that were never acknowledged were moved to "
                    + "DATA/damaged/#7.ndjson.from-byte-0",
                "verify: 6 events, 0 problems",
            ]
        ) {
            try $0.change(7) { $0.zero(0..<1536) }
            try $0.reopen(synced: 6)
        },
        Breakage(
            "an open segment of NULs that was synced",
            says: [
                "verify: events/#7.ndjson.open: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "start: events/#7.ndjson.open is damaged: line 1, byte 0: the line is not "
                    + "finished",
                "start: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "verify: events/#7.ndjson: line 1, byte 0: the line is not finished",
                "verify: 6 events, 1 problems",
                "repair: events/#7.ndjson.open is damaged: line 1, byte 0: the line is not "
                    + "finished",
                "repair: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "repair: events/#7.ndjson: 1536 bytes from byte 0 on are kept in "
                    + "DATA/damaged/#7.ndjson.byte-0.events-7-9",
                "repair: events/#7.ndjson: nothing else was in it, so it is gone",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) {
            try $0.change(7) { $0.zero(0..<1536) }
            try $0.reopen(synced: 9)
        },
        Breakage(
            "a flipped bit in a line that was never synced",
            says: [
                "verify: 8 events, 0 problems, 512 bytes not acknowledged",
                "start: 512 bytes that were never acknowledged were moved to "
                    + "DATA/damaged/#7.ndjson.from-byte-1024",
                "start: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 8",
                "verify: 8 events, 0 problems",
                "repair: 512 bytes that were never acknowledged were moved to "
                    + "DATA/damaged/#7.ndjson.from-byte-1024",
                "repair: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 8",
                "verify: 8 events, 0 problems",
            ]
        ) {
            try $0.change(7) { $0[1500] ^= 1 }
            try $0.reopen(synced: 8)
        },
        Breakage(
            "a flipped bit in the last line that was synced",
            says: [
                "verify: events/#7.ndjson.open: line 3, byte 1024: the checksum does not match",
                "verify: 8 events, 1 problems",
                "start: events/#7.ndjson.open is damaged: line 3, byte 1024: the checksum "
                    + "does not match",
                "start: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "verify: events/#7.ndjson: line 3, byte 1024: the checksum does not match",
                "verify: 8 events, 1 problems",
                "repair: events/#7.ndjson.open is damaged: line 3, byte 1024: the checksum "
                    + "does not match",
                "repair: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "repair: events/#7.ndjson: 512 bytes from byte 1024 on are kept in "
                    + "DATA/damaged/#7.ndjson.byte-1024.events-9-9",
                "repair: events/#7.ndjson: written again without them",
                "verify: 8 events, 0 problems, 1 set aside",
            ]
        ) {
            try $0.change(7) { $0[1500] ^= 1 }
            try $0.reopen(synced: 9)
        },
        Breakage(
            "a sector of zeros in an open segment",
            says: [
                "verify: events/#7.ndjson.open: line 2, byte 512: the checksum does not match",
                "verify: 7 events, 1 problems",
                "start: events/#7.ndjson.open is damaged: line 2, byte 512: the checksum "
                    + "does not match",
                "start: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "verify: events/#7.ndjson: line 2, byte 512: the checksum does not match",
                "verify: 7 events, 1 problems",
                "repair: events/#7.ndjson.open is damaged: line 2, byte 512: the checksum "
                    + "does not match",
                "repair: events/#7.ndjson was left open and has been sealed; it ends with "
                    + "event 9",
                "repair: events/#7.ndjson: 1024 bytes from byte 512 on are kept in "
                    + "DATA/damaged/#7.ndjson.byte-512.events-8-9",
                "repair: events/#7.ndjson: written again without them",
                "verify: 7 events, 0 problems, 2 set aside",
            ]
        ) {
            try $0.change(7) { $0.zero(512..<1024) }
            try $0.reopen(synced: 9)
        },
        Breakage(
            "an open segment without a byte",
            says: [
                "verify: 6 events, 0 problems",
                "verify: 6 events, 0 problems",
                "verify: 6 events, 0 problems",
            ]
        ) {
            try $0.change(7) { $0 = [] }
            try $0.reopen(synced: 6)
        },
        Breakage(
            "segments that overlap: the later one wins",
            says: [
                "verify: 9 events, 0 problems",
                "verify: 9 events, 0 problems",
                "verify: 9 events, 0 problems",
            ]
        ) {
            let later = try $0.bytes(4)
            try $0.change(1) { $0 += later[..<600] }
        },
        Breakage(
            "a segment plain and compressed: the plain one wins",
            says: [
                "verify: 9 events, 0 problems",
                "verify: 9 events, 0 problems",
                "verify: 9 events, 0 problems",
            ]
        ) {
            try $0.fixture.directory.write(Array("not zstd".utf8), to: BrokenLog.path(4) + ".zst")
        },
        Breakage(
            "a compressed segment that is cut",
            says: [
                "verify: events/#4.ndjson.zst: line 1, byte 0: the compressed data is damaged",
                "verify: 6 events, 1 problems",
                "verify: events/#4.ndjson.zst: line 1, byte 0: the compressed data is damaged",
                "verify: 6 events, 1 problems",
                "repair: events/#4.ndjson.zst is kept in "
                    + "DATA/damaged/#4.ndjson.zst.events-4-6; nothing of it could be decompressed",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) {
            try $0.compress(4)
            let bytes = try $0.fixture.directory.bytes(BrokenLog.path(4) + ".zst")
            try $0.fixture.directory.write(bytes.dropLast(40), to: BrokenLog.path(4) + ".zst")
        },
        Breakage(
            "a compressed segment at the end that is cut",
            says: [
                "verify: events/#7.ndjson.zst: line 1, byte 0: the compressed data is damaged",
                "verify: 6 events, 1 problems",
                "start: events/#7.ndjson.zst is damaged: the compressed data cannot be read",
                "start: events 7 to 9 were acknowledged and are not there",
                "verify: events/#7.ndjson.zst: line 1, byte 0: the compressed data is damaged",
                "verify: 6 events, 1 problems",
                "repair: events/#7.ndjson.zst is damaged: the compressed data cannot be read",
                "repair: events 7 to 9 were acknowledged and are not there",
                "repair: events/#7.ndjson.zst is kept in DATA/damaged/#7.ndjson.zst.events-7-9; "
                    + "nothing of it could be decompressed",
                "verify: 6 events, 0 problems, 3 set aside",
            ]
        ) {
            try $0.compress(7)
            let bytes = try $0.fixture.directory.bytes(BrokenLog.path(7) + ".zst")
            try $0.fixture.directory.write(bytes.dropLast(40), to: BrokenLog.path(7) + ".zst")
        },
        Breakage(
            "a compressed segment with a damaged line",
            says: [
                "verify: events/#4.ndjson.zst: line 2, byte 512: the checksum does not match",
                "verify: 8 events, 1 problems",
                "verify: events/#4.ndjson.zst: line 2, byte 512: the checksum does not match",
                "verify: 8 events, 1 problems",
                "repair: events/#4.ndjson.zst is kept in DATA/damaged/#4.ndjson.zst; "
                    + "events/#4.ndjson has what could be decompressed",
                "repair: events/#4.ndjson: 512 bytes from byte 512 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-512.events-5-5",
                "repair: events/#4.ndjson: written again without them",
                "verify: 8 events, 0 problems, 1 set aside",
            ]
        ) {
            try $0.change(4) { $0[600] ^= 1 }
            try $0.compress(4)
        },
        Breakage(
            "a line that stands there twice",
            says: [
                "verify: events/#4.ndjson: line 4, byte 1536: event 5 is out of order",
                "verify: 9 events, 1 problems",
                "verify: events/#4.ndjson: line 4, byte 1536: event 5 is out of order",
                "verify: 9 events, 1 problems",
                "repair: events/#4.ndjson: 512 bytes from byte 1536 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-1536",
                "repair: events/#4.ndjson: written again without them",
                "verify: 9 events, 0 problems",
            ]
        ) { try $0.change(4) { $0 += Array($0[512..<1024]) } },
        Breakage(
            "a line of something else",
            says: [
                "verify: events/#4.ndjson: line 2, byte 512: it does not end in a sequence "
                    + "and a checksum",
                "verify: 9 events, 1 problems",
                "verify: events/#4.ndjson: line 2, byte 512: it does not end in a sequence "
                    + "and a checksum",
                "verify: 9 events, 1 problems",
                "repair: events/#4.ndjson: 5 bytes from byte 512 on are kept in "
                    + "DATA/damaged/#4.ndjson.byte-512",
                "repair: events/#4.ndjson: written again without them",
                "verify: 9 events, 0 problems",
            ]
        ) { try $0.change(4) { $0.insert(contentsOf: Array("junk\n".utf8), at: 512) } },
    ]
}
