internal import ArgumentParser
internal import Collector
internal import Logging
internal import POSIX

/// `footfall serve`
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Receive hits.",
        discussion: """
            Every flag can also be a key of the configuration file, with underscores \
            (sync_interval), or a variable (FOOTFALL_SYNC_INTERVAL). A flag beats the variable, \
            which beats the file.
            """)

    @OptionGroup var settings: SettingFlags

    func run() throws {
        let resolved = try settings.resolve()
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let isComplete: Bool
        do throws(Collector.StartError) {
            isComplete = try Collector(resolved, logger: Logger(label: "footfall")).serve()
        } catch {
            throw fail(error, code: .failure)
        }
        if !isComplete { throw ExitCode.failure }
    }
}

/// `footfall check`
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a configuration and print what is in force, and where it comes from.")

    @OptionGroup var settings: SettingFlags

    func run() throws {
        for line in try settings.resolve().lines {
            FileOutput.standardOutput.write(line + "\n")
        }
    }
}
