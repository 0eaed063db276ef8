internal import EventHTTP
internal import EventLog
internal import Glibc
#if Kafka
    internal import KafkaForwarding
#endif
internal import POSIX

extension ResolvedConfiguration {
    /// What this machine has against the configuration, as far as that can be told without a start:
    /// nothing is made, opened for writing, or connected to.
    public func surroundingProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        func expect(_ key: String, _ reason: String?) {
            if let reason { problems.append(.init(source(of: [key]), reason)) }
        }
        expect("data", Self.objection(toDirectory: configuration.log.directory, isMade: true))
        for case .unix(let path) in configuration.listen {
            expect("listen", Self.objection(toDirectory: Self.parent(of: path), isMade: false))
        }
        if case .unix(let path)? = configuration.admin {
            expect("admin", Self.objection(toDirectory: Self.parent(of: path), isMade: false))
        }
        if let path = configuration.logging.accessLog {
            expect("access_log", Self.objection(toFile: path))
        }
        if configuration.forward.contains(.kafka) { expect("kafka_options", kafkaObjection) }
        return problems
    }

    /// Why files cannot be made in a directory, which may itself be made first if `isMade`; nil if
    /// they can.
    private static func objection(toDirectory path: String, isMade: Bool) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let error = SystemError("stat", path)
            guard error.code == ENOENT, isMade else { return "'\(path)': \(error.reason)" }
            return objection(toDirectory: parent(of: path), isMade: true)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "'\(path)' is not a directory" }
        return access(path, W_OK | X_OK) == 0 ? nil : refusal(path)
    }

    /// Why a file cannot be appended to, or made; nil if it can.
    private static func objection(toFile path: String) -> String? {
        var status = stat()
        if stat(path, &status) != 0 {
            return objection(toDirectory: parent(of: path), isMade: false)
        }
        if status.st_mode & S_IFMT == S_IFDIR { return "'\(path)' is a directory" }
        return access(path, W_OK) == 0 ? nil : refusal(path)
    }

    private static func refusal(_ path: String) -> String {
        "'\(path)': \(SystemError("access", path).reason) for user \(geteuid()); check as the user "
            + "that serves"
    }

    /// The directory that a path is in.
    private static func parent(of path: String) -> String {
        var rest = path[...]
        while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    /// What librdkafka says of the settings, or that there is none.
    private var kafkaObjection: String? {
        #if Kafka
            var options = KafkaOptions(configuration.kafka)
            // It would connect, and look up names, at once.
            options.brokers = "127.0.0.1:1"
            do throws(KafkaSink.Refused) {
                _ = try KafkaSink(options)
                return nil
            } catch {
                return String(error.description.trimmingPrefix("kafka_options: "))
            }
        #else
            return "'kafka': this footfall was built without Kafka"
        #endif
    }
}
