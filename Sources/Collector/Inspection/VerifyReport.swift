internal import EventLog
internal import POSIX

/// Why a log cannot be looked at: one line for an operator.
public struct InspectionError: Error, CustomStringConvertible {
    /// What was tried and how it failed.
    public let description: String

    static func requireLog(in directory: String) throws(InspectionError) {
        guard LogReader.exists(in: directory) else {
            throw InspectionError(description: "there is no log in \(directory)")
        }
    }
}

/// Checks a log and tells what was found, as `footfall verify` does.
public struct VerifyReport {
    /// Whether everything is as it was written.
    public let isClean: Bool
    /// The closing line.
    public let summary: String

    /// Repairs the log in `directory`; each thing that was done is given to `line`. Nobody may
    /// collect into it meanwhile.
    public static func repair(
        directory: String, line: @escaping (String) -> Void
    ) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        do throws(EventLogError) {
            try Repair.run(directory: directory, report: line)
        } catch {
            throw InspectionError(description: "\(error)")
        }
    }

    /// Checks the log in `directory`; each problem is given to `line` as it is found.
    public init(directory: String, line: @escaping (String) -> Void) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        let found: Verification.Summary
        do throws(SystemError) {
            found = try Verification.run(directory: directory) { line($0.description) }
        } catch {
            throw InspectionError(description: "\(error)")
        }
        if found.unacknowledgedBytes > 0 {
            line(
                "note: the last \(found.unacknowledgedBytes) bytes were never acknowledged; "
                    + "a collector moves them aside when it starts")
        }
        if found.repairedEvents > 0 {
            line(
                "note: \(Self.counted(found.repairedEvents, "event")) missing since a repair; "
                    + "the damaged bytes are in damaged/")
        }
        isClean = found.problems == 0
        let range = found.events > 0 ? ", \(found.first) to \(found.last)" : ""
        let verdict = isClean ? "no damage" : Self.counted(found.problems, "problem")
        summary =
            "\(Self.counted(found.events, "event"))\(range), in "
            + "\(Self.counted(found.segments, "segment")): \(verdict)"
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
