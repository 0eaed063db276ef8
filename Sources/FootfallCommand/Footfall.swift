internal import ArgumentParser
internal import Collector
internal import POSIX

/// The command line.
@main
struct Footfall: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "footfall",
        abstract: "Collects hits from web pages. An acknowledged hit is on disk.",
        version: BuildInformation.current.description,
        subcommands: [
            Serve.self, Check.self, TailCommand.self, ReportCommand.self, Verify.self, Audit.self,
            ReplayCommand.self,
            SignLink.self,
        ])
}

/// Where a log is.
struct DataOption: ParsableArguments {
    @Option(help: "The data directory.")
    var data = "./data"
}

/// Ends the command with one line on standard error.
func fail(_ reason: some CustomStringConvertible, code: ExitCode) -> ExitCode {
    FileOutput.standardError.write("footfall: \(reason)\n")
    return code
}

extension ExitCode {
    /// The configuration cannot be used (sysexits(3), `EX_CONFIG`).
    static let configuration = ExitCode(78)
    /// The command line cannot be used (sysexits(3), `EX_USAGE`).
    static let usage = ExitCode(64)
}
