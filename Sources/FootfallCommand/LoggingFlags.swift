internal import ArgumentParser

/// The flags for what the operator is told.
struct LoggingFlags: ParsableArguments {
    @Option(
        help: """
            How messages are written to standard error: 'text', 'json' (an object a line), \
            'journald' (with its priorities), or 'auto'. [auto: journald under systemd, else text]
            """)
    var logFormat: String?

    @Option(
        help: """
            The least severe messages that are written: 'trace', 'debug', 'info', 'notice', \
            'warning', 'error' or 'critical'. [info]
            """)
    var logLevel: String?

    @Option(
        help: """
            A file that gets a line for each answered request, in the Common Log Format, or 'off'. \
            Addresses are as in events. [off]
            """)
    var accessLog: String?

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        ["log_format": logFormat, "log_level": logLevel, "access_log": accessLog]
            .compactMapValues { $0.map { [$0] } }
    }
}
