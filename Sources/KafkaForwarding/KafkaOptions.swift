/// How events are sent to Apache Kafka.
public struct KafkaOptions: Equatable, Sendable {
    /// The brokers to begin with: `kafka1:9092,kafka2:9092`.
    public var brokers: String
    /// The topic.
    public var topic: String
    /// Settings of librdkafka (its CONFIGURATION.md), which count more than those that are set here.
    public var settings: [String: String]
    /// Whether a header says that the events were sent before.
    public var isReplay = false

    /// Options for these brokers.
    public init(brokers: String, topic: String = "footfall", settings: [String: String] = [:]) {
        self.brokers = brokers
        self.topic = topic
        self.settings = settings
    }

    /// What is set unless it was asked for otherwise.
    ///
    /// An event is delivered when all replicas in sync have it. One request at a time keeps the order
    /// of a visitor's events, also when one of them has to be sent again. Before version 2.3 of the
    /// library idempotence can end in an error that no producer survives. Nothing is given up after a
    /// time: the log keeps what Kafka cannot take. Level 1 of zstd takes half the CPU of its own default,
    /// level 3, and makes lines such as an event's no larger.
    static let defaults = [
        "acks": "all", "enable.idempotence": "false", "compression.codec": "zstd",
        "linger.ms": "20", "max.in.flight.requests.per.connection": "1",
        "message.timeout.ms": "0", "partitioner": "murmur2_random", "client.id": "footfall",
        "queue.buffering.max.messages": "100000", "queue.buffering.max.kbytes": "65536",
        "batch.num.messages": "10000", "compression.level": "1",
    ]

    /// All settings of librdkafka in the order in which they are made.
    var all: [(key: String, value: String)] {
        var own = Self.defaults.merging(["bootstrap.servers": brokers]) { $1 }
        // The level is one of zstd's; another codec keeps its own.
        if settings["compression.codec"] != nil || settings["compression.type"] != nil {
            own["compression.level"] = nil
        }
        return own.merging(settings) { $1 }.sorted { $0.key < $1.key }
            .map { (key: $0.key, value: $0.value) }
    }
}
