import Foundation
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogReaderTests {
    @Test("a reader follows a log as it grows, over segments and restarts")
    func follows() throws {
        let fixture = LogFixture()
        var reader = LogReader(directory: fixture.data, from: 1)
        var seen: [String] = []
        func look() throws {
            try reader.read {
                seen.append(StoredText(String(decoding: $1, as: UTF8.self)).text + "#\($0)")
            }
        }
        try look()
        var log = try fixture.open { $0.segmentBytesMax = 4096 }
        var expected: [String] = []
        for number in 1...200 {
            fixture.append(log, ["t\(number)"])
            expected.append("t\(number)#\(number)")
            if number % 20 == 0 {
                #expect(fixture.waitUntilStored(UInt64(number)))
                try look()
                #expect(seen == expected)
            }
            if number % 60 == 0 {
                #expect(log.close())
                try look()
                log = try fixture.open { $0.segmentBytesMax = 4096 }
            }
        }
        #expect(log.close())
        try look()
        #expect(seen == expected)
    }

    @Test func `the end of a log is read without what is in front of it`() throws {
        let fixture = LogFixture()
        var log = try fixture.open()
        for number in 1...100 { fixture.append(log, ["t\(number)"]) }
        #expect(log.close())
        log = try fixture.open()
        for number in 101...200 { fixture.append(log, ["t\(number)"]) }
        #expect(fixture.waitUntilStored(200))
        func last(_ bytes: Int, _ isWanted: (UInt64) -> Bool = { _ in true }) throws -> [UInt64] {
            var found: [UInt64] = []
            try LogReader.readLast(bytes: bytes, in: fixture.data) { sequence, _ in
                found.append(sequence)
                return isWanted(sequence)
            }
            return found
        }
        // The newest segment comes first, and each in its order.
        #expect(try last(1 << 20) == Array(101...200) + Array(1...100))
        let some = try last(1000)
        #expect(some.last == 200 && some.count > 3 && some.count < 50)
        #expect(some == Array((201 - UInt64(some.count))...200))
        #expect(try last(1 << 20) { $0 != 150 } == Array(101...150))
        #expect(try last(0).isEmpty)
        #expect(log.close())
    }

    @Test func `a reader passes over what is not wanted, also within a segment`() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        for number in 1...20 { fixture.append(log, ["t\(number)"]) }
        #expect(fixture.waitUntilStored(20))
        var reader = LogReader(directory: fixture.data, from: 1)
        var seen: [UInt64] = []
        try reader.readSome { sequence, _ in
            seen.append(sequence)
            return sequence < 5
        }
        reader.skip(to: 15)
        reader.skip(to: 3)
        try reader.read { sequence, _ in seen.append(sequence) }
        #expect(seen == Array(1...5) + Array(15...20))
        #expect(log.close())
    }

    @Test("a reader starts where it is told to")
    func startsLater() throws {
        let fixture = LogFixture()
        for texts in [["a", "b"], ["c", "d"]] {
            let log = try fixture.open()
            fixture.append(log, texts)
            #expect(log.close())
        }
        for (first, expected) in [(1, "abcd"), (2, "bcd"), (3, "cd"), (4, "d"), (5, "")] {
            var reader = LogReader(directory: fixture.data, from: UInt64(first))
            var text = ""
            try reader.read { text += StoredText(String(decoding: $1, as: UTF8.self)).text }
            #expect(text == expected)
        }
    }

    @Test("a reader does not go past what is synced")
    func syncedOnly() throws {
        let fixture = LogFixture()
        let log = try fixture.open(.interval(seconds: 3600))
        fixture.append(log, ["a"])
        #expect(fixture.waitUntilStored(1))
        fixture.append(log, ["b"])
        #expect(try fixture.readable() == ["a"])
        #expect(log.close())
        #expect(try fixture.readable() == ["a", "b"])
    }

    @Test("a reader waits for a full segment that is not yet synced, and skips nothing of it")
    func unsyncedRoll() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        fixture.append(log, ["a", "b", "c", "d"])
        #expect(log.close())
        // As it stands while the second segment is written and the first waits for its sync.
        let lines = try fixture.directory.bytes("data/events/" + segment(1))
            .split(separator: 0x0a).map { Array($0) + [0x0a] }
        try FileManager.default.removeItem(atPath: fixture.data + "/events/" + segment(1))
        try fixture.directory.write(
            Array(lines[..<2].joined()), to: "data/events/" + segment(1, open: true))
        try fixture.directory.write(
            Array(lines[2...].joined()), to: "data/events/" + segment(3, open: true))
        try SyncedMark.persist(1, in: fixture.log)
        var reader = LogReader(directory: fixture.data, from: 1)
        var texts = ""
        try reader.read { texts += StoredText(String(decoding: $1, as: UTF8.self)).text }
        #expect(texts == "a")
        try SyncedMark.persist(3, in: fixture.log)
        try reader.read { texts += StoredText(String(decoding: $1, as: UTF8.self)).text }
        #expect(texts == "abc")
        try SyncedMark.persist(4, in: fixture.log)
        try reader.read { texts += StoredText(String(decoding: $1, as: UTF8.self)).text }
        #expect(texts == "abcd")
    }

    @Test("a reader leaves out whole segments at both ends, and none between")
    func narrowed() throws {
        let fixture = LogFixture()
        for texts in [["a", "b"], ["c", "d"], ["e", "f"], ["g"]] {
            let log = try fixture.open()
            fixture.append(log, texts)
            #expect(log.close())
        }
        for (early, late, expected) in [
            ("", "~", "abcdefg"), ("c", "~", "cdefg"), ("d", "~", "cdefg"), ("z", "~", "g"),
            ("", "e", "abcd"), ("", "f", "abcdef"), ("d", "e", "cd"), ("", "a", ""),
        ] {
            var reader = LogReader(directory: fixture.data, from: 1)
            func text(_ line: UnsafeRawBufferPointer) -> String {
                StoredText(String(decoding: line, as: UTF8.self)).text
            }
            try reader.narrow(isEarly: { text($0) <= early }, isLate: { text($0) >= late })
            var texts = ""
            try reader.read { texts += text($1) }
            #expect(texts == expected, "\(early) to \(late)")
        }
    }
}
