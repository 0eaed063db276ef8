import ArgumentParser
import CBuild
import Glibc
import POSIX

/// The command line.
@main
struct FootfallBench: ParsableCommand {
    static let version = FOOTFALL_VERSION

    static let configuration = CommandConfiguration(
        commandName: "footfall-bench",
        abstract: "Loads a collector with unique hits, and proves that none was lost.",
        version: version,
        subcommands: [RunCommand.self, CompareCommand.self],
        defaultSubcommand: RunCommand.self)

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            let code = exitCode(for: error)
            // Help and version go out as they are; anything else is one line.
            if code.isSuccess || error is ExitCode { exit(withError: error) }
            let lines = message(for: error).split(separator: "\n")
            fail(lines.first.map { String($0) } ?? "\(error)", code: .usage)
        }
    }

    /// Ends the process with one line on standard error.
    static func fail(_ reason: String, code: ExitCode) -> Never {
        FileOutput.standardError.write("footfall-bench: \(reason)\n")
        Glibc.exit(code.rawValue)
    }
}

extension ExitCode {
    /// A condition of `--fail-if` holds.
    static let failCondition = ExitCode(3)
    /// The log lacks acknowledged hits, or has hits twice.
    static let lostHits = ExitCode(4)
    /// The tester was the bottleneck.
    static let bottleneck = ExitCode(5)
    /// The server does not take connections, or no longer.
    static let serverGone = ExitCode(6)
    /// The command line cannot be used (sysexits(3), `EX_USAGE`).
    static let usage = ExitCode(64)
}
