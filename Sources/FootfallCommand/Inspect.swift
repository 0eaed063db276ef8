public import ArgumentParser
public import Collector
internal import POSIX

/// `footfall tail`
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Print stored events.")

    @OptionGroup var location: DataOption

    @Flag(name: .short, help: "Go on with what is added.")
    var follow = false

    @Option(help: "The sequence of the first event to print.")
    var from: UInt64 = 1

    @Option(name: .short, help: "Of what is there, print only the last so many.")
    var number: Int?

    @Option(help: "'text' for people, 'json' as stored.")
    var format = Tail.Format.text

    func validate() throws {
        if let number, number < 0 { throw ValidationError("-n takes a number from 0") }
    }

    func run() throws {
        do throws(InspectionError) {
            try Tail.run(
                directory: location.data, from: from, last: number, follow: follow, format: format)
        } catch {
            throw fail(error, code: .failure)
        }
    }
}

extension Tail.Format: ExpressibleByArgument {}

/// `footfall verify`
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every checksum and every sequence. Exits with 1 if something is wrong.")

    @OptionGroup var location: DataOption

    @Flag(help: "Take damage out of the log first; the damaged bytes are kept in DATA/damaged.")
    var repair = false

    func run() throws {
        let report: VerifyReport
        do throws(InspectionError) {
            if repair {
                try VerifyReport.repair(directory: location.data) {
                    FileOutput.standardOutput.write($0 + "\n")
                }
            }
            report = try VerifyReport(directory: location.data) {
                FileOutput.standardOutput.write($0 + "\n")
            }
        } catch {
            throw fail(error, code: .failure)
        }
        FileOutput.standardOutput.write(report.summary + "\n")
        if !report.isClean { throw ExitCode.failure }
    }
}
