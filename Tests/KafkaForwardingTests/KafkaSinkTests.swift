import CRdKafka
import Forwarding
import TestSupport
import Testing

@testable import KafkaForwarding

/// The sink on librdkafka's own mock of a cluster.
@Suite(.serialized) struct KafkaSinkTests {
    private static func line(_ number: Int, visitor: Int?) -> String {
        let digits = String(number, radix: 10)
        let id =
            "017f22e2-79b0-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
        let who = visitor.map { #""visitor":"visitor-\#($0)","new_visitor":false,"# } ?? ""
        return #"{"v":1,"id":"\#(id)","time":"2026-11-25T00:00:00.000000Z","kind":"track","#
            + #""query":"visitor=evil&x=%22","params":{"visitor":"evil","x":"\""},\#(who)"#
            + #""ip":"127.0.0.0","data":{"visitor":"worse"},"seq":\#(number),"#
            + #""sum":"0000000000000000"}"#
    }

    /// Sends events until each is delivered, as a forwarder would: after a failure nothing new is
    /// offered until all others are reported on, and what failed is sent again first. How often each
    /// was delivered.
    private func send(
        _ lines: [String], by sink: KafkaSink, between: (Int) -> Void = { _ in }
    ) throws -> (delivered: [Int: Int], refused: [Int: String]) {
        var delivered: [Int: Int] = [:]
        var refused: [Int: String] = [:]
        var failed: [Int] = []
        var waiting = Array(lines.indices.reversed())
        var open = 0
        func take(_ report: DeliveryReport) {
            open -= 1
            let index = Int(report.sequence)
            switch report.outcome {
            case .delivered: delivered[index, default: 0] += 1
            case .refused(let reason): refused[index] = reason
            case .failed: failed.append(index)
            }
        }
        for _ in 0..<1_000_000 {
            if !failed.isEmpty {
                if open == 0 {
                    waiting += failed.sorted(by: >)
                    failed = []
                } else {
                    sink.poll(seconds: 0.1, take)
                }
            } else if let index = waiting.last {
                let bytes = Array(lines[index].utf8)
                if bytes.withUnsafeBytes({ sink.send(UInt64(index), $0) }) == .taken {
                    open += 1
                    waiting.removeLast()
                    between(index)
                    sink.poll(seconds: 0, take)
                } else {
                    sink.poll(seconds: 0.1, take)
                }
            } else if open > 0 {
                sink.poll(seconds: 0.1, take)
            } else {
                return (delivered, refused)
            }
        }
        Issue.record("\(waiting.count) wait, \(open) open, \(sink.trouble ?? "")")
        return (delivered, refused)
    }

    private func expectAll(
        _ lines: [String], in cluster: MockCluster, exactlyOnce: Bool = false
    ) throws {
        let records = try cluster.records()
        #expect(Set(records.map(\.value)) == Set(lines))
        if exactlyOnce { #expect(records.count == lines.count) }
        // Of a visitor all are in one partition, and for the first time in order.
        for (key, own) in Dictionary(grouping: records, by: \.key) where !key.isEmpty {
            #expect(Set(own.map(\.partition)).count == 1)
            var seen: Set<String> = []
            let firsts = own.map(\.id).filter { seen.insert($0).inserted }
            #expect(firsts == firsts.sorted(), "\(key)")
        }
    }

    private func lines(_ count: Int) -> [String] {
        (0..<count).map { Self.line($0, visitor: $0 % 5 == 4 ? nil : $0 % 7) }
    }

    @Test("an event is a record with its visitor as the key and its identifier as a header")
    func records() throws {
        let cluster = MockCluster()
        let sink = try KafkaSink(KafkaOptions(brokers: cluster.brokers, topic: cluster.topic))
        let lines = lines(500)
        let (delivered, refused) = try send(lines, by: sink)
        #expect(delivered.count == 500 && refused.isEmpty)
        try expectAll(lines, in: cluster, exactlyOnce: true)
        let records = try cluster.records()
        for record in records {
            let number = try #require(Int(record.id.suffix(12)))
            #expect(record.value == lines[number])
            #expect(record.key == (number % 5 == 4 ? "" : "visitor-\(number % 7)"))
        }
    }

    @Test("errors of brokers, and brokers that are down, slow or lead no more, lose nothing")
    func failures() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let cluster = MockCluster()
        let sink = try KafkaSink(
            KafkaOptions(
                brokers: cluster.brokers, topic: cluster.topic,
                settings: [
                    "linger.ms": "1", "retry.backoff.ms": "10", "reconnect.backoff.ms": "10",
                    "reconnect.backoff.max.ms": "100",
                    "topic.metadata.refresh.fast.interval.ms": "20",
                ]))
        let lines = lines(3000)
        let (delivered, refused) = try send(lines, by: sink) { place in
            guard place % 100 == 50 else { return }
            let broker = Int32.random(in: 1...3, using: &random)
            switch place / 100 % 5 {
            case 0:
                cluster.fail([
                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT,
                ])
            case 1: cluster.setDown(broker, true)
            case 2: for broker in 1...3 { cluster.setDown(Int32(broker), false) }
            case 3: cluster.moveLeader(Int32.random(in: 0..<4, using: &random), to: broker)
            default:
                for other in 1...3 {
                    cluster.setRoundTrip(Int32(other), milliseconds: other == Int(broker) ? 100 : 0)
                }
            }
        }
        for broker in 1...3 { cluster.setDown(Int32(broker), false) }
        #expect(delivered.count == lines.count, "seed \(seed)")
        #expect(refused.isEmpty)
        try expectAll(lines, in: cluster)
    }

    @Test("with brokers away the queue gets full, and nothing is lost when they come back")
    func queueFull() throws {
        let cluster = MockCluster(brokers: 1)
        cluster.setDown(1, true)
        let sink = try KafkaSink(
            KafkaOptions(
                brokers: cluster.brokers, topic: cluster.topic,
                settings: [
                    "queue.buffering.max.messages": "100", "reconnect.backoff.ms": "10",
                    "reconnect.backoff.max.ms": "100",
                ]))
        let line = Array(Self.line(0, visitor: 1).utf8)
        var taken = 0
        while taken < 1000, line.withUnsafeBytes({ sink.send(UInt64(taken), $0) }) == .taken {
            taken += 1
        }
        #expect(taken == 100)
        var reports = 0
        sink.poll(seconds: 0.3) { _ in reports += 1 }
        #expect(reports == 0)
        #expect(sink.trouble != nil)
        cluster.setDown(1, false)
        for _ in 0..<300 where reports < taken {
            sink.poll(seconds: 0.1) { report in
                #expect(report.outcome == .delivered)
                reports += 1
            }
        }
        #expect(reports == taken)
        #expect(try cluster.records().count == 100)
    }

    @Test("what no broker will take is refused with the reason, and the others go on")
    func poison() throws {
        let cluster = MockCluster()
        let sink = try KafkaSink(
            KafkaOptions(
                brokers: cluster.brokers, topic: cluster.topic,
                settings: ["message.max.bytes": "2000"]))
        var lines = lines(10)
        lines[3] = Self.line(3, visitor: 1) + String(repeating: " ", count: 3000)
        let (delivered, refused) = try send(lines, by: sink)
        #expect(delivered.count == 9)
        #expect(Array(refused.keys) == [3])
        #expect(refused[3]?.contains("too large") == true)
    }

    @Test("after a fatal error another producer takes over")
    func fatal() throws {
        let cluster = MockCluster()
        let sink = try KafkaSink(
            KafkaOptions(
                brokers: cluster.brokers, topic: cluster.topic,
                settings: ["enable.idempotence": "true"]))
        let lines = lines(300)
        var failures: Set = [100, 200]
        let (delivered, _) = try send(lines, by: sink) { place in
            if failures.remove(place) != nil { sink.failFatally() }
        }
        #expect(delivered.count == 300)
        try expectAll(lines, in: cluster)
    }

    @Test(
        "events are compressed with zstd's first level, with another codec at that codec's own",
        arguments: [
            ([:], "zstd", "1"), (["compression.level": "9"], "zstd", "9"),
            (["compression.codec": "gzip"], "gzip", nil),
            (["compression.type": "gzip"], "zstd", nil),
            (["compression.codec": "gzip", "compression.level": "2"], "gzip", "2"),
        ] as [([String: String], String, String?)])
    func compression(_ settings: [String: String], _ codec: String, _ level: String?) {
        let all = KafkaOptions(brokers: "127.0.0.1:1", settings: settings).all
        #expect(all.first { $0.key == "compression.codec" }?.value == codec)
        #expect(all.first { $0.key == "compression.level" }?.value == level)
        #expect(throws: Never.self) {
            try KafkaSink(KafkaOptions(brokers: "127.0.0.1:1", settings: settings))
        }
    }

    @Test("a setting that librdkafka does not know is named")
    func settings() {
        let wrong = KafkaOptions(brokers: "127.0.0.1:1", settings: ["acks": "some"])
        #expect(throws: KafkaSink.Refused.self) { try KafkaSink(wrong) }
        let unknown = KafkaOptions(brokers: "127.0.0.1:1", settings: ["no.such": "1"])
        do throws(KafkaSink.Refused) {
            _ = try KafkaSink(unknown)
            Issue.record("it was taken")
        } catch {
            #expect(error.description.contains("no.such"))
        }
    }
}
