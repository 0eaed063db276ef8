internal import EventLog
internal import Forwarding
#if Kafka
    internal import KafkaForwarding
#endif
internal import Logging
internal import POSIX

/// Where events can be forwarded to; the name is also that of the checkpoint.
public enum SinkName: String, CaseIterable, Sendable {
    /// NDJSON to standard output.
    case stdout
    /// A topic of Apache Kafka.
    case kafka
}

/// The threads that forward what is stored, one for each sink.
///
/// Any thread, but changed by one at a time.
final class Forwarders: Sendable {
    /// Why a sink cannot be had.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private struct Sink {
        let thread: ForwardingThread
        /// What it was started with.
        let kafka: KafkaSettings
    }

    private let logger: Logger
    private let sinks = Monitor<[SinkName: Sink]>([:])

    /// Starts one for each sink of the configuration.
    init(_ configuration: Configuration, logger: Logger) throws {
        self.logger = logger
        try update(configuration)
    }

    /// Whether the sinks of a configuration can be had. Throws what is wrong otherwise.
    static func check(_ configuration: Configuration) throws(Refused) {
        guard configuration.forward.contains(.kafka) else { return }
        #if Kafka
            // One that is not used.
            do throws(KafkaSink.Refused) {
                _ = try KafkaSink(KafkaOptions(configuration.kafka))
            } catch {
                throw Refused(description: error.description)
            }
        #else
            throw Refused(description: "forward: this footfall was built without Kafka")
        #endif
    }

    /// Stops the sinks that the configuration does not have any more or has otherwise, which takes as
    /// long as they may take to stop, and starts those that it has besides.
    func update(_ configuration: Configuration) throws {
        try Self.check(configuration)
        for (name, sink) in sinks.withLock({ $0 }) {
            let isSame = name != .kafka || sink.kafka == configuration.kafka
            if configuration.forward.contains(name), isSame { continue }
            sink.thread.stop()
            sinks.withLock { $0[name] = nil }
        }
        for name in configuration.forward where sinks.withLock({ $0[name] == nil }) {
            let thread = try start(name, configuration)
            sinks.withLock { $0[name] = Sink(thread: thread, kafka: configuration.kafka) }
        }
    }

    /// How far each sink is. Any thread.
    var statuses: [(name: SinkName, status: ForwardingStatus)] {
        let threads = sinks.withLock { sinks in
            SinkName.allCases.compactMap { name in sinks[name].map { (name, $0.thread) } }
        }
        return threads.map { ($0, $1.status) }
    }

    private func start(
        _ name: SinkName, _ configuration: Configuration
    ) throws -> ForwardingThread {
        switch name {
        case .stdout: return try start(name, configuration) { StreamSink.standardOutput() }
        case .kafka:
            #if Kafka
                let options = KafkaOptions(configuration.kafka)
                return try start(name, configuration) {
                    guard let sink = try? KafkaSink(options) else {
                        preconditionFailure("the same options were taken before")
                    }
                    return sink
                }
            #else
                preconditionFailure("it was checked")
            #endif
        }
    }

    private func start(
        _ name: SinkName, _ configuration: Configuration,
        _ makeSink: @escaping @Sendable () -> some Forwarding.Sink
    ) throws -> ForwardingThread {
        try ForwardingThread(name.rawValue, directory: configuration.log.directory) { [logger] in
            logger.log(level: $0.isError ? .error : .notice, "\($0)")
        } makeSink: {
            makeSink()
        }
    }

    /// Delivers what is stored, for as long as that is allowed to take.
    func stop() {
        for sink in sinks.withLock({ $0 }).values { sink.thread.stop() }
    }
}

#if Kafka
    extension KafkaOptions {
        init(_ settings: KafkaSettings, isReplay: Bool = false) {
            self.init(brokers: settings.brokers.joined(separator: ","), topic: settings.topic)
            self.isReplay = isReplay
            for option in settings.options {
                let parts = option.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                self.settings[String(parts[0])] = String(parts[1])
            }
        }
    }
#endif
