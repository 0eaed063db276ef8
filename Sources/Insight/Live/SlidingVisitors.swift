/// Different visitors of each of the last sixty minutes, and of all of them together: exactly up to
/// a bound, and beyond it about, in bounded memory.
///
/// A minute has the place that its number has modulo sixty.
struct SlidingVisitors {
    /// Visitors of the hour that are counted exactly.
    static let exactMax = 1 << 18
    static let minutes = SlidingGroups.minutes

    private let exactMax: Int
    /// The hashes of visitors, 0 where there is none, and in which minutes each was seen.
    private var hashes: [UInt64] = [0, 0]
    private var seen: [UInt64] = [0, 0]
    private var count = 0
    private var bits = 1
    private let scatter = Scatter()
    /// Different visitors of a minute.
    private var exact = [Int](repeating: 0, count: minutes)
    private var sketches = [HyperLogLog](repeating: HyperLogLog(), count: minutes)
    /// The minutes of which some visitors were let go.
    private var incomplete: UInt64 = 0

    init(exactMax: Int = Self.exactMax) {
        self.exactMax = exactMax
    }

    /// Takes a visitor's hash into account.
    mutating func add(_ hash: UInt64, minute: Int) {
        sketches[minute].insert(hash)
        let wanted = max(hash, 1)
        let place = place(of: wanted)
        let bit: UInt64 = 1 << minute
        if hashes[place] == 0 {
            hashes[place] = wanted
            count += 1
        } else if seen[place] & bit != 0 {
            return
        }
        seen[place] |= bit
        exact[minute] += 1
        if count > exactMax {
            // From here on it is known only about, until the last of these minutes has gone.
            for minute in exact.indices where exact[minute] > 0 { incomplete |= 1 << minute }
            rebuild { _ in 0 }
        } else if 4 * count > 3 * hashes.count {
            rebuild { $0 }
        }
    }

    /// Forgets the minute that has the place `minute`.
    mutating func clear(minute: Int) {
        guard exact[minute] > 0 else { return }
        sketches[minute] = HyperLogLog()
        exact[minute] = 0
        let bit: UInt64 = 1 << minute
        incomplete &= ~bit
        rebuild { $0 & ~bit }
    }

    /// The visitors of a minute.
    func count(minute: Int) -> Int {
        incomplete & 1 << minute == 0
            ? exact[minute] : Int(sketches[minute].estimate.rounded())
    }

    /// The visitors of all minutes, and the standard error as a part of that; 0 if it is exact.
    var all: (count: Int, standardError: Double) {
        if incomplete == 0 { return (count, 0) }
        var merged = HyperLogLog()
        for sketch in sketches { merged.merge(sketch) }
        return (Int(merged.estimate.rounded()), HyperLogLog.standardError)
    }

    @inline(__always)
    private func place(of hash: UInt64) -> Int {
        var place = scatter.place(of: hash, bits: bits)
        while hashes[place] != 0, hashes[place] != hash {
            place = (place + 1) & (hashes.count - 1)
        }
        return place
    }

    /// Keeps those that were seen in any minute that is left by `left`.
    private mutating func rebuild(_ left: (UInt64) -> UInt64) {
        let old = (hashes, seen)
        count = old.1.reduce(0) { left($1) == 0 ? $0 : $0 + 1 }
        // At most half full afterwards.
        bits = max(1, Int.bitWidth - (2 * count).leadingZeroBitCount)
        hashes = [UInt64](repeating: 0, count: 1 << bits)
        seen = hashes
        for (hash, minutes) in zip(old.0, old.1) where left(minutes) != 0 {
            let place = place(of: hash)
            hashes[place] = hash
            seen[place] = left(minutes)
        }
    }
}
