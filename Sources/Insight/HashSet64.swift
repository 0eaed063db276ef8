/// A set of hashes, each with a flag, in the place of which its lowest bit is given up.
struct HashSet64 {
    private(set) var count = 0
    /// The hashes and their flags; 0 where there is none.
    private var slots: [UInt64] = []
    /// The logarithm of the number of slots; 0 if there are none.
    private var bits = 0
    private let scatter = Self.shared
    private static let shared = Scatter()

    /// Bytes of memory.
    var bytes: Int { capacity * 8 }

    /// The number of slots. Not asked of the array: that would be a look at another place in memory.
    @inline(__always)
    private var capacity: Int { bits == 0 ? 0 : 1 << bits }

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
        if 3 * capacity <= 4 * count { grow() }
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

    /// Whether a hash is in it, and has the flag if it is to be flagged.
    @inline(__always)
    func contains(_ hash: UInt64, isFlagged: Bool = false) -> Bool {
        guard count > 0 else { return false }
        let found = slot(place(of: Self.bare(hash)))
        return found & 1 != 0 || found != 0 && !isFlagged
    }

    /// Calls `body` with each hash, without its lowest bit.
    func forEach(_ body: (UInt64) -> Void) {
        for slot in slots where slot != 0 { body(slot & ~1) }
    }

    /// Without its lowest bit, and not 0.
    private static func bare(_ hash: UInt64) -> UInt64 { hash > 1 ? hash & ~1 : 2 }

    @inline(__always)
    private func place(of hash: UInt64) -> Int {
        var index = scatter.place(of: hash, bits: bits)
        while case let found = slot(index), found != 0, found & ~1 != hash {
            index = (index + 1) & (capacity - 1)
        }
        return index
    }

    /// The slot at a place below `capacity`, of which there is one.
    @inline(__always)
    private func slot(_ index: Int) -> UInt64 {
        slots.withUnsafeBufferPointer { $0.baseAddress.unsafelyUnwrapped[index] }
    }

    private mutating func grow() {
        let old = slots
        bits = max(2, bits + 1)
        slots = [UInt64](repeating: 0, count: 1 << bits)
        for slot in old where slot != 0 { slots[place(of: slot & ~1)] = slot }
    }
}
