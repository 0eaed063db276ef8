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
    private let inbox = Inbox()
    private var client: OpaquePointer
    private var topic: OpaquePointer

    /// A producer with these options. It connects by itself, and again when it has to; that brokers
    /// are not there yet is no error.
    public init(_ options: KafkaOptions) throws(Refused) {
        self.options = options
        (client, topic) = try Self.producer(options, inbox)
    }

    deinit { destroy() }

    /// Events of any length are offered: the broker's and the producer's limits can be changed.
    public var lineBytesMax: Int? { nil }

    /// What librdkafka complained of last; nil if nothing.
    public var lastError: String? { inbox.lastError }

    /// Gives an event to librdkafka, which copies it.
    public func send(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> SendResult {
        let event = EventLine(line)
        let key = event.string("visitor")
        let id = event.string("id")
        let error = footfall_rdkafka_produce(
            client, topic, line.baseAddress, line.count, key.baseAddress, key.count,
            id.baseAddress, id.count, options.isReplay ? 1 : 0,
            UnsafeMutableRawPointer(bitPattern: UInt(sequence)))
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return .taken
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: return .full
        case RD_KAFKA_RESP_ERR__FATAL:
            inbox.isFatal = true
            return .full
        default:
            inbox.reports.append(DeliveryReport(sequence, Inbox.outcome(error)))
            return .taken
        }
    }

    /// Passes on what brokers said. A producer after a fatal error is replaced here.
    public func poll(seconds: Double, _ report: (DeliveryReport) -> Void) {
        let milliseconds = inbox.reports.isEmpty ? Int32(min(seconds, 60) * 1000) : 0
        rd_kafka_poll(client, milliseconds)
        if inbox.isFatal { replaceProducer() }
        let reports = inbox.reports
        inbox.reports.removeAll(keepingCapacity: true)
        for one in reports { report(one) }
    }

    // MARK: - The producer

    private static func producer(
        _ options: KafkaOptions, _ inbox: Inbox
    ) throws(Refused) -> (client: OpaquePointer, topic: OpaquePointer) {
        guard let configuration = rd_kafka_conf_new() else { preconditionFailure("no memory") }
        var text = [CChar](repeating: 0, count: 512)
        for (key, value) in options.all
        where rd_kafka_conf_set(configuration, key, value, &text, text.count)
            != RD_KAFKA_CONF_OK
        {
            rd_kafka_conf_destroy(configuration)
            throw Refused(description: "kafka_options: \(string(text))")
        }
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(inbox).toOpaque())
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
            guard let message, let opaque else { return }
            let inbox = Unmanaged<Inbox>.fromOpaque(opaque).takeUnretainedValue()
            let sequence = UInt64(UInt(bitPattern: message.pointee._private))
            inbox.reports.append(
                DeliveryReport(sequence, Inbox.outcome(message.pointee.err)))
        }
        rd_kafka_conf_set_error_cb(configuration) { _, error, reason, opaque in
            guard let opaque else { return }
            let inbox = Unmanaged<Inbox>.fromOpaque(opaque).takeUnretainedValue()
            inbox.lastError = reason.map { String(cString: $0) }
            if error == RD_KAFKA_RESP_ERR__FATAL.rawValue { inbox.isFatal = true }
        }
        // What it has to say comes by the callback for errors; this one comes on threads of its own.
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count)
        else {
            rd_kafka_conf_destroy(configuration)
            throw Refused(description: "kafka_options: \(string(text))")
        }
        guard let topic = rd_kafka_topic_new(client, options.topic, nil) else {
            let reason = String(cString: rd_kafka_err2str(rd_kafka_last_error()))
            rd_kafka_destroy(client)
            throw Refused(description: "kafka_topic: \(reason)")
        }
        return (client, topic)
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// After a fatal error a producer sends nothing more. What it had fails, and another one takes
    /// over.
    private func replaceProducer() {
        rd_kafka_purge(client, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT))
        while rd_kafka_outq_len(client) > 0 { rd_kafka_poll(client, 100) }
        destroy()
        inbox.isFatal = false
        guard let (client, topic) = try? Self.producer(options, inbox) else {
            preconditionFailure("the same options were taken before")
        }
        (self.client, self.topic) = (client, topic)
    }

    private func destroy() {
        rd_kafka_topic_destroy(topic)
        rd_kafka_destroy(client)
    }

    /// For tests: makes the producer fail as a fatal error of a broker would.
    func failFatally() {
        rd_kafka_test_fatal_error(
            client, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test")
    }
}

/// What librdkafka has to say, until it is passed on.
private final class Inbox {
    var reports: [DeliveryReport] = []
    var lastError: String?
    var isFatal = false

    /// What an error means for an event.
    static func outcome(_ error: rd_kafka_resp_err_t) -> DeliveryReport.Outcome {
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR: .delivered
        // No broker will ever take these.
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
            RD_KAFKA_RESP_ERR_INVALID_RECORD:
            .refused(reason: text(error))
        default: .failed(reason: text(error))
        }
    }

    private static func text(_ error: rd_kafka_resp_err_t) -> String {
        String(cString: rd_kafka_err2str(error))
    }
}
