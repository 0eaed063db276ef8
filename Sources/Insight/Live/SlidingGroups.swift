internal import Glibc

/// Hits for each value of a dimension in the last sixty minutes, in bounded memory.
///
/// Exact as long as there are no more values than it has room for. Then the half of them with the
/// fewest hits goes; one that comes back has lost what it had.
struct SlidingGroups {
    /// Values that are counted at a time.
    static let valuesMax = 1 << 13
    /// Bytes of all values.
    static let bytesMax = 4 << 20
    /// Minutes that are counted, each in the place that its number has modulo this one.
    static let minutes = 60

    private let valuesMax: Int
    private let bytesMax: Int
    private var hashes: [UInt64] = []
    private var keys: [[UInt8]] = []
    private var keyBytes = 0
    /// Hits in the last hour.
    private var totals: [UInt32] = []
    /// Hits in each minute, `minutes` of them for each value.
    private var counts: [UInt32] = []
    /// One more than the index of a value; 0 where there is none.
    private var slots: [Int32] = [0, 0]
    private var bits = 1
    private let scatter = Scatter()

    init(valuesMax: Int = Self.valuesMax, bytesMax: Int = Self.bytesMax) {
        self.valuesMax = valuesMax
        self.bytesMax = bytesMax
    }

    /// Counts a hit in the minute that has the place `minute`.
    mutating func add(_ value: UnsafeRawBufferPointer, minute: Int) {
        let index = index(of: value)
        totals[index] += 1
        counts[index * Self.minutes + minute] += 1
    }

    /// Forgets the hits of the minute that has the place `minute`, and what has no others.
    mutating func clear(minute: Int) {
        var isEmpty = false
        for index in totals.indices {
            let place = index * Self.minutes + minute
            totals[index] -= counts[place]
            counts[place] = 0
            if totals[index] == 0 { isEmpty = true }
        }
        if isEmpty { keep(totals.indices.filter { totals[$0] > 0 }) }
    }

    /// The values with the most hits, of as many equal ones the first in order.
    func top(_ count: Int) -> [(value: [UInt8], hits: Int)] {
        func isBefore(_ one: Int, _ other: Int) -> Bool {
            totals[one] != totals[other]
                ? totals[one] > totals[other]
                : keys[one].lexicographicallyPrecedes(keys[other])
        }
        var found: [Int] = []
        for index in totals.indices {
            if found.count == count {
                guard let last = found.last, isBefore(index, last) else { continue }
                found.removeLast()
            }
            found.insert(index, at: found.firstIndex { isBefore(index, $0) } ?? found.count)
        }
        return found.map { (keys[$0], Int(totals[$0])) }
    }

    private mutating func index(of value: UnsafeRawBufferPointer) -> Int {
        let hash = byteHash(value)
        var place = scatter.place(of: hash, bits: bits)
        while slots[place] != 0 {
            let index = Int(slots[place]) - 1
            if hashes[index] == hash, isEqual(keys[index], value) { return index }
            place = (place + 1) & (slots.count - 1)
        }
        if hashes.count == valuesMax || keyBytes + value.count > bytesMax, hashes.count > 1 {
            let order = totals.indices.sorted { totals[$0] > totals[$1] }
            keep(order.prefix(hashes.count / 2).sorted())
            return index(of: value)
        }
        hashes.append(hash)
        keys.append(Array(value))
        keyBytes += value.count
        totals.append(0)
        counts.append(contentsOf: repeatElement(0, count: Self.minutes))
        // At most half full.
        if 2 * hashes.count > slots.count { rehash() } else { slots[place] = Int32(hashes.count) }
        return hashes.count - 1
    }

    private func isEqual(_ key: [UInt8], _ value: UnsafeRawBufferPointer) -> Bool {
        guard key.count == value.count else { return false }
        guard let start = value.baseAddress else { return true }
        return memcmp(key, start, key.count) == 0
    }

    /// Lets all values go but these.
    private mutating func keep(_ kept: [Int]) {
        hashes = kept.map { hashes[$0] }
        keys = kept.map { keys[$0] }
        keyBytes = keys.reduce(0) { $0 + $1.count }
        totals = kept.map { totals[$0] }
        counts = kept.flatMap { counts[$0 * Self.minutes..<($0 + 1) * Self.minutes] }
        rehash()
    }

    private mutating func rehash() {
        bits = max(1, Int.bitWidth - (2 * hashes.count).leadingZeroBitCount)
        slots = [Int32](repeating: 0, count: 1 << bits)
        for index in hashes.indices {
            var place = scatter.place(of: hashes[index], bits: bits)
            while slots[place] != 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = Int32(index + 1)
        }
    }
}
