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
        let output = LogOutput(resolved.configuration)
        defer { output.close() }
        let logger = output.logger
        for warning in resolved.warnings { logger.warning("\(warning)") }
        let isComplete: Bool
        do throws(Collector.StartError) {
            let (given, file) = (settings.given, settings.config)
            isComplete = try Collector(
                resolved, logger: logger
            ) { () throws(ConfigurationError) in
                try SettingFlags.read(given, file: file)
            }.serve()
        } catch {
            throw fail(error, code: .failure)
        }
        if !isComplete { throw ExitCode.failure }
    }
}
