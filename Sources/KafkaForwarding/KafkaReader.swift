internal import CRdKafka
public import Forwarding

/// Reads a topic of Apache Kafka from its beginning up to the end that each partition has when its turn
/// comes: one after the other, so that memory is bounded however many there are. It belongs to no group
/// and leaves no trace in the cluster.
///
/// Used by one thread, on which librdkafka's callbacks come too.
public final class KafkaReader {
    /// Why a topic cannot be read to its end.
    public struct Failed: Error, Equatable, CustomStringConvertible {
        /// In words.
        public let description: String
    }

    /// Milliseconds that a broker may take for a question.
    private static let answerMilliseconds: Int32 = 10_000
    /// How long a partition may bring nothing, or only errors, which the library tries to get over.
    private static let silenceMax = Duration.seconds(60)
    /// Milliseconds in which records are gathered.
    private static let waitMilliseconds: Int32 = 100
    private static let batchRecords = 1000

    /// What is set whatever else is. The records that wait here for `read` are at most 16 MiB and what
    /// one answer of a broker brings beyond.
    private static let settings = [
        "client.id": "footfall", "enable.partition.eof": "true", "auto.offset.reset": "earliest",
        "queued.max.messages.kbytes": "16384",
    ]
    /// The most bytes of an answer. It is compressed, so what it brings can be many times as much.
    private static let answerBytesMax = 1 << 20

    private let name: String
    private let inbox = KafkaInbox()
    private let client: KafkaClient
    private let partitions: [Int32]

    /// A reader of the topic of these options, which has to be there.
    public init(_ options: KafkaOptions) throws(Failed) {
        name = options.topic
        var settings = options.settings
            .merging(["bootstrap.servers": options.brokers]) { own, _ in own }
            .merging(Self.settings) { $1 }
        // Less than `message.max.bytes` is refused.
        if settings["message.max.bytes"] == nil {
            settings["fetch.max.bytes"] = "\(Self.answerBytesMax)"
        }
        do throws(KafkaSink.Refused) {
            client = try KafkaClient(
                RD_KAFKA_CONSUMER, settings.map { $0 }, topic: name, inbox)
        } catch {
            throw Failed(description: error.description)
        }
        partitions = try Self.partitions(of: name, client, inbox)
    }

    private static func partitions(
        of name: String, _ client: KafkaClient, _ inbox: KafkaInbox
    ) throws(Failed) -> [Int32] {
        var found: UnsafePointer<rd_kafka_metadata>?
        let error = rd_kafka_metadata(client.handle, 0, client.topic, &found, answerMilliseconds)
        try check(error, name, client, inbox)
        defer { rd_kafka_metadata_destroy(found) }
        guard let topic = found?.pointee.topics?.pointee else {
            throw Failed(description: "topic \(name): the broker does not know it")
        }
        try check(topic.err, name, client, inbox)
        return (0..<Int(topic.partition_cnt)).map { topic.partitions[$0].id }.sorted()
    }

    private static func check(
        _ error: rd_kafka_resp_err_t, _ place: String, _ client: KafkaClient, _ inbox: KafkaInbox
    ) throws(Failed) {
        guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        rd_kafka_poll(client.handle, 0)
        let more = inbox.lastError.map { " (\($0))" } ?? ""
        throw Failed(description: "topic \(place): \(KafkaInbox.text(error))\(more)")
    }

    /// Calls `visit` with each record, in the order of each partition.
    public func read(_ visit: (TopicAudit.Record) -> Void) throws(Failed) {
        for partition in partitions { try read(partition, visit) }
    }

    private func read(
        _ partition: Int32, _ visit: (TopicAudit.Record) -> Void
    ) throws(Failed) {
        let place = "\(name), partition \(partition)"
        guard
            rd_kafka_consume_start(client.topic, partition, Int64(RD_KAFKA_OFFSET_BEGINNING)) == 0
        else {
            return try Self.check(rd_kafka_last_error(), place, client, inbox)
        }
        defer { rd_kafka_consume_stop(client.topic, partition) }
        var messages = [UnsafeMutablePointer<rd_kafka_message_t>?](
            repeating: nil, count: Self.batchRecords)
        var end: Int64?
        var isAtEnd = false
        var lastRecord = ContinuousClock.now
        var failure = RD_KAFKA_RESP_ERR__TIMED_OUT
        while !isAtEnd {
            rd_kafka_poll(client.handle, 0)
            let count = rd_kafka_consume_batch(
                client.topic, partition, Self.waitMilliseconds, &messages, messages.count)
            for message in messages[..<max(0, count)] {
                guard let message else { continue }
                defer { rd_kafka_message_destroy(message) }
                switch message.pointee.err {
                case RD_KAFKA_RESP_ERR_NO_ERROR:
                    let last = end ?? self.end(of: partition)
                    (end, lastRecord) = (last, .now)
                    isAtEnd = isAtEnd || message.pointee.offset + 1 >= last
                    if message.pointee.offset < last { visit(Self.record(message)) }
                // Offsets can be unused, the last ones too.
                case RD_KAFKA_RESP_ERR__PARTITION_EOF: isAtEnd = true
                case let error: failure = error
                }
            }
            if !isAtEnd, .now - lastRecord > Self.silenceMax {
                try Self.check(failure, place, client, inbox)
            }
        }
    }

    /// The end of a partition as the records say that just came; a question of its own is answered
    /// differently by some brokers.
    private func end(of partition: Int32) -> Int64 {
        var (low, high) = (Int64(0), Int64(0))
        let error = rd_kafka_get_watermark_offsets(client.handle, name, partition, &low, &high)
        return error == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : .max
    }

    private static func record(
        _ message: UnsafeMutablePointer<rd_kafka_message_t>
    ) -> TopicAudit.Record {
        var headers: OpaquePointer?
        var id = UnsafeRawBufferPointer(start: nil, count: 0)
        var isReplayed = false
        if rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR {
            var value: UnsafeRawPointer?
            var bytes = 0
            if rd_kafka_header_get_last(headers, "id", &value, &bytes) == RD_KAFKA_RESP_ERR_NO_ERROR
            {
                id = UnsafeRawBufferPointer(start: value, count: bytes)
            }
            isReplayed =
                rd_kafka_header_get_last(headers, "replayed", &value, &bytes)
                == RD_KAFKA_RESP_ERR_NO_ERROR
        }
        return TopicAudit.Record(
            partition: message.pointee.partition, offset: message.pointee.offset, id: id,
            value: UnsafeRawBufferPointer(
                start: message.pointee.payload, count: message.pointee.len),
            isReplayed: isReplayed)
    }
}
