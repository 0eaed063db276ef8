import POSIX
import TestSupport
import Testing

@testable import EventLog
@testable import Forwarding

/// The power is cut, or a call fails, at every step of forwarding, checkpoints and deletion.
@Suite struct ForwardingCrashTests {
    /// Collects, forwards and deletes until something breaks. The last acknowledged sequence.
    private func work(
        _ disk: SimulatedDisk, _ far: FarEnd, seed: UInt64, acknowledged: inout UInt64
    ) throws(SystemError) {
        let log = try SimulatedLog(disk)
        var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: seed))
        sink.odds = .init(full: 10, failed: 10, held: 20)
        sink.isPoison = { $0 % 7 == 0 }
        var options = ForwardingOptions()
        options.checkpointSeconds = 0.01
        options.retrySecondsMax = 1
        var forwarder = TestForwarder(
            "test", sink, log: log.directory, options, random: SeededRandom(seed: seed),
            notice: { _ in })
        var retention = RetentionOptions()
        retention.bytesMax = 2048
        let directory = log.directory
        retention.passed = { () throws(SystemError) in
            try Checkpoint.durableMinimum(of: ["test"], in: directory)
        }
        for _ in 0..<12 {
            acknowledged = max(acknowledged, log.append(4))
            for _ in 0..<4 { disk.pass(seconds: max(0.02, forwarder.turn())) }
            try? Retention(
                directory: directory, options: retention, freeBytesMin: 0, notice: { _ in }
            ).run()
            if disk.isCut { return }
        }
        _ = forwarder.run(turns: 1000)
        _ = forwarder.finish()
    }

    private func checkNothingLost(
        _ disk: SimulatedDisk, _ far: FarEnd, acknowledged: UInt64, seed: UInt64, _ place: String
    ) throws {
        var last = acknowledged
        try work(disk, far, seed: seed, acknowledged: &last)
        let directory = LogDirectory(path: "data", disk: disk)
        let rejected = try RejectedFile("test", in: directory).sequences()
        let got = Set(far.sequences).union(rejected)
        #expect(got.isSuperset(of: 1...last), "\(place)")
        #expect(Set(rejected).isSubset(of: (1...last).filter { $0 % 7 == 0 }), "\(place)")
        let found = try Checkpoint.read("test", in: directory)
        let checkpoint = try #require(found)
        #expect(checkpoint.addsUp, "\(place)")
        #expect(checkpoint.sequence == last, "\(place)")
        #expect(checkpoint.missing == 0, "\(place)")
        var problems: [String] = []
        let audit = try Audit.run(directory) { problems.append($0.description) }
        problems += audit.accounts.flatMap(\.problems)
        #expect(problems == [], "\(place)")
        #expect(audit.accounts.first?.stored == last, "\(place)")
        #expect(try directory.segments().first?.first ?? 0 > 1, "\(place): nothing was deleted")
        #expect(disk.violations == [], "\(place)")
    }

    @Test(
        "whenever the power goes, nothing undelivered is deleted, and everything arrives",
        arguments: SimulatedDisk.Loss.allCases)
    func powerCut(_ loss: SimulatedDisk.Loss) throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var steps = 0
        while true {
            let disk = SimulatedDisk(seed: seed &+ UInt64(steps))
            let far = FarEnd()
            var acknowledged: UInt64 = 0
            disk.arm(.powerCut, after: steps)
            try? work(disk, far, seed: seed, acknowledged: &acknowledged)
            if !disk.isCut { break }
            disk.cutPower(loss)
            try checkNothingLost(
                disk, far, acknowledged: acknowledged, seed: seed,
                "seed \(seed), step \(steps), \(loss)")
            steps += 1
        }
        print("\(steps) steps")
        #expect(steps > 300)
    }

    @Test(
        "whichever call to the disk fails, once, nothing undelivered is deleted",
        arguments: [SimulatedDisk.Call.open, .read, .append, .overwrite, .truncate, .sync]
            + [.status, .rename, .delete, .list, .syncDirectory])
    func failingCall(_ kind: SimulatedDisk.Call) throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var steps = 0
        while true {
            let disk = SimulatedDisk(seed: seed &+ UInt64(steps))
            let far = FarEnd()
            var acknowledged: UInt64 = 0
            disk.arm(.once(5), after: steps, among: [kind])
            try? work(disk, far, seed: seed, acknowledged: &acknowledged)
            if disk.strikes == 0 { break }
            disk.heal()
            disk.kill()
            try checkNothingLost(
                disk, far, acknowledged: acknowledged, seed: seed,
                "seed \(seed), \(kind) \(steps)")
            steps += 1
        }
        #expect(steps > 0)
    }
}
