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
}
