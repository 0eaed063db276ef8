internal import POSIX

/// Where a collector writes to besides its log.
struct Outputs: Sendable {
    /// What prints hits to standard output; nil if nothing was to be printed so far.
    private(set) var printer: Printer?
    /// The access log; nil for none.
    private(set) var accessLog: AccessLogFile?

    /// Nothing.
    init() {}

    /// Those of a configuration; what is open already stays open.
    func updated(for configuration: Configuration) throws(SystemError) -> Outputs {
        var outputs = self
        if printer == nil, configuration.print != .none {
            outputs.printer = try Printer(.standardOutput)
        }
        if accessLog?.path != configuration.logging.accessLog {
            outputs.accessLog = nil
            if let path = configuration.logging.accessLog {
                outputs.accessLog = try AccessLogFile(path)
            }
        }
        return outputs
    }
}
