internal import Glibc

/// Hits and visitors for each value of a dimension, in bounded memory.
struct GroupTable {
    /// Values that are counted at a time, but for those of a batch. Beyond, those with the fewest
    /// hits go.
    static let groupsMax = 1 << 18
    /// Visitors of a value that are counted exactly.
    static let exactVisitorsMax = 1 << 14
    /// Bytes of values and visitors, beyond which only small counts stay exact, and values go too.
    static let bytesMax = 256 << 20
    /// Visitors that are counted exactly then, as many as an estimate has bytes for.
    private static let fewVisitors = 256

    private struct Group {
        let hash: UInt64
        let key: Range<Int>
        var hits = 0
        var visitors = VisitorCounter()
    }

    private let groupsMax: Int
    private var exactMax = Self.exactVisitorsMax
    private let bytesMax: Int
    /// Bytes of the counts of visitors.
    private var visitorBytes = 0
    private var groups: [Group] = []
    /// The bytes of all values, one behind another.
    private var keys: [UInt8] = []
    /// One more than the index of a group; 0 where there is none.
    private var slots: [Int32]
    private let bits: Int
    private let scatter = Scatter()
    /// The groups of the hits in a batch; -1 where there is none.
    private var found = [Int](repeating: -1, count: HitBatch.hitsMax)
    /// Hits without a value.
    private(set) var without = 0
    /// Hits of values that had to go.
    private(set) var cutHits = 0
    /// The most hits that a value can lack because it had to go once.
    private(set) var missingMax = 0

    init(groupsMax: Int = Self.groupsMax, bytesMax: Int = Self.bytesMax) {
        self.groupsMax = groupsMax
        self.bytesMax = bytesMax
        // Half of the slots are free, also with what comes before values have to go.
        let slotCount = max(2 * groupsMax, 4 * HitBatch.hitsMax)
        bits = Int.bitWidth - (slotCount - 1).leadingZeroBitCount
        slots = [Int32](repeating: 0, count: 1 << bits)
    }

    /// Counts the hits of a batch by their values of a dimension.
    mutating func add(_ batch: HitBatch, dimension: Int) {
        // Of the slots, the groups and the visitors, each for the whole batch.
        for hit in batch.hits.indices {
            let hash = batch.value(of: hit, dimension: dimension).hash
            found[hit] = Int(slots[scatter.place(of: hash, bits: bits)]) - 1
        }
        for hit in batch.hits.indices where found[hit] >= 0 {
            let hash = batch.value(of: hit, dimension: dimension).hash
            if groups[found[hit]].hash != hash { found[hit] = -1 }
        }
        for hit in batch.hits.indices where !batch.hits[hit].isRetried {
            let value = batch.value(of: hit, dimension: dimension)
            guard value.count >= 0 else {
                found[hit] = -1
                without += 1
                continue
            }
            batch.withBytes(of: value) { bytes in
                if found[hit] < 0 || !isEqual(groups[found[hit]].key, bytes) {
                    found[hit] = index(of: bytes, hash: value.hash)
                }
            }
        }
        for (number, hit) in batch.hits.enumerated() where !hit.isRetried && found[number] >= 0 {
            let group = found[number]
            groups[group].hits += 1
            // Most are known, and only the others change anything.
            let isKnown = hit.visitor.map { groups[group].visitors.knows($0, isNew: hit.isNew) }
            if isKnown ?? true { found[number] = -1 }
        }
        for (number, hit) in batch.hits.enumerated() where !hit.isRetried && found[number] >= 0 {
            guard let visitor = hit.visitor else { continue }
            visitorBytes += groups[found[number]].visitors.add(
                visitor, isNew: hit.isNew, exactMax: exactMax)
        }
        if groups.count > groupsMax { prune() }
        if keys.count + visitorBytes > bytesMax { shrink() }
    }

    /// The values with the most hits, of as many equal ones the first in order; or the last values
    /// if they are to be `inOrder`.
    func rows(top: Int, inOrder: Bool) -> [Report.Row] {
        func isBefore(_ one: Group, _ other: Group) -> Bool {
            keys[one.key].lexicographicallyPrecedes(keys[other.key])
        }
        let sorted = groups.sorted { one, other in
            inOrder || one.hits == other.hits ? isBefore(one, other) : one.hits > other.hits
        }
        return (inOrder ? sorted.suffix(top) : sorted.prefix(top)).map { group in
            Report.Row(
                escapedValue: Array(keys[group.key]), hits: group.hits,
                visitors: group.visitors.count)
        }
    }

    /// Values that are counted.
    var count: Int { groups.count }

    private mutating func index(of value: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        var place = scatter.place(of: hash, bits: bits)
        while slots[place] != 0 {
            let index = Int(slots[place]) - 1
            if groups[index].hash == hash, isEqual(groups[index].key, value) { return index }
            place = (place + 1) & (slots.count - 1)
        }
        let start = keys.count
        keys.append(contentsOf: value)
        groups.append(Group(hash: hash, key: start..<keys.count))
        slots[place] = Int32(groups.count)
        return groups.count - 1
    }

    private func isEqual(_ key: Range<Int>, _ value: UnsafeRawBufferPointer) -> Bool {
        guard key.count == value.count else { return false }
        guard let start = value.baseAddress else { return true }
        return keys.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return memcmp(base + key.lowerBound, start, key.count) == 0
        }
    }

    /// Lets the half of the values go that has the fewest hits.
    private mutating func prune() {
        let order = groups.indices.sorted { groups[$0].hits > groups[$1].hits }
        let kept = order.prefix(groups.count / 2).sorted()
        for index in order.dropFirst(kept.count) { cutHits += groups[index].hits }
        missingMax += order.dropFirst(kept.count).first.map { groups[$0].hits } ?? 0
        let (oldGroups, oldKeys) = (groups, keys)
        groups = []
        keys = []
        visitorBytes = 0
        for place in slots.indices { slots[place] = 0 }
        for index in kept {
            let old = oldGroups[index]
            let start = keys.count
            keys += oldKeys[old.key]
            groups.append(
                Group(
                    hash: old.hash, key: start..<keys.count, hits: old.hits,
                    visitors: old.visitors))
            visitorBytes += old.visitors.bytes
            var place = scatter.place(of: old.hash, bits: bits)
            while slots[place] != 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = Int32(groups.count)
        }
    }

    /// Goes on with estimates wherever there are more than a few visitors, and if that is so
    /// already, with fewer values.
    private mutating func shrink() {
        if exactMax == Self.fewVisitors { return prune() }
        exactMax = Self.fewVisitors
        visitorBytes = 0
        for index in groups.indices {
            groups[index].visitors.estimate(beyond: exactMax)
            visitorBytes += groups[index].visitors.bytes
        }
    }
}
