internal import CLibevent
internal import Glibc
internal import POSIX

/// The libevent that this process has loaded.
public enum LibeventLibrary {
    /// How serious a message of libevent is (`EVENT_LOG_*`).
    public enum Severity: Sendable {
        /// Of use only to a developer of Footfall.
        case debug
        /// Worth a line.
        case notice
        /// Something failed and libevent went on.
        case warning
        /// Something failed and libevent gives up; the process ends when it cannot be helped.
        case error
    }

    /// Receives what libevent logs, on whatever thread it happens.
    public typealias LogSink = @Sendable (Severity, String) -> Void

    private static let sink = Monitor<LogSink?>(nil)

    /// What `event_get_version()` says. Debian's security patches do not change it.
    public static var version: String {
        String(cString: event_get_version())
    }

    /// Whether the loaded library has Debian's patches of 2026 for request smuggling, or is a
    /// release that contains them. Up to 2.1.12 the version says nothing; the patched library
    /// exports a helper that the plain one does not have.
    public static var hasSecurityPatches: Bool {
        if event_get_version_number() >= 0x0201_0d00 { return true }
        guard let program = dlopen(nil, RTLD_NOW) else { return false }
        defer { dlclose(program) }
        return dlsym(program, "evhttp_str_is_chunked_") != nil
    }

    /// Prepares the process for libevent: its messages go to `sink`, and a peer that has gone does
    /// not end the process (SIGPIPE is ignored). Once, before the first loop.
    public static func prepare(log sink: @escaping LogSink) {
        self.sink.withLock { $0 = sink }
        event_set_log_callback(libeventLogged)
        event_set_fatal_callback(libeventFailed)
        signal(SIGPIPE, SIG_IGN)
    }

    static func logged(severity: Int32, _ message: String) {
        let known: Severity =
            switch severity {
            case EVENT_LOG_DEBUG: .debug
            case EVENT_LOG_MSG: .notice
            case EVENT_LOG_WARN: .warning
            default: .error
            }
        sink.withLock { $0 }?(known, message)
    }

    static func failed(code: Int32) -> Never {
        logged(severity: EVENT_LOG_ERR, "libevent gave up (\(code)); the process ends")
        exit(EXIT_FAILURE)
    }
}
