internal import CRdKafka
internal import Forwarding

/// A producer or a consumer of librdkafka with the topic that it is for.
///
/// Used by one thread, on which the callbacks come too, when it polls.
final class KafkaClient {
    /// The client itself.
    let handle: OpaquePointer
    /// The topic.
    let topic: OpaquePointer
    /// The callbacks hold it unretained.
    private let inbox: KafkaInbox

    /// One with these settings, whose reports and errors go to `inbox`.
    init(
        _ kind: rd_kafka_type_t, _ settings: [(key: String, value: String)], topic name: String,
        _ inbox: KafkaInbox
    ) throws(KafkaSink.Refused) {
        guard let configuration = rd_kafka_conf_new() else { preconditionFailure("no memory") }
        var text = [CChar](repeating: 0, count: 512)
        for (key, value) in settings
        where rd_kafka_conf_set(configuration, key, value, &text, text.count)
            != RD_KAFKA_CONF_OK
        {
            rd_kafka_conf_destroy(configuration)
            throw KafkaSink.Refused(description: "kafka_options: \(Self.string(text))")
        }
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(inbox).toOpaque())
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
            guard let message, let opaque else { return }
            let inbox = Unmanaged<KafkaInbox>.fromOpaque(opaque).takeUnretainedValue()
            let sequence = UInt64(UInt(bitPattern: message.pointee._private))
            inbox.reports.append(
                DeliveryReport(sequence, KafkaInbox.outcome(message.pointee.err)))
        }
        rd_kafka_conf_set_error_cb(configuration) { _, error, reason, opaque in
            guard let opaque else { return }
            let inbox = Unmanaged<KafkaInbox>.fromOpaque(opaque).takeUnretainedValue()
            inbox.lastError = reason.map { String(cString: $0) }
            if error == RD_KAFKA_RESP_ERR__FATAL.rawValue { inbox.isFatal = true }
        }
        // What it has to say comes by the callback for errors; this one comes on threads of its own.
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        guard let handle = rd_kafka_new(kind, configuration, &text, text.count) else {
            rd_kafka_conf_destroy(configuration)
            throw KafkaSink.Refused(description: "kafka_options: \(Self.string(text))")
        }
        guard let topic = rd_kafka_topic_new(handle, name, nil) else {
            let reason = KafkaInbox.text(rd_kafka_last_error())
            rd_kafka_destroy(handle)
            throw KafkaSink.Refused(description: "kafka_topic: \(reason)")
        }
        (self.handle, self.topic, self.inbox) = (handle, topic, inbox)
    }

    deinit {
        rd_kafka_topic_destroy(topic)
        rd_kafka_destroy(handle)
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What librdkafka has to say, until it is passed on.
final class KafkaInbox {
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

    /// The words of librdkafka for an error.
    static func text(_ error: rd_kafka_resp_err_t) -> String {
        String(cString: rd_kafka_err2str(error))
    }
}
