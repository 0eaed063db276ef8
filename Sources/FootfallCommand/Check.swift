internal import ArgumentParser
internal import Collector
internal import POSIX

/// `footfall check`
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a configuration and print what is in force, and where it comes from.",
        discussion: """
            The output can be used as a configuration file, but for secrets, which are not shown. \
            What is wrong is on standard error, with its place; the exit status is then 78 (64 for \
            a flag). Nothing is started, made or connected to.
            """)

    @OptionGroup var settings: SettingFlags

    func run() throws {
        let resolved = try settings.resolve()
        for line in resolved.lines { FileOutput.standardOutput.write(line + "\n") }
        for warning in resolved.warnings {
            FileOutput.standardError.write("footfall: warning: \(warning)\n")
        }
        let problems = resolved.surroundingProblems()
        for problem in problems { FileOutput.standardError.write("footfall: \(problem)\n") }
        if !problems.isEmpty { throw ExitCode.configuration }
    }
}
