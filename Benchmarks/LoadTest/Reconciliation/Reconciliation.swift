import CLinux
import EventLog
import Glibc
import POSIX

/// Holds what was acknowledged against what is stored.
///
/// Before the run it goes to where the log ends, and afterwards it reads only what was added.
struct Reconciliation: ~Copyable {
    /// What was found.
    struct Counts: Equatable, Sendable {
        /// Hits of the run that are in the log.
        var stored = 0
        /// Acknowledged hits that are not.
        var lost = 0
        /// Events beyond the first one of their hit.
        var duplicated = 0
        var unacknowledgedButStored = 0
        /// Events that no request of the run asked for.
        var foreign = 0
    }

    /// A log that cannot be read: one line.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let pollSeconds = 0.05

    private var reader: LogReader

    /// Goes to the end of the log in `directory`.
    init(directory: String) throws(Failure) {
        guard LogReader.exists(in: directory) else {
            throw Failure(description: "there is no log in \(directory)")
        }
        reader = try Self.readerAtEnd(of: directory)
    }

    private static func readerAtEnd(of directory: String) throws(Failure) -> LogReader {
        do throws(SystemError) {
            let end = try LogReader.synced(in: directory)
            var reader = LogReader(directory: directory, from: end + 1)
            try reader.read { _, _ in }
            return reader
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// Reads what was stored since. Waits for up to `seconds` for acknowledged hits that are not
    /// there: with the durability `interval` they are shown a little later.
    mutating func counts(
        _ summaries: [Worker.Summary], numbers: HitNumbers, waitSeconds: Double
    ) throws(Failure) -> Counts {
        var stored = summaries.map { _ in HitSet() }
        var counts = Counts()
        var missing = summaries.reduce(0) { $0 + $1.acknowledged }
        let deadline = Clock.monotonicSeconds() + waitSeconds
        while true {
            do throws(SystemError) {
                try reader.read { _, line in
                    guard let number = Self.number(in: line),
                        let (thread, hit) = Self.place(numbers.hit(of: number), summaries)
                    else {
                        counts.foreign += 1
                        return
                    }
                    guard stored[thread].insert(hit) else {
                        counts.duplicated += 1
                        return
                    }
                    counts.stored += 1
                    if summaries[thread].acknowledgedHits.contains(hit) { missing -= 1 }
                }
            } catch {
                throw Failure(description: "\(error)")
            }
            if missing <= 0 || Clock.monotonicSeconds() > deadline { break }
            usleep(UInt32(Self.pollSeconds * 1e6))
        }
        for (thread, summary) in summaries.enumerated() {
            counts.lost += summary.acknowledgedHits.count(missingIn: stored[thread])
            counts.unacknowledgedButStored += stored[thread].count(
                missingIn: summary.acknowledgedHits)
        }
        return counts
    }

    /// The thread of a hit and its number there, if it was sent.
    private static func place(
        _ hit: UInt64, _ summaries: [Worker.Summary]
    ) -> (thread: Int, hit: Int)? {
        let threads = UInt64(summaries.count)
        let thread = Int(hit % threads)
        guard hit / threads < UInt64(summaries[thread].sent) else { return nil }
        return (thread, Int(hit / threads))
    }

    /// The parameter `r` of an event: `"r":"<16 hexadecimal digits>"`.
    static func number(in line: UnsafeRawBufferPointer) -> UInt64? {
        let key: StaticString = "\"r\":\""
        guard var place = line.baseAddress else { return nil }
        let end = place + line.count
        while let found = memmem(place, end - place, key.utf8Start, key.utf8CodeUnitCount) {
            place = UnsafeRawPointer(found) + key.utf8CodeUnitCount
            let value = UnsafeRawBufferPointer(start: place, count: min(17, end - place))
            if let number = hexadecimal(value) { return number }
        }
        return nil
    }

    /// Sixteen digits and the quotation mark.
    private static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard bytes.count == 17, bytes.last == 0x22 else { return nil }
        var result: UInt64 = 0
        for byte in bytes.dropLast() {
            switch byte {
            case 0x30...0x39: result = result << 4 | UInt64(byte - 0x30)
            case 0x61...0x66: result = result << 4 | UInt64(byte - 0x57)
            default: return nil
            }
        }
        return result
    }
}
