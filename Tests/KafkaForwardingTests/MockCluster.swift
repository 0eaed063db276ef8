import CRdKafka
import Testing

/// Brokers within the process, as librdkafka has them for tests, and what they have stored.
final class MockCluster {
    /// A record that a broker has.
    struct Record: Equatable {
        let partition: Int32
        let key: String
        let value: String
        let id: String
    }

    let topic = "hits"
    private let owner: OpaquePointer
    private let cluster: OpaquePointer

    /// The addresses of the brokers.
    var brokers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    init(brokers: Int32 = 3, partitions: Int32 = 4) {
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        var text = [CChar](repeating: 0, count: 512)
        owner = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count)
        cluster = rd_kafka_mock_cluster_new(owner, brokers)
        rd_kafka_mock_topic_create(cluster, topic, partitions, min(brokers, 3))
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(owner)
    }

    /// The next requests to produce are answered with these errors.
    func fail(_ errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, 0, errors.count, errors)
    }

    /// The next requests to fetch are answered with these errors.
    func failFetches(_ errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, 1, errors.count, errors)
    }

    func setDown(_ broker: Int32, _ isDown: Bool) {
        if isDown {
            rd_kafka_mock_broker_set_down(cluster, broker)
        } else {
            rd_kafka_mock_broker_set_up(cluster, broker)
        }
    }

    func setRoundTrip(_ broker: Int32, milliseconds: Int32) {
        rd_kafka_mock_broker_set_rtt(cluster, broker, milliseconds)
    }

    func moveLeader(_ partition: Int32, to broker: Int32) {
        rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker)
    }

    /// All that is stored, in the order of each partition.
    func records(partitions: Int32 = 4) throws -> [Record] {
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        var text = [CChar](repeating: 0, count: 512)
        for (key, value) in [
            ("bootstrap.servers", brokers), ("group.id", "test"), ("enable.partition.eof", "true"),
            ("auto.offset.reset", "earliest"),
        ] {
            rd_kafka_conf_set(configuration, key, value, &text, text.count)
        }
        let consumer = try #require(
            rd_kafka_new(RD_KAFKA_CONSUMER, configuration, &text, text.count))
        defer { rd_kafka_destroy(consumer) }
        let list = rd_kafka_topic_partition_list_new(partitions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            rd_kafka_topic_partition_list_add(list, topic, partition).pointee.offset = -2
        }
        rd_kafka_assign(consumer, list)
        var records: [Record] = []
        var ended: Set<Int32> = []
        for _ in 0..<1_000_000 where ended.count < partitions {
            guard let message = rd_kafka_consumer_poll(consumer, 10_000) else { break }
            defer { rd_kafka_message_destroy(message) }
            if message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                ended.insert(message.pointee.partition)
            }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                records.append(record(message))
            }
        }
        rd_kafka_consumer_close(consumer)
        return records
    }

    private func record(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Record {
        func string(_ start: UnsafeRawPointer?, _ count: Int) -> String {
            String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
        var headers: OpaquePointer?
        var id: UnsafeRawPointer?
        var idBytes = 0
        if rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR {
            rd_kafka_header_get_last(headers, "id", &id, &idBytes)
        }
        return Record(
            partition: message.pointee.partition,
            key: string(message.pointee.key, message.pointee.key_len),
            value: string(message.pointee.payload, message.pointee.len), id: string(id, idBytes))
    }
}
