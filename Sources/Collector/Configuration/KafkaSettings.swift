/// How events are sent to Apache Kafka.
public struct KafkaSettings: Equatable, Sendable {
    /// The brokers to begin with, `HOST:PORT` each.
    var brokers: [String] = []
    var topic = "footfall"
    /// Settings of librdkafka, `KEY=VALUE` each.
    var options: [String] = []

    /// No broker.
    init() {}

    /// Parts of the names of librdkafka's settings that hold secrets.
    private static let secretNames = ["password", "secret", "pem"]

    /// An option as anybody may see it.
    static func masked(_ option: String) -> String {
        let key = option.prefix { $0 != "=" }
        let isSecret = secretNames.contains { key.contains($0) }
        return isSecret ? "\(key)=\(Setting.masked)" : option
    }
}
