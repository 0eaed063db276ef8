internal import ArgumentParser

/// The flags for what becomes of stored events.
struct ForwardingFlags: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: """
            Where stored events are sent: 'kafka', or 'stdout', as NDJSON, for Vector, Fluent Bit \
            or clickhouse-client. May be repeated. [none]
            """)
    var forward: [String] = []

    @OptionGroup var kafka: KafkaFlags

    @Option(
        help: """
            The age from which a sealed segment is deleted, if every 'forward' has it, or 'off'. \
            [off]
            """)
    var retainAge: String?

    @Option(
        help: """
            Bytes of all segments beyond which the oldest are deleted, if every 'forward' has them, \
            or 'off'. [off]
            """)
    var retainBytes: String?

    @Option(
        help: """
            What happens when the disk is almost full: 'refuse' hits with 503, or 'drop_oldest': \
            delete the oldest segments, even if they were not forwarded. [refuse]
            """)
    var whenFull: String?

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "retain_age": retainAge, "retain_bytes": retainBytes,
            "when_full": whenFull,
        ].compactMapValues { $0.map { [$0] } }
        if !forward.isEmpty { values["forward"] = forward }
        return values.merging(kafka.given) { $1 }
    }
}

/// The flags for Kafka.
struct KafkaFlags: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: "A broker of Kafka to begin with, HOST:PORT. May be repeated. [none]")
    var kafkaBrokers: [String] = []

    @Option(help: "The topic in Kafka. [footfall]")
    var kafkaTopic: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            A setting of librdkafka, KEY=VALUE, such as 'security.protocol=sasl_ssl'. May be \
            repeated. [none]
            """)
    var kafkaOptions: [String] = []

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values: [String: [String]] = [:]
        if !kafkaBrokers.isEmpty { values["kafka_brokers"] = kafkaBrokers }
        if let kafkaTopic { values["kafka_topic"] = [kafkaTopic] }
        if !kafkaOptions.isEmpty { values["kafka_options"] = kafkaOptions }
        return values
    }
}
