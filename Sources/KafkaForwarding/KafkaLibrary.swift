internal import CRdKafka

/// The librdkafka that this process has loaded.
public enum KafkaLibrary {
    /// What `rd_kafka_version_str()` says.
    public static var version: String { String(cString: rd_kafka_version_str()) }
}
