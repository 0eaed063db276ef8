@testable import EventLog

/// What a log has to hold, in memory.
///
/// It knows every text that was ever appended under a sequence, and which of them were promised:
/// acknowledged, synced, or shown to a reader.
struct LogModel {
    /// Something that must not be.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The sequence that the log has to give out next.
    private(set) var next: UInt64 = 1
    /// Up to here lines were deleted; a power cut may bring them back.
    private(set) var deletedThrough: UInt64 = 0
    /// Lines that were damaged on the disk itself.
    var rotten: Set<UInt64> = []
    /// Every text that ever stood under a sequence.
    private var texts: [UInt64: Set<String>] = [:]
    /// What stands there now.
    private(set) var current: [UInt64: String] = [:]
    /// What the end of the process must leave, and what a power cut must.
    private(set) var acknowledged: [UInt64: String] = [:]
    private(set) var durable: [UInt64: String] = [:]

    static func require(
        _ condition: Bool, _ text: @autoclosure () -> String
    ) throws(Failure) {
        if !condition { throw Failure(description: text()) }
    }

    /// The log has taken these lines, and gave the last one this sequence.
    mutating func append(_ lines: [String], through last: UInt64) throws(Failure) {
        try Self.require(
            last == next + UInt64(lines.count) - 1,
            "\(lines.count) lines were given sequences up to \(last) instead of from \(next) on")
        for text in lines {
            texts[next, default: []].insert(text)
            current[next] = text
            next += 1
        }
    }

    /// The senders of all lines up to `last` have their answer.
    mutating func acknowledge(through last: UInt64, survivesPowerLoss: Bool) {
        for (sequence, text) in current where sequence <= last {
            acknowledged[sequence] = text
            if survivesPowerLoss { durable[sequence] = text }
        }
    }

    /// The log says that all lines up to `last` are synced.
    mutating func sync(through last: UInt64) {
        for (sequence, text) in current where sequence <= last { durable[sequence] = text }
    }

    /// The senders of all lines after `last` were told that they are lost.
    mutating func lose(after last: UInt64) throws(Failure) {
        let promised = acknowledged.keys.filter { $0 > last }
        try Self.require(promised.isEmpty, "\(promised) were acknowledged and given up")
        next = last + 1
        for sequence in current.keys where sequence > last { current[sequence] = nil }
    }

    /// A reader was shown a line.
    mutating func show(_ sequence: UInt64, _ text: String) throws(Failure) {
        try Self.require(
            sequence <= deletedThrough || durable[sequence] == text,
            "a reader saw event \(sequence), \(text.prefix(12)), which may be taken back")
    }

    /// All lines up to `last` were deleted.
    mutating func delete(through last: UInt64) {
        deletedThrough = max(deletedThrough, last)
        for sequence in current.keys where sequence <= last {
            current[sequence] = nil
            acknowledged[sequence] = nil
            durable[sequence] = nil
        }
    }

    /// After a restart these lines are there, and the next one gets sequence `next`.
    mutating func restart(
        afterPowerLoss: Bool, found: [(sequence: UInt64, text: String)], next: UInt64
    ) throws(Failure) {
        var present: [UInt64: String] = [:]
        var last: UInt64 = 0
        for (sequence, text) in found {
            try Self.require(sequence > last, "\(sequence) comes after \(last)")
            try Self.require(
                texts[sequence]?.contains(text) == true,
                "event \(sequence), \(text.prefix(12)), was never appended")
            present[sequence] = text
            last = sequence
        }
        let promised = afterPowerLoss ? durable : acknowledged.merging(durable) { $1 }
        for (sequence, text) in promised where !rotten.contains(sequence) {
            try Self.require(
                present[sequence] == text,
                "event \(sequence), \(text.prefix(12)), was promised, and "
                    + "\(present[sequence]?.prefix(12) ?? "nothing") is there")
        }
        let lastPromised = max(last, promised.keys.max() ?? 0, deletedThrough)
        // Where nothing is left the name of a lost segment may still tell of sequences.
        let isExact = rotten.isEmpty && !found.isEmpty
        try Self.require(
            isExact ? next == lastPromised + 1 : next > lastPromised,
            "after event \(lastPromised) comes \(next)")
        current = present
        durable = present
        acknowledged = present
        self.next = next
    }
}
