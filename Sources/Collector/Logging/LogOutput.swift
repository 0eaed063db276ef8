internal import Glibc
public import Logging
internal import POSIX
internal import Tracking

/// Writes messages for the operator. Any thread.
public final class LogOutput: Sendable {
    private struct State {
        var format: LogFormat
        var level: Logger.Level
        var limiter = LogLimiter()
    }

    private let label: String
    private let write: @Sendable (String) -> Void
    private let state: Monitor<State>

    /// Writes to standard error.
    public convenience init(_ configuration: Configuration) {
        self.init(configuration.logging) { FileOutput.standardError.write($0) }
    }

    init(
        _ options: LoggingOptions, label: String = "footfall",
        write: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        self.write = write
        state = Monitor(State(format: Self.format(options), level: Self.level(options)))
    }

    /// A logger that writes here.
    public var logger: Logger {
        Logger(label: label) { _ in OutputHandler(output: self) }
    }

    /// Takes over format and level.
    func apply(_ options: LoggingOptions) {
        state.withLock {
            $0.format = Self.format(options)
            $0.level = Self.level(options)
        }
    }

    private static func format(_ options: LoggingOptions) -> LogFormat {
        options.format.resolved(
            journalStream: getenv("JOURNAL_STREAM").map { String(cString: $0) },
            descriptor: STDERR_FILENO)
    }

    private static func level(_ options: LoggingOptions) -> Logger.Level {
        guard let level = Logger.Level(rawValue: options.level.rawValue) else {
            preconditionFailure("both have the same levels")
        }
        return level
    }

    fileprivate var level: Logger.Level { state.withLock { $0.level } }

    fileprivate func setLevel(_ level: Logger.Level) { state.withLock { $0.level = level } }

    /// Writes a message, unless too many of its kind came before.
    func log(
        _ event: LogEvent, _ metadata: Logger.Metadata, time: Timestamp, monotonic now: Double
    ) {
        let kind = LogLimiter.Kind(file: event.file, line: event.line, level: event.level)
        let message = "\(event.message)"
        state.withLock { state in
            writeSuppressed(&state, time, now)
            guard state.limiter.takes(message, of: kind, at: now) else { return }
            write(line(event.level, message, metadata, time).text(state.format))
        }
    }

    /// Says how many messages were not written, as soon as it is time to.
    func reportSuppressed(time: Timestamp, monotonic now: Double) {
        state.withLock { writeSuppressed(&$0, time, now) }
    }

    /// Says it of all that were not written until now: for the end.
    public func close() {
        reportSuppressed(
            time: Timestamp(microseconds: Clock.microsecondsSinceEpoch()), monotonic: .infinity)
    }

    private func writeSuppressed(_ state: inout State, _ time: Timestamp, _ now: Double) {
        for suppressed in state.limiter.takeEnded(at: now) {
            let message = "suppressed \(suppressed.count) messages like: \(suppressed.message)"
            write(line(suppressed.level, message, [:], time).text(state.format))
        }
    }

    private func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, _ time: Timestamp
    ) -> LogLine {
        LogLine(time: time, level: level, label: label, message: message, metadata: metadata)
    }
}

/// What loggers have to do with the output. The level is the output's, for all of them.
private struct OutputHandler: LogHandler {
    let output: LogOutput
    var metadata: Logger.Metadata = [:]

    var logLevel: Logger.Level {
        get { output.level }
        set { output.setLevel(newValue) }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata.merging(event.metadata ?? [:]) { $1 }
        if let error = event.error { all["error"] = "\(error)" }
        output.log(
            event, all, time: Timestamp(microseconds: Clock.microsecondsSinceEpoch()),
            monotonic: Clock.monotonicSeconds())
    }
}

extension Logger {
    /// The output that it writes to; nil for a logger of another kind.
    var output: LogOutput? { (handler as? OutputHandler)?.output }
}
