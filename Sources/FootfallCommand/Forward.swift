internal import ArgumentParser
internal import Collector
internal import POSIX

/// `footfall replay`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send stored events again, byte for byte. Checkpoints stay as they are.",
        discussion: "Exits with 1 if an event that was asked for is not in the log.")

    @OptionGroup var location: DataOption

    @Option(help: "The sequence of the first event to send.")
    var from: UInt64

    @Option(help: "The sequence of the last one. [the last of the log]")
    var to: UInt64?

    @Option(help: "Where to: 'kafka', or 'stdout', as NDJSON.")
    var toSink: String

    @OptionGroup var kafka: KafkaFlags

    @Option(help: "A configuration file (YAML) with settings for Kafka.")
    var config: String?

    func validate() throws {
        guard from > 0 else { throw ValidationError("--from: the first event is 1") }
        if let to, to < from { throw ValidationError("--to is before --from") }
        guard SinkName(rawValue: toSink) != nil else {
            throw ValidationError("--to-sink '\(toSink)': expected 'kafka' or 'stdout'")
        }
    }

    func run() throws {
        guard let sink = SinkName(rawValue: toSink) else { return }
        let resolved = try SettingFlags.resolve(kafka.given, file: config)
        let replay: Replay
        do throws(InspectionError) {
            replay = try Replay(
                directory: location.data, from: from, through: to, to: sink,
                resolved.configuration)
        } catch {
            throw fail(error, code: .failure)
        }
        FileOutput.standardError.write("footfall: \(replay.summary)\n")
        if let missing = replay.missing { throw fail(missing, code: .failure) }
    }
}

/// `footfall audit`
struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: """
            Check that, for each sink, what was stored is what was delivered, what is pending, what \
            was rejected and what is missing because the log lost it. Exits with 1 if not.
            """)

    @OptionGroup var location: DataOption

    @Flag(
        name: .customLong("kafka"),
        help: """
            Read the topic back too: every delivered event that the log still has must be in it, \
            byte for byte. Takes 27 bytes of memory for each event of the log.
            """)
    var readsTopic = false

    @OptionGroup var kafka: KafkaFlags

    @Option(help: "A configuration file (YAML) with settings for Kafka.")
    var config: String?

    func run() throws {
        let write = { FileOutput.standardOutput.write($0 + "\n") }
        var isClean: Bool
        do throws(InspectionError) {
            isClean = try AuditReport(directory: location.data, line: { _ = write($0) }).isClean
        } catch {
            throw fail(error, code: .failure)
        }
        if readsTopic {
            let resolved = try SettingFlags.resolve(kafka.given, file: config)
            do throws(InspectionError) {
                let report = try TopicReport(
                    directory: location.data, resolved.configuration, line: { _ = write($0) })
                isClean = isClean && report.isClean
            } catch {
                throw fail(error, code: .failure)
            }
        }
        if !isClean { throw ExitCode.failure }
    }
}
