import POSIX
import TestSupport
import Testing

@testable import EventLog
@testable import Forwarding

@Suite struct RetentionTests {
    /// A log of several segments on a disk of its own; the firsts of them.
    private func log() throws -> (SimulatedLog, [UInt64]) {
        let log = try SimulatedLog(SimulatedDisk(seed: 1))
        log.append(40)
        log.disk.pass(seconds: 100)
        let firsts = try log.directory.segments().map(\.first)
        try #require(firsts.count > 5)
        return (log, firsts)
    }

    private func run(
        _ log: SimulatedLog, freeBytesMin: Int = 0, passed: UInt64 = .max,
        _ change: (inout RetentionOptions) -> Void
    ) throws -> [String] {
        var options = RetentionOptions()
        options.passed = { () throws(SystemError) in passed }
        change(&options)
        let notices = Monitor<[String]>([])
        try Retention(
            directory: log.directory, options: options, freeBytesMin: freeBytesMin,
            notice: { notice in notices.withLock { $0.append("\(notice.isError) \(notice)") } }
        ).run()
        return notices.withLock { $0 }
    }

    @Test("nothing is deleted unless it is asked for")
    func off() throws {
        let (log, firsts) = try log()
        #expect(try run(log) { _ in } == [])
        #expect(try log.directory.segments().map(\.first) == firsts)
    }

    @Test("segments go by age and by size, the oldest first, and the newest one stays")
    func ageAndSize() throws {
        let (log, firsts) = try log()
        #expect(try run(log) { $0.ageSeconds = 101 } == [])
        #expect(try run(log) { $0.bytesMax = 1 << 20 } == [])
        let size = try log.directory.disk.status(
            log.directory.path(of: log.directory.segments()[0])
        ).bytes
        let total = log.disk.paths.filter { $0.contains("/events/") }
            .reduce(0) { $0 + log.disk.bytes($1).count }
        let deleted = try run(log) { $0.bytesMax = total - size - 1 }
        #expect(deleted.count == 2)
        #expect(deleted.allSatisfy { $0.hasPrefix("false ") })
        #expect(try log.directory.segments().map(\.first) == Array(firsts.dropFirst(2)))
        _ = try run(log) { $0.ageSeconds = 100 }
        #expect(try log.directory.segments().map(\.first) == Array(firsts.suffix(1)))
    }

    @Test("a segment stays until the last of its events was passed")
    func passed() throws {
        let (log, firsts) = try log()
        #expect(try run(log, passed: firsts[1] - 2) { $0.ageSeconds = 1 } == [])
        #expect(try run(log, passed: firsts[1] - 1) { $0.ageSeconds = 1 }.count == 1)
        #expect(try run(log, passed: 0) { $0.bytesMax = 1 } == [])
        #expect(try log.directory.segments().map(\.first) == Array(firsts.dropFirst(1)))
    }

    @Test("a sink that has not begun, or whose checkpoint is unreadable, keeps everything")
    func checkpoints() throws {
        let (log, _) = try log()
        let directory = log.directory
        #expect(try Checkpoint.durableMinimum(of: [], in: directory) == .max)
        #expect(try Checkpoint.durableMinimum(of: ["a"], in: directory) == 0)
        try Checkpoint(origin: 7).store("a", in: directory)
        try Checkpoint(origin: 9).store("b", in: directory)
        #expect(try Checkpoint.durableMinimum(of: ["a", "b"], in: directory) == 7)
        #expect(try Checkpoint.sinks(in: directory) == ["a", "b"])
        log.disk.put(Array("{}".utf8), at: "data/checkpoints/a")
        #expect(throws: SystemError.self) {
            try Checkpoint.durableMinimum(of: ["a", "b"], in: directory)
        }
    }

    @Test("a checkpoint counts only when its name survives a power loss")
    func durable() throws {
        for seed in 0..<40 {
            let disk = SimulatedDisk(seed: UInt64(seed))
            let directory = LogDirectory(path: "data", disk: disk)
            try Checkpoint(origin: 1).store("a", in: directory)
            // The new one has its name, and that is not known to be synced.
            disk.arm(.once(5), after: 0, among: [.syncDirectory])
            #expect(throws: SystemError.self) {
                try Checkpoint(origin: 9).store("a", in: directory)
            }
            let passed = try Checkpoint.durableMinimum(of: ["a"], in: directory)
            #expect(passed == 9)
            disk.cutPower(.everything)
            #expect(try Checkpoint.read("a", in: directory)?.sequence == passed)
        }
    }

    @Test("whenever the power goes during deletions, no gap is left")
    func noGaps() throws {
        for step in 0..<60 {
            let (log, firsts) = try log()
            log.disk.arm(.powerCut, after: step)
            _ = try? run(log) { $0.ageSeconds = 1 }
            log.disk.cutPower(.anything)
            let left = try log.directory.segments().map(\.first)
            #expect(left == Array(firsts.suffix(left.count)), "step \(step)")
        }
    }

    @Test("drop_oldest makes room, delivered or not, and says what was lost; refuse never does")
    func dropOldest() throws {
        let (log, firsts) = try log()
        let (free, _) = try log.disk.freeSpace("data/events")
        let wanted = free + 1500
        #expect(try run(log, freeBytesMin: wanted, passed: 0) { $0.ageSeconds = 1 } == [])
        #expect(try run(log, freeBytesMin: free, passed: 0) { $0.dropsOldest = true } == [])
        let said = try run(log, freeBytesMin: wanted, passed: firsts[1] + 1) {
            $0.dropsOldest = true
        }
        try #require(said.count == 2)
        #expect(said[0].hasPrefix("false ") && said[0].contains("as retention says"))
        #expect(
            said[1].hasPrefix("true the disk is almost full: ")
                && said[1].contains(
                    "events \(firsts[1] + 2) to \(firsts[2] - 1), which were not delivered")
        )
        #expect(try log.directory.segments().map(\.first) == Array(firsts.dropFirst(2)))
        // The segment that is being written is never dropped.
        _ = try run(log, freeBytesMin: .max, passed: 0) { $0.dropsOldest = true }
        #expect(try log.directory.segments().map(\.first) == Array(firsts.suffix(1)))
        #expect(log.append(1) == 41)
    }

    @Test("an audit tells of events that were deleted before they were delivered")
    func auditOfDropped() throws {
        let (log, firsts) = try log()
        try Checkpoint(origin: 0).store("a", in: log.directory)
        var account = try #require(try Audit.run(log.directory) { _ in }.accounts.first)
        #expect(account.summary == "a: 40 stored = 0 delivered + 40 pending + 0 rejected")
        #expect(account.problems == [])
        _ = try run(log, freeBytesMin: try log.disk.freeSpace("").free + 1, passed: 0) {
            $0.dropsOldest = true
        }
        account = try #require(try Audit.run(log.directory) { _ in }.accounts.first)
        #expect(
            account.problems
                == ["events 1 to \(firsts[1] - 1) were deleted before they were delivered"])
        // When the sink comes to them it counts them, and that adds up.
        var forwarder = TestForwarder(
            "a", UnreliableSink(FarEnd(), on: log.disk, random: SeededRandom(seed: 1)),
            log: log.directory, ForwardingOptions(), random: SeededRandom(seed: 1),
            notice: { _ in })
        let isDone = forwarder.run() && forwarder.finish()
        #expect(isDone)
        account = try #require(try Audit.run(log.directory) { _ in }.accounts.first)
        #expect(account.problems == [])
        let lost = firsts[1] - 1
        #expect(
            account.summary == "a: 40 stored = \(40 - lost) delivered + 0 pending + 0 rejected + "
                + "\(lost) missing")
    }
}
