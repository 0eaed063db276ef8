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

/// The threads that forward what is stored.
struct Forwarders {
    /// Why a sink cannot be had.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private let threads: [(name: SinkName, thread: ForwardingThread)]

    /// Starts one for each sink of the configuration.
    init(_ configuration: Configuration, logger: Logger) throws {
        threads = try configuration.forward.map { name in
            switch name {
            case .stdout:
                (name, try Self.start(name, configuration, logger) { StreamSink.standardOutput() })
            case .kafka: (name, try Self.startKafka(configuration, logger))
            }
        }
    }

    private static func start(
        _ name: SinkName, _ configuration: Configuration, _ logger: Logger,
        _ makeSink: @escaping @Sendable () -> some Sink
    ) throws -> ForwardingThread {
        try ForwardingThread(name.rawValue, directory: configuration.log.directory) {
            logger.log(level: $0.isError ? .error : .notice, "\($0)")
        } makeSink: {
            makeSink()
        }
    }

    #if Kafka
        private static func startKafka(
            _ configuration: Configuration, _ logger: Logger
        ) throws -> ForwardingThread {
            let options = KafkaOptions(configuration.kafka)
            // One that is not used, to say at the start what is wrong.
            do throws(KafkaSink.Refused) {
                _ = try KafkaSink(options)
            } catch {
                throw Refused(description: error.description)
            }
            return try start(.kafka, configuration, logger) {
                guard let sink = try? KafkaSink(options) else {
                    preconditionFailure("the same options were taken before")
                }
                return sink
            }
        }
    #else
        private static func startKafka(
            _ configuration: Configuration, _ logger: Logger
        ) throws -> ForwardingThread {
            throw Refused(description: "forward: this footfall was built without Kafka")
        }
    #endif

    /// How far each sink is. Any thread.
    var statuses: [(name: SinkName, status: ForwardingStatus)] {
        threads.map { ($0.name, $0.thread.status) }
    }

    /// Delivers what is stored, for as long as that is allowed to take.
    func stop() {
        for (_, thread) in threads { thread.stop() }
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
