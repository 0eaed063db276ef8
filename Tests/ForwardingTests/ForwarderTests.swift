import Glibc
import POSIX
import TestSupport
import Testing

@testable import EventLog
@testable import Forwarding

@Suite struct ForwarderTests {
    private func forwarder(
        _ sink: UnreliableSink, _ log: SimulatedLog, _ notices: Monitor<[ForwardingNotice]>? = nil,
        _ change: (inout ForwardingOptions) -> Void = { _ in }
    ) -> TestForwarder {
        var options = ForwardingOptions()
        change(&options)
        return TestForwarder(
            "test", sink, log: log.directory, options, random: SeededRandom(seed: 1),
            notice: { notice in notices?.withLock { $0.append(notice) } })
    }

    @Test("each event arrives at least once, in order at first, whatever the sink does")
    func unreliable() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        for round in 0..<60 {
            let disk = SimulatedDisk(seed: seed)
            let log = try SimulatedLog(disk)
            let far = FarEnd()
            var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: random.next()))
            sink.odds.full = Int.random(in: 0...60, using: &random)
            sink.odds.failed = Int.random(in: 0...40, using: &random)
            let isOrdered = Bool.random(using: &random)
            sink.isOrdered = isOrdered
            let poison = UInt64.random(in: 3...9, using: &random)
            sink.isPoison = { $0 % poison == 0 }
            sink.lineBytesMax = 400
            var forwarder = forwarder(sink, log) { $0.windowBytesMax = 2000 }
            var last: UInt64 = 0
            for _ in 0..<20 {
                last = log.append(Int.random(in: 1...10, using: &random))
                if round % 2 == 0 { last = log.append(1, textBytes: 500) }
                for _ in 0..<Int.random(in: 0...20, using: &random) {
                    disk.pass(seconds: forwarder.turn())
                    let status = forwarder.status
                    #expect(status.windowBytes < 2000 + 700, "seed \(seed)")
                    let done = Set(far.sequences).union(try rejected(log))
                    if status.checkpoint > 0 {
                        #expect(done.isSuperset(of: 1...status.checkpoint), "seed \(seed)")
                    }
                }
            }
            let isDone = forwarder.run() && forwarder.finish()
            #expect(isDone, "seed \(seed), round \(round)")
            let rejected = try rejected(log)
            #expect(Set(far.sequences).isDisjoint(with: rejected))
            #expect(Set(far.sequences).union(rejected) == Set(1...last), "seed \(seed)")
            #expect(rejected.isSuperset(of: (1...last).filter { $0 % poison == 0 }))
            if isOrdered {
                #expect(far.firstArrivals == far.firstArrivals.sorted(), "seed \(seed)")
            }
            let checkpoint = try Checkpoint.read("test", in: log.directory)
            #expect(checkpoint?.sequence == last)
            #expect(checkpoint?.addsUp == true)
            #expect(checkpoint?.rejected == UInt64(rejected.count))
            var stored: [UInt64: String] = [:]
            var reader = LogReader(log.directory, from: 1)
            try reader.read { stored[$0] = String(decoding: $1, as: UTF8.self) }
            let texts = try #require(far.texts)
            for (sequence, text) in texts { #expect(stored[sequence] == text) }
            #expect(disk.violations == [])
        }
    }

    private func rejected(_ log: SimulatedLog) throws -> Set<UInt64> {
        Set(try RejectedFile("test", in: log.directory).sequences())
    }

    @Test("a sink that gets full and empties at once is never waited for")
    func noNeedlessWaits() throws {
        let log = try SimulatedLog(SimulatedDisk(seed: 1))
        log.append(3000)
        let null = open("/dev/null", O_WRONLY)
        defer { close(null) }
        var forwarder = Forwarder(
            "test", StreamSink(null), log: log.directory, ForwardingOptions(),
            random: SeededRandom(seed: 1), notice: { _ in })
        var turns = 0
        while !forwarder.isCaughtUp, turns < 1000 {
            #expect(forwarder.turn() == 0)
            turns += 1
        }
        // Several times what the sink takes at once.
        #expect(turns > 3 && turns < 1000)
    }

    @Test("a sink without room stops the reading, and nothing more is held in memory")
    func backPressure() throws {
        let disk = SimulatedDisk(seed: 1)
        let log = try SimulatedLog(disk)
        let far = FarEnd()
        var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: 1))
        sink.odds = .init(full: 100, failed: 0, held: 0)
        var forwarder = forwarder(sink, log) { $0.windowEventsMax = 10 }
        for _ in 0..<20 {
            #expect(log.append(10) > 0)
            disk.pass(seconds: forwarder.turn())
        }
        var status = forwarder.status
        #expect(status.windowBytes < 10 * 300)
        #expect(status.lagEvents == 200)
        #expect(status.lagSeconds > 0)
        #expect(status.lagBytes > 200 * 100)
        forwarder.sink.odds.full = 0
        let forwarderDelivers = forwarder.run() && forwarder.finish()
        #expect(forwarderDelivers)
        #expect(far.sequences == Array(1...200))
        status = forwarder.status
        #expect(status.lagEvents == 0)
        #expect(status.lagSeconds == 0)
        #expect(status.lagBytes == 0)
    }

    @Test("a sink that keeps what it took and complains counts as failing until it delivers")
    func troubled() throws {
        let disk = SimulatedDisk(seed: 1)
        let log = try SimulatedLog(disk)
        let notices = Monitor<[ForwardingNotice]>([])
        var sink = UnreliableSink(FarEnd(), on: disk, random: SeededRandom(seed: 1))
        sink.odds = .init(full: 0, failed: 0, held: 100)
        var forwarder = forwarder(sink, log, notices)
        log.append(3)
        func pass(until end: Double) {
            while disk.monotonicSeconds() < end { disk.pass(seconds: max(0.01, forwarder.turn())) }
        }
        pass(until: 60)
        let isSlow = !forwarder.status.isFailing
        #expect(isSlow, "it has not complained")
        for reason in ["no broker", "no broker at all"] {
            forwarder.sink.trouble = reason
            pass(until: disk.monotonicSeconds() + 10)
            let (status, isHeldUp) = (forwarder.status, forwarder.isHeldUp)
            #expect(status.isFailing)
            #expect(status.lastError == reason)
            #expect(!isHeldUp, "the events are the sink's")
        }
        forwarder.sink.odds.held = 0
        forwarder.sink.trouble = nil
        let isDelivered = forwarder.run() && forwarder.finish()
        #expect(isDelivered)
        let isFailing = forwarder.status.isFailing
        #expect(!isFailing)
        #expect(
            notices.withLock { $0 } == [
                .failing(sink: "test", reason: "no broker"), .delivering(sink: "test"),
            ])
    }

    @Test("after failures the attempts become rare, and it says once that and why it fails")
    func backsOff() throws {
        let disk = SimulatedDisk(seed: 1)
        let log = try SimulatedLog(disk)
        let notices = Monitor<[ForwardingNotice]>([])
        var sink = UnreliableSink(FarEnd(), on: disk, random: SeededRandom(seed: 1))
        sink.odds = .init(full: 0, failed: 100, held: 0)
        var forwarder = forwarder(sink, log, notices)
        log.append(1)
        while disk.monotonicSeconds() < 600 { disk.pass(seconds: max(0.01, forwarder.turn())) }
        // 0.1 s doubled up to 30 s, less up to a half each time.
        let attempts = forwarder.sink.offered.count
        #expect((20...60).contains(attempts))
        let (status, isHeldUp) = (forwarder.status, forwarder.isHeldUp)
        #expect(status.isFailing)
        #expect(status.lastError == "lost")
        #expect(isHeldUp)
        forwarder.sink.odds.failed = 0
        let forwarderDelivers = forwarder.run() && forwarder.finish()
        #expect(forwarderDelivers)
        let isFailing = forwarder.status.isFailing
        #expect(!isFailing)
        #expect(
            notices.withLock { $0 } == [
                .failing(sink: "test", reason: "lost"), .delivering(sink: "test"),
            ])
    }

    @Test("a new sink begins with the oldest event, an old one where it was")
    func begins() throws {
        let disk = SimulatedDisk(seed: 1)
        let log = try SimulatedLog(disk)
        log.append(40)
        let oldest = try #require(try log.directory.segments().first)
        try disk.delete(log.directory.path(of: oldest))
        let first = try #require(try log.directory.segments().first).first
        let far = FarEnd()
        var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: 1))
        sink.odds = .init(full: 0, failed: 0, held: 0)
        var one = forwarder(sink, log)
        let oneDelivers = one.run() && one.finish()
        #expect(oneDelivers)
        #expect(far.sequences == Array(first...40))
        log.append(2)
        var other = forwarder(sink, log)
        let otherDelivers = other.run() && other.finish()
        #expect(otherDelivers)
        #expect(far.sequences == Array(first...42))
        #expect(
            try Checkpoint.read("test", in: log.directory)?.text
                == #"{"sequence":42,"origin":\#(first - 1),"delivered":\#(43 - first),"#
                + "\"rejected\":0,\"missing\":0}\n")
    }

    @Test("events that the log has lost are counted, and those after them are sent")
    func missing() throws {
        let disk = SimulatedDisk(seed: 1)
        let log = try SimulatedLog(disk)
        log.append(40)
        let damaged = try log.directory.segments()[1]
        disk.rot(log.directory.path(of: damaged)) { $0[20] ^= 1 }
        let far = FarEnd()
        let notices = Monitor<[ForwardingNotice]>([])
        var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: 1))
        sink.odds = .init(full: 0, failed: 0, held: 0)
        var forwarder = forwarder(sink, log, notices)
        let forwarderDelivers = forwarder.run() && forwarder.finish()
        #expect(forwarderDelivers)
        #expect(far.sequences == (1...40).filter { $0 != damaged.first })
        let missing = forwarder.status.missing
        #expect(missing == 1)
        #expect(
            notices.withLock { $0 }
                == [.missing(sink: "test", first: damaged.first, last: damaged.first)])
    }

    @Test("a checkpoint that nobody wrote, or of another log, sends nothing and says why")
    func wrongCheckpoint() throws {
        for (text, words) in [
            ("rubbish", "Bad message"),
            (
                "{\"sequence\":9,\"origin\":0,\"delivered\":9,\"rejected\":0,\"missing\":0}\n",
                "another"
            ),
        ] {
            let disk = SimulatedDisk(seed: 1)
            let log = try SimulatedLog(disk)
            log.append(4)
            disk.put(Array(text.utf8), at: "data/checkpoints/test")
            let far = FarEnd()
            var sink = UnreliableSink(far, on: disk, random: SeededRandom(seed: 1))
            sink.odds = .init(full: 0, failed: 0, held: 0)
            var forwarder = forwarder(sink, log)
            for _ in 0..<50 { disk.pass(seconds: forwarder.turn()) }
            #expect(far.sequences == [])
            let error = forwarder.status.lastError
            #expect(error?.contains(words) == true)
            #expect(disk.bytes("data/checkpoints/test") == Array(text.utf8))
            // Someone removes it: everything is sent.
            try disk.delete("data/checkpoints/test")
            if words == "another" { continue }
            let forwarderDelivers = forwarder.run() && forwarder.finish()
            #expect(forwarderDelivers)
            #expect(far.sequences == Array(1...4))
        }
    }

    @Test("a rejected event is kept with its reason, byte for byte")
    func rejectedLine() throws {
        let line = RejectedFile.line(7, reason: "a \"b\" \\ \u{1}", Array(#"{"n":"ä"}"#.utf8))
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"seq":7,"reason":"a \"b\" \\  ","event":{"n":"ä"}}"# + "\n")
    }
}
