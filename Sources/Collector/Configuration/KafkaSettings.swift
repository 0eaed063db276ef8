/// How events are sent to Apache Kafka.
public struct KafkaSettings: Equatable, Sendable {
    /// The brokers to begin with, `HOST:PORT` each.
    var brokers: [String] = []
    var topic = "footfall"
    /// Settings of librdkafka, `KEY=VALUE` each.
    var options: [String] = []

    /// No broker.
    init() {}

    /// The options without what nobody needs to see.
    var shownOptions: [String] {
        options.map { option in
            let key = option.prefix { $0 != "=" }
            let isSecret = ["password", "secret", "pem"].contains { key.contains($0) }
            return isSecret ? "\(key)=..." : option
        }
    }
}
