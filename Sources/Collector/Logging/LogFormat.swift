internal import Glibc

/// How messages for the operator are written.
public enum LogFormat: String, CaseIterable, Sendable {
    /// `journald` if that is where standard error goes, otherwise `text`.
    case auto
    /// `2026-11-26T06:35:13.000000Z info: stopped`
    case text
    /// One object a line.
    case json
    /// The priority in front (sd-daemon(3)); the journal has the time itself.
    case journald

    /// What `auto` means for a descriptor. `journalStream` is the variable JOURNAL_STREAM
    /// (systemd.exec(5)): the device and inode of the stream to the journal, if there is one. It
    /// stays when a child's output is sent elsewhere, so only a match counts.
    func resolved(journalStream: String?, descriptor: Int32) -> LogFormat {
        guard self == .auto else { return self }
        var status = stat()
        guard let journalStream, fstat(descriptor, &status) == 0,
            journalStream == "\(status.st_dev):\(status.st_ino)"
        else { return .text }
        return .journald
    }
}

/// What an operator is told, and how.
public struct LoggingOptions: Sendable {
    /// The format of messages.
    public var format = LogFormat.auto
    /// The least severe messages that are written.
    public var level = LogLevel.info
    /// The file that gets a line for each answered request; nil for none.
    public var accessLog: String?

    /// The defaults.
    public init() {}
}

/// How severe a message is, as in swift-log.
public enum LogLevel: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical
}
