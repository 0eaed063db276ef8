internal import Bytes

/// Events of a log by their identifiers, and how often each was found elsewhere. Its size is given at
/// the start: 27 bytes an event.
struct IDTable {
    /// What is known of an event.
    struct Counts: Equatable {
        /// Whether it has to be found.
        var isDue = false
        /// How often it was found; the most that is counted is 32,767.
        var sent: UInt16 = 0
        /// How often it was found marked as replayed; up to 32,767 too.
        var replayed: UInt16 = 0
    }

    private static let countMax: UInt16 = 0x7fff

    /// Hashes of identifiers, 0 where there is none, with the events' checksums and counts.
    private var keys: [UInt64]
    private var sums: [UInt64]
    private var counts: [UInt32]
    private var room: Int

    /// A table for so many events at most.
    init(events: Int) {
        room = events
        let slots = events + events / 3 + 1
        keys = [UInt64](repeating: 0, count: slots)
        sums = keys
        counts = [UInt32](repeating: 0, count: slots)
    }

    /// A hash of an identifier. Of the 74 random bits of a UUID of version 7 no more is kept than
    /// these 64: that two of ten million events have the same one is as likely as one to 370,000.
    static func key(_ id: UnsafeRawBufferPointer) -> UInt64? {
        guard id.count == 36 else { return nil }
        func number(_ offset: Int) -> UInt32? {
            Hexadecimal.number(digits: id.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        /// Four digits on each side of a hyphen.
        func number(around hyphen: Int) -> UInt32? {
            let before = id.loadUnaligned(fromByteOffset: hyphen - 4, as: UInt32.self)
            let after = id.loadUnaligned(fromByteOffset: hyphen + 1, as: UInt32.self)
            return Hexadecimal.number(digits: UInt64(before) | UInt64(after) << 32)
        }
        guard let first = number(0), let second = number(around: 13),
            let third = number(around: 23), let last = number(28)
        else { return nil }
        let high = UInt64(first) << 32 | UInt64(second)
        let low = UInt64(third) << 32 | UInt64(last)
        // The time stands in the upper half, most of what is random in the lower one.
        let mixed = (high &* 0x9e37_79b9_7f4a_7c15 ^ low) &* 0xd6e8_feb8_6659_fd93
        return max(1, mixed ^ mixed >> 32)
    }

    /// Adds an event of the log. False if there is one with that identifier, or no room.
    mutating func insert(_ key: UInt64, sum: UInt64, isDue: Bool) -> Bool {
        let slot = slot(of: key)
        guard keys[slot] == 0, room > 0 else { return false }
        room -= 1
        (keys[slot], sums[slot], counts[slot]) = (key, sum, isDue ? 1 << 31 : 0)
        return true
    }

    /// The checksum of the event with an identifier; nil if there is none.
    func sum(of key: UInt64) -> UInt64? {
        let slot = slot(of: key)
        return keys[slot] == 0 ? nil : sums[slot]
    }

    /// Counts the event with an identifier, which is there. What was known of it before.
    mutating func count(_ key: UInt64, isReplayed: Bool) -> Counts {
        let slot = slot(of: key)
        let before = Self.counts(counts[slot])
        let isFull = (isReplayed ? before.replayed : before.sent) == Self.countMax
        if !isFull { counts[slot] += isReplayed ? 1 << 15 : 1 }
        return before
    }

    /// What is known of the event with an identifier; nil if there is none.
    func counts(of key: UInt64) -> Counts? {
        let slot = slot(of: key)
        return keys[slot] == 0 ? nil : Self.counts(counts[slot])
    }

    private static func counts(_ word: UInt32) -> Counts {
        Counts(
            isDue: word >> 31 == 1, sent: UInt16(word & 0x7fff),
            replayed: UInt16(word >> 15 & 0x7fff))
    }

    private func slot(of key: UInt64) -> Int {
        var slot = Int(key.multipliedFullWidth(by: UInt64(keys.count)).high)
        while keys[slot] != 0, keys[slot] != key {
            slot += 1
            if slot == keys.count { slot = 0 }
        }
        return slot
    }
}
