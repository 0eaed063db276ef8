package import EventLog
internal import Glibc
package import POSIX

/// How far a sink is: `DATA/checkpoints/<sink>`, one line of JSON.
///
/// It is replaced as a whole, and what is read is what was once written. Each event after `origin`
/// and up to `sequence` was counted as one of the three, so the counts prove the sequence.
package struct Checkpoint: Equatable, Sendable {
    /// Every event up to this one was dealt with.
    package var sequence: UInt64
    /// The event before the first one that the sink was ever to get.
    package let origin: UInt64
    /// Events that the sink has.
    package var delivered: UInt64 = 0
    /// Events that are in `DATA/rejected` instead.
    package var rejected: UInt64 = 0
    /// Events that the log did not have any more when their turn came.
    package var missing: UInt64 = 0

    /// A sink's that has not got anything yet.
    package init(origin: UInt64) {
        sequence = origin
        self.origin = origin
    }

    /// Whether each event was counted once.
    package var addsUp: Bool {
        let counts = [delivered, rejected, missing]
        var sum = origin
        for count in counts {
            let (next, overflowed) = sum.addingReportingOverflow(count)
            if overflowed { return false }
            sum = next
        }
        return sum == sequence
    }

    /// What is thrown for a file that no checkpoint was written to: `EBADMSG`.
    package static let unreadable = EBADMSG
    /// Bytes of the longest checkpoint.
    private static let bytesMax = 512

    private static func directory(_ log: LogDirectory) -> String { log.path + "/checkpoints" }

    /// Where that of `sink` is.
    package static func path(of sink: String, in log: LogDirectory) -> String {
        "\(directory(log))/\(sink)"
    }

    /// The sinks that have one, in order.
    package static func sinks(in log: LogDirectory) throws(SystemError) -> [String] {
        try log.disk.list(directory(log)).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// That of `sink`; nil if it has none.
    package static func read(
        _ sink: String, in log: LogDirectory
    ) throws(SystemError) -> Checkpoint? {
        let path = path(of: sink, in: log)
        guard try log.disk.exists(path) else { return nil }
        var bytes: [UInt8] = []
        try log.disk.forEachPiece(of: path, in: 0..<bytesMax) { piece, _ throws(SystemError) in
            bytes += piece
        }
        guard let checkpoint = Checkpoint(text: String(decoding: bytes, as: UTF8.self)) else {
            throw SystemError("read the checkpoint", path, code: unreadable)
        }
        return checkpoint
    }

    /// The event up to which every one of `sinks` has dealt with the log, and still has after a
    /// power loss; 0 if one has not begun.
    package static func durableMinimum(
        of sinks: [String], in log: LogDirectory
    ) throws(SystemError) -> UInt64 {
        var least = UInt64.max
        for sink in sinks { least = min(least, try read(sink, in: log)?.sequence ?? 0) }
        // The files are synced before they get their names; the names may not be yet.
        if !sinks.isEmpty, least > 0 { try log.disk.syncDirectory(directory(log)) }
        return least
    }

    /// Puts this in the place of the one that `sink` had. It survives a power loss.
    package func store(_ sink: String, in log: LogDirectory) throws(SystemError) {
        let directory = Self.directory(log)
        let temporary = "\(directory)/.\(sink).tmp"
        try log.disk.makeDirectories(directory)
        let file = try log.disk.open(temporary, .replacing)
        do throws(SystemError) {
            try Array(text.utf8).withUnsafeBufferPointer { bytes throws(SystemError) in
                try log.disk.appendAll(UnsafeRawBufferPointer(bytes), to: file)
            }
            try log.disk.sync(file)
        } catch {
            log.disk.close(file)
            throw error
        }
        log.disk.close(file)
        try log.disk.rename(temporary, to: Self.path(of: sink, in: log))
        try log.disk.syncDirectory(directory)
    }

    private static let keys = ["sequence", "origin", "delivered", "rejected", "missing"]

    /// `{"sequence":7,"origin":0,"delivered":6,"rejected":1,"missing":0}`
    package var text: String {
        let values = [sequence, origin, delivered, rejected, missing]
        let members = zip(Self.keys, values).map { "\"\($0)\":\($1)" }
        return "{\(members.joined(separator: ","))}\n"
    }

    /// Reads what `text` has written, and nothing else.
    package init?(text: String) {
        var numbers: [UInt64] = []
        for member in text.split(separator: ",") {
            let digits = member.drop { $0 != ":" }.dropFirst().prefix { $0.isNumber }
            guard let number = UInt64(digits) else { return nil }
            numbers.append(number)
        }
        guard numbers.count == Self.keys.count else { return nil }
        self.init(origin: numbers[1])
        sequence = numbers[0]
        (delivered, rejected, missing) = (numbers[2], numbers[3], numbers[4])
        guard self.text == text, sequence < .max else { return nil }
    }
}
