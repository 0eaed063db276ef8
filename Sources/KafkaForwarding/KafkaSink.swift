internal import CRdKafka
public import Forwarding

/// A topic of Apache Kafka. An event's key is its visitor, so that those of a visitor stay in order in
/// one partition, and its identifier is the header `id`.
///
/// Used by one thread, on which librdkafka's callbacks come too.
public final class KafkaSink: Sink {
    /// Why there is no producer: what librdkafka says of a setting.
    public struct Refused: Error, Equatable, CustomStringConvertible {
        /// Its words.
        public let description: String
    }

    private let options: KafkaOptions
    private let inbox = KafkaInbox()
    private var client: KafkaClient

    /// A producer with these options. It connects by itself, and again when it has to; that brokers
    /// are not there yet is no error.
    public init(_ options: KafkaOptions) throws(Refused) {
        self.options = options
        client = try Self.producer(options, inbox)
    }

    /// Events of any length are offered: the broker's and the producer's limits can be changed.
    public var lineBytesMax: Int? { nil }

    /// What librdkafka complained of last, such as a broker that it cannot reach.
    public var trouble: String? { inbox.lastError }

    /// Gives an event to librdkafka, which copies it.
    public func send(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> SendResult {
        let event = EventLine(line)
        let key = event.string("visitor")
        let id = event.string("id")
        let error = footfall_rdkafka_produce(
            client.handle, client.topic, line.baseAddress, line.count, key.baseAddress, key.count,
            id.baseAddress, id.count, options.isReplay ? 1 : 0,
            UnsafeMutableRawPointer(bitPattern: UInt(sequence)))
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return .taken
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: return .full
        case RD_KAFKA_RESP_ERR__FATAL:
            inbox.isFatal = true
            return .full
        default:
            inbox.reports.append(DeliveryReport(sequence, KafkaInbox.outcome(error)))
            return .taken
        }
    }

    /// Passes on what brokers said. A producer after a fatal error is replaced here.
    public func poll(seconds: Double, _ report: (DeliveryReport) -> Void) {
        let milliseconds = inbox.reports.isEmpty ? Int32(min(seconds, 60) * 1000) : 0
        rd_kafka_poll(client.handle, milliseconds)
        if inbox.isFatal { replaceProducer() }
        let reports = inbox.reports
        inbox.reports.removeAll(keepingCapacity: true)
        if reports.contains(where: { $0.outcome == .delivered }) { inbox.lastError = nil }
        for one in reports { report(one) }
    }

    // MARK: - The producer

    private static func producer(
        _ options: KafkaOptions, _ inbox: KafkaInbox
    ) throws(Refused) -> KafkaClient {
        try KafkaClient(RD_KAFKA_PRODUCER, options.all, topic: options.topic, inbox)
    }

    /// After a fatal error a producer sends nothing more. What it had fails, and another one takes
    /// over.
    private func replaceProducer() {
        rd_kafka_purge(client.handle, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT))
        while rd_kafka_outq_len(client.handle) > 0 { rd_kafka_poll(client.handle, 100) }
        guard let client = try? Self.producer(options, inbox) else {
            preconditionFailure("the same options were taken before")
        }
        self.client = client
        inbox.isFatal = false
    }

    /// For tests: makes the producer fail as a fatal error of a broker would.
    func failFatally() {
        rd_kafka_test_fatal_error(
            client.handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test")
    }
}
