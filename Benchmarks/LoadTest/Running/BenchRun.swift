import ArgumentParser
import EventHTTP
import FoundationEssentials
import Glibc
import POSIX

/// What `footfall-bench URL` does: load, reconcile, report, and judge.
struct BenchRun {
    private let command: RunCommand
    private let options: LoadOptions
    private let live: LiveLine

    init(_ command: RunCommand, _ options: LoadOptions) {
        self.command = command
        self.options = options
        live = LiveLine(isQuiet: command.quiet)
    }

    /// Runs, writes the result, and tells how to end.
    func run() throws -> ExitCode {
        LibeventLibrary.prepare { [live] _, message in live.note("libevent: \(message)") }
        var reconciliation = try openLog()
        let outcome: LoadRun.Outcome
        do throws(SystemError) {
            outcome = try LoadRun(options) { [live] in live.show($0) }.run()
        } catch {
            return fail("\(error)", .failure)
        }
        live.end()
        guard outcome.hasStarted else { return notStarted(outcome.ending) }
        let counts = try reconcile(&reconciliation, outcome)
        let result = RunResult(
            outcome, options, arguments: Array(CommandLine.arguments.dropFirst()),
            reconciliation: counts)
        let text = try command.output.write(result, outcome.total.latencies)
        guard write(text) else {
            return fail("\(command.out ?? "standard output"): cannot be written", .failure)
        }
        return verdict(result, outcome.ending)
    }

    private func openLog() throws -> Reconciliation? {
        guard let directory = command.reconcile else { return nil }
        do throws(Reconciliation.Failure) {
            return try Reconciliation(directory: directory)
        } catch {
            throw fail("\(error)", .failure)
        }
    }

    private func reconcile(
        _ reconciliation: inout Reconciliation?, _ outcome: LoadRun.Outcome
    ) throws -> Reconciliation.Counts? {
        do throws(Reconciliation.Failure) {
            return try reconciliation?.counts(
                outcome.summaries, numbers: HitNumbers(seed: options.seed),
                waitSeconds: command.reconcileWait ?? 10)
        } catch {
            throw fail("\(error)", .failure)
        }
    }

    private func notStarted(_ ending: LoadRun.Ending) -> ExitCode {
        switch ending {
        case .serverGone(let reason): fail("\(options.url): \(reason)", .serverGone)
        case .interrupted(let signal): ExitCode(128 + signal)
        case .completed: .failure
        }
    }

    private func write(_ text: String) -> Bool {
        guard let path = command.out else { return FileOutput.standardOutput.write(text) }
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
            return true
        } catch {
            return false
        }
    }

    /// The gravest thing first.
    private func verdict(_ result: RunResult, _ ending: LoadRun.Ending) -> ExitCode {
        if let lost = result.lost, let duplicated = result.duplicated, lost + duplicated > 0 {
            return fail("\(lost) acknowledged hits lost, \(duplicated) duplicated", .lostHits)
        }
        switch ending {
        case .serverGone(let reason):
            return fail("the server was gone before the end: \(reason)", .serverGone)
        case .interrupted(let signal): return ExitCode(128 + signal)
        case .completed: break
        }
        if let bottleneck = result.tester.bottleneck {
            return fail("the tester was the bottleneck: \(bottleneck)", .bottleneck)
        }
        for condition in command.failIf ?? [] where condition.holds(for: result) {
            return fail("\(condition) holds", .failCondition)
        }
        return .success
    }

    private func fail(_ reason: String, _ code: ExitCode) -> ExitCode {
        FileOutput.standardError.write("footfall-bench: \(reason)\n")
        return code
    }
}
