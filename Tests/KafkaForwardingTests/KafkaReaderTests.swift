import CRdKafka
import Forwarding
import TestSupport
import Testing

@testable import KafkaForwarding

/// Reading back on librdkafka's own mock of a cluster.
@Suite(.serialized) struct KafkaReaderTests {
    private func send(_ numbers: Range<Int>, to cluster: MockCluster, isReplay: Bool) throws {
        var options = KafkaOptions(brokers: cluster.brokers, topic: cluster.topic)
        options.isReplay = isReplay
        let sink = try KafkaSink(options)
        var delivered = 0
        for number in numbers {
            let line = #"{"id":"id-\#(number)","visitor":"v\#(number % 9)","seq":\#(number)}"#
            let taken = Array(line.utf8).withUnsafeBytes { sink.send(UInt64(number), $0) }
            #expect(taken == .taken)
        }
        for _ in 0..<300 where delivered < numbers.count {
            sink.poll(seconds: 0.1) {
                #expect($0.outcome == .delivered); delivered += 1
            }
        }
        #expect(delivered == numbers.count)
    }

    private func read(_ cluster: MockCluster) throws -> (values: [String], ids: [String]) {
        let reader = try KafkaReader(KafkaOptions(brokers: cluster.brokers, topic: cluster.topic))
        var values: [String] = []
        var ids: [String] = []
        var next: [Int32: Int64] = [:]
        try reader.read { record in
            values.append(String(decoding: record.value, as: UTF8.self))
            ids.append(
                String(decoding: record.id, as: UTF8.self) + (record.isReplayed ? " again" : ""))
            #expect(record.offset == next[record.partition, default: 0])
            next[record.partition] = record.offset + 1
        }
        return (values, ids)
    }

    @Test("every record is read once, with its identifier and whether it was replayed")
    func records() throws {
        let cluster = MockCluster()
        try send(0..<5000, to: cluster, isReplay: false)
        try send(10..<20, to: cluster, isReplay: true)
        let found = try read(cluster)
        #expect(found.values.sorted() == (try cluster.records().map(\.value).sorted()))
        #expect(
            found.ids.sorted()
                == ((0..<5000).map { "id-\($0)" } + (10..<20).map { "id-\($0) again" }).sorted())
    }

    @Test("a topic with nothing in it, or in some of its partitions, is read to its end")
    func empty() throws {
        let cluster = MockCluster()
        #expect(try read(cluster).values == [])
        try send(9..<10, to: cluster, isReplay: false)
        #expect(try read(cluster).ids == ["id-9"])
    }

    @Test("brokers that are slow, fail and change their leader meanwhile are read all the same")
    func failures() throws {
        let cluster = MockCluster()
        try send(0..<2000, to: cluster, isReplay: false)
        cluster.setRoundTrip(1, milliseconds: 50)
        cluster.failFetches([
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__TRANSPORT,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ])
        cluster.moveLeader(2, to: 1)
        #expect(Set(try read(cluster).ids) == Set((0..<2000).map { "id-\($0)" }))
    }

    @Test("a setting that librdkafka does not know is named")
    func wrong() throws {
        let cluster = MockCluster()
        let options = KafkaOptions(
            brokers: cluster.brokers, topic: cluster.topic, settings: ["no.such": "1"])
        do throws(KafkaReader.Failed) {
            _ = try KafkaReader(options)
            Issue.record("it was taken")
        } catch {
            #expect(error.description.contains("no.such"), "\(error)")
        }
    }
}
