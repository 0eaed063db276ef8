internal import EventLog
internal import Forwarding
internal import POSIX

/// Holds a log against what its sinks have, as `footfall audit` does.
public struct AuditReport {
    /// Whether everything adds up.
    public let isClean: Bool

    /// Audits the log in `directory`; what was found is given to `line`.
    public init(directory: String, line: @escaping (String) -> Void) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        let audit: Audit
        do throws(SystemError) {
            audit = try Audit.run(directory: directory) { line($0.description) }
        } catch {
            throw InspectionError(description: "\(error)")
        }
        for account in audit.accounts {
            for problem in account.problems { line("\(account.sink): \(problem)") }
            if account.repeated > 0 {
                line(
                    "note: \(account.repeated) lines of rejected/\(account.sink).ndjson are there "
                        + "twice, as a crash leaves them")
            }
            line(account.summary)
        }
        if audit.accounts.isEmpty { line("no sink has a checkpoint") }
        isClean = audit.log.problems == 0 && audit.accounts.allSatisfy { $0.problems.isEmpty }
    }
}
