/// A set of hashes, each with a flag, in the place of which its lowest bit is given up.
struct HashSet64 {
    private(set) var count = 0
    /// The hashes and their flags; 0 where there is none.
    private var slots: [UInt64] = []
    private var bits = 0
    private static let scatter = Scatter()

    /// Bytes of memory.
    var bytes: Int { slots.count * 8 }

    /// What came of an insertion.
    struct Inserted {
        /// Whether the hash was not there before.
        let isNew: Bool
        /// Whether the flag was not set before, and is now.
        let isFlagNew: Bool
    }

    /// Adds a hash. A flag that was set once stays.
    @inline(__always)
    mutating func insert(_ hash: UInt64, isFlagged: Bool = false) -> Inserted {
        if 3 * slots.count <= 4 * count { grow() }
        let wanted = Self.bare(hash)
        let flag: UInt64 = isFlagged ? 1 : 0
        let index = place(of: wanted)
        let found = slots[index]
        if found == 0 {
            count += 1
            slots[index] = wanted | flag
            return Inserted(isNew: true, isFlagNew: isFlagged)
        }
        slots[index] = found | flag
        return Inserted(isNew: false, isFlagNew: isFlagged && found & 1 == 0)
    }

    /// Whether a hash is in it.
    func contains(_ hash: UInt64) -> Bool {
        count > 0 && slots[place(of: Self.bare(hash))] != 0
    }

    /// Calls `body` with each hash, without its lowest bit.
    func forEach(_ body: (UInt64) -> Void) {
        for slot in slots where slot != 0 { body(slot & ~1) }
    }

    /// Without its lowest bit, and not 0.
    private static func bare(_ hash: UInt64) -> UInt64 { hash > 1 ? hash & ~1 : 2 }

    @inline(__always)
    private func place(of hash: UInt64) -> Int {
        var index = Self.scatter.place(of: hash, bits: bits)
        while slots[index] != 0, slots[index] & ~1 != hash {
            index = (index + 1) & (slots.count - 1)
        }
        return index
    }

    private mutating func grow() {
        let old = slots
        bits = max(2, bits + 1)
        slots = [UInt64](repeating: 0, count: 1 << bits)
        for slot in old where slot != 0 { slots[place(of: slot & ~1)] = slot }
    }
}
