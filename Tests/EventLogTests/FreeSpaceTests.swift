import POSIX
import TestSupport
import Testing

@testable import EventLog

@Suite struct FreeSpaceTests {
    @Test("between the marks it stays as it was")
    func hysteresis() {
        var space = FreeSpace(lowWaterBytes: 100, highWaterBytes: 200, bytes: 1000)
        #expect(space.update(150) == false)
        #expect(!space.isLow)
        #expect(space.update(99) == true)
        #expect(space.isLow)
        #expect(space.update(150) == false)
        #expect(space.isLow)
        #expect(space.update(200) == true)
        #expect(!space.isLow)
    }

    @Test("what is written counts until the next measurement")
    func counts() {
        var space = FreeSpace(lowWaterBytes: 100, highWaterBytes: 200, bytes: 200)
        #expect(space.take(60) == true)
        #expect(space.take(40) == true)
        #expect(space.take(1) == false)
        #expect(space.take(0) == false)
        // An operator hears of it with the measurement.
        #expect(space.update(100) == true)
        #expect(space.isLow)
    }

    @Test("a disk that is low from the start is told of once")
    func lowFromTheStart() {
        var space = FreeSpace(lowWaterBytes: 100, highWaterBytes: 100, bytes: 99)
        #expect(space.take(1) == false)
        #expect(space.update(99) == true)
        #expect(space.update(98) == false)
        #expect(space.update(100) == true)
        #expect(space.take(0) == true)
    }

    @Test("the default mark is a hundredth of the disk, and at most 256 MiB")
    func defaults() throws {
        let fixture = LogFixture()
        #expect(try fixture.open().close())
        let found = try fixture.log.disk.freeSpace(fixture.data)
        let space = try FreeSpace(of: fixture.log, LogOptions(directory: fixture.data))
        #expect(space.lowWaterBytes == min(256 << 20, found.total / 100))
        #expect(space.highWaterBytes == 2 * space.lowWaterBytes)
    }

    @Test("a log without room refuses, stores nothing, and says why")
    func refuses() throws {
        let fixture = LogFixture()
        let log = try fixture.open { $0.lowWaterBytes = 1 << 60 }
        guard case .refused(.full(_, 1 << 60)) = fixture.append(log, ["a"]) else {
            Issue.record("taken")
            return
        }
        #expect(log.refusal?.description.contains("the disk is almost full") == true)
        #expect(log.close())
        #expect(fixture.segments() == [])
        #expect(
            fixture.notices.withLock { $0 }.contains { $0.contains("refused until there is room") })
    }
}
