/// Counts different visitors, exactly up to a bound, and beyond it about.
struct VisitorCounter {
    private var exact = HashSet64()
    private var sketch: HyperLogLog?
    /// Those that have got their identifier by one of the hits.
    private var newCount = 0
    private var lastNew: UInt64 = 0

    /// Bytes of memory that it has beyond its own.
    var bytes: Int { sketch == nil ? exact.bytes : HyperLogLog.bytes }

    /// Whether to count the visitor with a hash would change nothing.
    @inline(__always)
    func knows(_ hash: UInt64, isNew: Bool) -> Bool {
        sketch.map { !isNew && $0.covers(hash) } ?? exact.contains(hash, isFlagged: isNew)
    }

    /// Counts the visitor with a hash. `isNew` if the hit has given the identifier. By how many
    /// bytes the memory has grown.
    @inline(__always)
    @discardableResult
    mutating func add(_ hash: UInt64, isNew: Bool, exactMax: Int) -> Int {
        if sketch != nil {
            // The events of one request follow on one another, and have one new visitor.
            if isNew, hash != lastNew { newCount += 1 }
            if isNew { lastNew = hash }
            sketch?.insert(hash)
            return 0
        }
        let before = exact.bytes
        if exact.insert(hash, isFlagged: isNew).isFlagNew {
            newCount += 1
            lastNew = hash
        }
        if exact.count > exactMax { estimate() }
        return bytes - before
    }

    /// Goes on with an estimate, if it has more than `exactMax`.
    mutating func estimate(beyond exactMax: Int = 0) {
        guard sketch == nil, exact.count > exactMax else { return }
        var sketch = HyperLogLog()
        exact.forEach { sketch.insert($0) }
        self.sketch = sketch
        exact = HashSet64()
    }

    /// What was counted.
    var count: Report.Visitors {
        let all = sketch.map { Int($0.estimate.rounded()) } ?? exact.count
        return Report.Visitors(
            all: all, new: newCount, returning: max(0, all - newCount),
            standardError: sketch == nil ? 0 : HyperLogLog.standardError)
    }
}
