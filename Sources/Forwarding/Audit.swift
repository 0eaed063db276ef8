public import EventLog
public import POSIX

/// Holds a log against the checkpoints of its sinks: what was stored for a sink is what was
/// delivered, what is pending, what was rejected and what the log lost before it was sent.
///
/// A loss that the checkpoint accounts for adds up; it is counted as missing. One that the sink has not
/// come to yet does not.
public struct Audit: Equatable, Sendable {
    /// What was found of one sink.
    public struct Account: Equatable, Sendable {
        /// The sink.
        public let sink: String
        /// Events that were stored from the sink's first one on, whether or not they are still there.
        public internal(set) var stored: UInt64 = 0
        /// Events that the sink has.
        public internal(set) var delivered: UInt64 = 0
        /// Events that it has yet to get.
        public internal(set) var pending: UInt64 = 0
        /// Events that it will never take.
        public internal(set) var rejected: UInt64 = 0
        /// Events that the log did not have any more when their turn came: dropped when the disk was
        /// full, or damaged.
        public internal(set) var missing: UInt64 = 0
        /// What does not add up, a line each.
        public internal(set) var problems: [String] = []
        /// Events that stand in the file of rejected ones more than once: a crash came in between.
        public internal(set) var repeated = 0
        /// The sink's checkpoint.
        fileprivate(set) var checkpoint: UInt64 = 0

        /// One line: `stdout: 12 stored = 9 delivered + 2 pending + 1 rejected`, and ` + 1 missing`
        /// if there are any.
        public var summary: String {
            "\(sink): \(stored) stored = \(delivered) delivered + \(pending) pending + "
                + "\(rejected) rejected" + (missing > 0 ? " + \(missing) missing" : "")
        }
    }

    /// The check of the log itself.
    public let log: Verification.Summary
    /// One for each sink that has a checkpoint, in the order of their names.
    public let accounts: [Account]

    /// Audits the log in `directory`, which may be in use; damage to the log is given to `report`.
    public static func run(
        directory: String, report: (Verification.Problem) -> Void
    ) throws(SystemError) -> Audit {
        try run(LogDirectory(path: directory), report: report)
    }

    package static func run(
        _ directory: LogDirectory, report: (Verification.Problem) -> Void
    ) throws(SystemError) -> Audit {
        var problems: [Verification.Problem] = []
        var audit = try look(directory, &problems)
        // What a sink got meanwhile may have been deleted under the look; the next one is nearer.
        for _ in 1..<looksMax where audit.isOvertaken(in: directory) {
            problems = []
            audit = try look(directory, &problems)
        }
        for problem in problems { report(problem) }
        return audit
    }

    /// Looks at a log in use until nothing comes in between, at most.
    private static let looksMax = 3

    /// Whether something does not add up for a sink that has moved on.
    private func isOvertaken(in directory: LogDirectory) -> Bool {
        for account in accounts where !account.problems.isEmpty {
            if let now = try? Checkpoint.read(account.sink, in: directory),
                now.sequence > account.checkpoint
            {
                return true
            }
        }
        return false
    }

    private static func look(
        _ directory: LogDirectory, _ problems: inout [Verification.Problem]
    ) throws(SystemError) -> Audit {
        // The checkpoints first: what they have passed is in the log that is read afterwards.
        var found: [(sink: String, checkpoint: Checkpoint?)] = []
        for sink in try Checkpoint.sinks(in: directory) {
            do throws(SystemError) {
                found.append((sink, try Checkpoint.read(sink, in: directory)))
            } catch {
                guard error.code == Checkpoint.unreadable else { throw error }
                found.append((sink, nil))
            }
        }
        let synced = try LogReader.synced(in: directory)
        let log = try Verification.run(directory) { problems.append($0) }
        var accounts: [Account] = []
        for (sink, checkpoint) in found {
            var account = Account(sink: sink)
            if let checkpoint {
                try account.fill(checkpoint, log, synced: synced, directory)
            } else {
                account.problems = ["the checkpoint cannot be read"]
            }
            accounts.append(account)
        }
        return Audit(log: log, accounts: accounts)
    }
}

extension Audit.Account {
    fileprivate mutating func fill(
        _ checkpoint: Checkpoint, _ log: Verification.Summary, synced: UInt64,
        _ directory: LogDirectory
    ) throws(SystemError) {
        let last = max(log.last, synced)
        // What is written and not yet synced is not yet stored. Without a mark it is a copy, all of
        // which counts.
        let end = synced == 0 ? last : max(synced, min(last, checkpoint.sequence))
        self.checkpoint = checkpoint.sequence
        delivered = checkpoint.delivered
        rejected = checkpoint.rejected
        missing = checkpoint.missing
        pending = try Self.count(after: checkpoint.sequence, through: end, directory)
        stored = checkpoint.sequence - min(checkpoint.origin, checkpoint.sequence) + pending
        if !checkpoint.addsUp {
            problems.append("the counts of the checkpoint do not make up its sequence")
        }
        if checkpoint.sequence > last {
            problems.append(
                "the checkpoint is at event \(checkpoint.sequence), and the log ends at \(last)")
        }
        let kept = try RejectedFile(sink, in: directory).sequences().filter {
            $0 > checkpoint.origin && $0 <= checkpoint.sequence
        }
        let distinct = Set(kept)
        repeated = kept.count - distinct.count
        if UInt64(distinct.count) != rejected {
            problems.append(
                "the checkpoint says that \(rejected) events were rejected, and rejected/\(sink)"
                    + ".ndjson has \(distinct.count)")
        }
        guard end > checkpoint.sequence else { return }
        if log.first > checkpoint.sequence + 1 {
            problems.append(
                "events \(checkpoint.sequence + 1) to \(log.first - 1) were deleted before they "
                    + "were delivered")
        }
        let due = end - max(checkpoint.sequence, log.first - min(1, log.first))
        if pending != due {
            problems.append("of \(due) pending events \(due - min(due, pending)) cannot be read")
        }
    }

    /// The events that can be read in a part of the log.
    private static func count(
        after sequence: UInt64, through last: UInt64, _ directory: LogDirectory
    ) throws(SystemError) -> UInt64 {
        var reader = LogReader(directory, from: sequence + 1)
        var count: UInt64 = 0
        do throws(SystemError) {
            try reader.readSome { sequence, _ in
                if sequence <= last { count += 1 }
                return sequence < last
            }
        } catch {
            // The damage has been reported.
            guard error.code == Checkpoint.unreadable else { throw error }
        }
        return count
    }
}
