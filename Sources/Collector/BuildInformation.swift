internal import CBuild
internal import EventHTTP
#if Kafka
    internal import KafkaForwarding
#endif

/// What this Footfall is and what it runs on, for `footfall --version` and the metrics.
public struct BuildInformation: Equatable, Sendable {
    /// The version of Footfall (semver.org).
    public let version: String
    /// The commit it was built from, 12 hex digits and perhaps `-dirty`, or `unknown`.
    public let commit: String
    /// The version of the libevent that is loaded.
    public let libevent: String
    /// The version of the librdkafka that is loaded; nil in a Footfall without Kafka.
    public let librdkafka: String?

    /// This process.
    public static let current = BuildInformation(
        version: FOOTFALL_VERSION, commit: String(cString: footfall_commit()),
        libevent: LibeventLibrary.version, librdkafka: librdkafkaVersion)

    private static var librdkafkaVersion: String? {
        #if Kafka
            return KafkaLibrary.version
        #else
            return nil
        #endif
    }
}

extension BuildInformation: CustomStringConvertible {
    /// Three lines for people.
    public var description: String {
        """
        footfall \(version) (commit \(commit))
        libevent \(libevent)
        \(librdkafka.map { "librdkafka \($0)" } ?? "without Kafka")
        """
    }
}
