internal import EventLog
internal import Forwarding
internal import Logging
internal import POSIX

/// Where events can be forwarded to; the name is also that of the checkpoint.
public enum SinkName: String, CaseIterable, Sendable {
    /// NDJSON to standard output.
    case stdout
}

/// The threads that forward what is stored.
struct Forwarders {
    private let threads: [ForwardingThread]

    /// Starts one for each sink of the configuration.
    init(_ configuration: Configuration, logger: Logger) throws(SystemError) {
        var threads: [ForwardingThread] = []
        for name in configuration.forward {
            threads.append(
                try ForwardingThread(name.rawValue, directory: configuration.log.directory) {
                    logger.log(level: $0.isError ? .error : .notice, "\($0)")
                } makeSink: {
                    switch name {
                    case .stdout: StreamSink.standardOutput()
                    }
                })
        }
        self.threads = threads
    }

    /// Delivers what is stored, for as long as that is allowed to take.
    func stop() {
        for thread in threads { thread.stop() }
    }
}
