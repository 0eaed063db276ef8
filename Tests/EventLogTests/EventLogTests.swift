import Foundation
import POSIX
import TestSupport
import Testing

@testable import EventLog

@Suite struct EventLogTests {
    @Test("what is appended is stored, sealed at a clean stop, and read back in order")
    func roundTrip() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        #expect(fixture.append(log, ["a", "b"]) == .pending(through: 2))
        #expect(fixture.append(log, ["c"]) == .pending(through: 3))
        #expect(fixture.waitUntilStored(3))
        #expect(fixture.segments() == [segment(1, open: true)])
        #expect(try fixture.readable() == ["a", "b", "c"])
        #expect(log.close())
        #expect(fixture.segments() == [segment(1)])
        #expect(try fixture.readable() == ["a", "b", "c"])
        #expect(try fixture.verify().problems == [])
    }

    @Test("sequences go on over restarts, and a stop without events leaves no file")
    func restarts() throws {
        let fixture = LogFixture()
        for round in 0..<3 {
            let log = try fixture.open()
            fixture.append(log, ["x\(round)", "y\(round)"])
            #expect(log.close())
            #expect(try fixture.open().close())
        }
        #expect(fixture.segments() == [segment(1), segment(3), segment(5)])
        #expect(try fixture.readable() == ["x0", "y0", "x1", "y1", "x2", "y2"])
        #expect(
            try fixture.verify().summary
                == Verification.Summary(segments: 3, events: 6, first: 1, last: 6))
    }

    @Test("with interval a hit is stored with its write, once the segment has its entry")
    func interval() throws {
        let fixture = LogFixture()
        let log = try fixture.open(.interval(seconds: 3600))
        #expect(fixture.append(log, ["a"]) == .pending(through: 1))
        #expect(fixture.waitUntilStored(1))
        #expect(fixture.append(log, ["b"]) == .stored(through: 2))
        let stored = try String(
            contentsOfFile: fixture.data + "/events/" + segment(1, open: true), encoding: .utf8)
        #expect(stored.split(separator: "\n").count == 2)
        #expect(log.close())
        #expect(try fixture.readable() == ["a", "b"])
    }

    @Test("with interval the sync comes by itself")
    func intervalSync() throws {
        let fixture = LogFixture()
        let log = try fixture.open(.interval(seconds: 0.05))
        fixture.append(log, ["a"])
        #expect(fixture.waitUntilStored(1))
        fixture.append(log, ["b"])
        // A reader goes up to what is synced, so it sees this only after the interval.
        let deadline = Date().addingTimeInterval(10)
        while try fixture.readable() != ["a", "b"], Date() < deadline { usleep(5000) }
        #expect(try fixture.readable() == ["a", "b"])
        #expect(log.close())
    }

    @Test("a full segment is sealed and another begun, without a gap")
    func sealsBySize() throws {
        let fixture = LogFixture()
        let log = try fixture.open { $0.segmentBytesMax = 4096 }
        let texts = (1...400).map { "event \($0)" }
        for text in texts {
            guard case .pending = fixture.append(log, [text]) else {
                Issue.record("refused")
                return
            }
        }
        #expect(log.close())
        let segments = fixture.segments()
        #expect(segments.count > 5)
        #expect(segments.allSatisfy { $0.hasSuffix(".ndjson") })
        #expect(try fixture.readable() == texts)
        #expect(try fixture.verify().problems == [])
        for name in segments {
            #expect(try fixture.directory.bytes("data/events/\(name)").count <= 4096 + 200)
        }
    }

    @Test("an old segment is sealed although nothing comes")
    func sealsByAge() throws {
        let fixture = LogFixture()
        let log = try fixture.open { $0.segmentSecondsMax = 0.1 }
        fixture.append(log, ["a"])
        let deadline = Date().addingTimeInterval(10)
        while fixture.segments() != [segment(1)], Date() < deadline { usleep(5000) }
        #expect(fixture.segments() == [segment(1)])
        fixture.append(log, ["b"])
        #expect(log.close())
        #expect(fixture.segments() == [segment(1), segment(2)])
    }

    @Test("only the first line of a write carries the synced mark")
    func syncedMark() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        fixture.append(log, ["a", "b"])
        #expect(fixture.waitUntilStored(2))
        fixture.append(log, ["c", "d"])
        #expect(log.close())
        let marks = try StoredEvent.all(in: fixture.data).map { event in
            event.line.contains(#""synced":"#)
                ? event.line.components(separatedBy: #""synced":"#)[1].prefix(1) : "-"
        }
        #expect(marks == ["0", "-", "2", "-"])
    }

    @Test("a backlog that is full refuses, and takes again when it is gone")
    func backlog() throws {
        let fixture = LogFixture()
        let log = try fixture.open(.interval(seconds: 3600)) { $0.backlogBytesMax = 5000 }
        var stored = 0
        while case let result = fixture.append(log, ["text"]), result != .refused(.backlog) {
            stored += 1
            if stored > 1000 { break }
        }
        #expect((10...1000).contains(stored))
        #expect(log.close())
        #expect(try fixture.readable().count == stored)
    }

    @Test("threads that append at once get sequences of their own, without gaps")
    func concurrency() throws {
        let fixture = LogFixture()
        let log = try fixture.open { $0.segmentBytesMax = 200_000 }
        let threads = try (0..<4).map { thread in
            try POSIX.Thread(name: "appender") {
                for number in 0..<500 {
                    fixture.append(log, ["\(thread)-\(number)-a", "\(thread)-\(number)-b"])
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(fixture.waitUntilStored(4000))
        #expect(log.close())
        let texts = try fixture.readable()
        #expect(Set(texts).count == 4000)
        for thread in 0..<4 {
            let own = texts.filter { $0.hasPrefix("\(thread)-") }
            #expect(own == (0..<500).flatMap { ["\(thread)-\($0)-a", "\(thread)-\($0)-b"] })
        }
        #expect(try fixture.verify().problems == [])
    }

    @Test("long lines and long batches are stored whole")
    func longLines() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        let texts = (0..<20).map { String(repeating: "\($0 % 10)", count: 200_000) }
        fixture.append(log, texts)
        fixture.append(log, ["end"])
        #expect(log.close())
        #expect(try fixture.readable() == texts + ["end"])
        #expect(try fixture.verify().problems == [])
    }

    @Test("a second log in the same directory is refused, and says who has it")
    func locked() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        #expect {
            try fixture.open()
        } throws: {
            "\($0)" == "the data directory \(fixture.data) is in use by process \(getpid())"
        }
        #expect(log.close())
        #expect(try fixture.open().close())
    }

    @Test("a directory that cannot be written says so")
    func unwritable() throws {
        let fixture = LogFixture()
        try fixture.directory.write([], to: "data")
        #expect {
            try fixture.open()
        } throws: {
            "\($0)".contains("the data directory cannot be used: ")
                && "\($0)".contains("Not a directory")
        }
    }

    @Test("directories are 0750 and files 0640")
    func modes() throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        fixture.append(log, ["a"])
        #expect(log.close())
        func mode(_ name: String) throws -> Int {
            let path = name.isEmpty ? fixture.data : fixture.data + "/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return attributes[.posixPermissions] as? Int ?? 0
        }
        let previous = umask(0o022)
        umask(previous)
        #expect(try mode("") == 0o750 & ~Int(previous))
        #expect(try mode("events") == 0o750 & ~Int(previous))
        #expect(try mode("events/" + segment(1)) == 0o640 & ~Int(previous))
        #expect(try mode("lock") == 0o640 & ~Int(previous))
    }
}
