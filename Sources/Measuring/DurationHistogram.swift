/// How often something took how long: counts in buckets whose bounds grow by about a quarter, from
/// 1 µs to 10 s.
///
/// A plain value of fixed size: to count in it allocates nothing, and two are added up bucket by
/// bucket.
public struct DurationHistogram: Sendable {
    /// The upper bounds of the buckets, in seconds: ten in each decade (the series R10 of ISO 3). One
    /// bucket more has what took longer.
    public static let bounds: [Double] = {
        let decades = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
        let steps = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8]
        return decades.flatMap { decade in steps.map { $0 * decade } } + [10]
    }()

    private var counts = InlineArray<72, UInt64>(repeating: 0)
    /// Seconds of all together.
    public private(set) var sum = 0.0

    /// An empty one.
    public init() {}

    /// Counts something that took so many seconds, `count` times.
    public mutating func observe(_ seconds: Double, count: Int = 1) {
        // The first bound that is not exceeded.
        var (low, high) = (0, Self.bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if Self.bounds[middle] < seconds { low = middle + 1 } else { high = middle }
        }
        counts[low] += UInt64(count)
        sum += seconds * Double(count)
    }

    /// How many were counted.
    public var count: UInt64 { counts.indices.reduce(0) { $0 + counts[$1] } }

    /// How many took at most `bound` seconds, which is one of `bounds`.
    public func count(upTo bound: Double) -> UInt64 {
        var total: UInt64 = 0
        for (index, upper) in Self.bounds.enumerated() where upper <= bound {
            total += counts[index]
        }
        return total
    }

    /// The seconds that a part of 0 to 1 of them did not exceed, as the bound of their bucket; nil if
    /// there are none. Of what took longer than the last bound it is that bound.
    public func quantile(_ part: Double) -> Double? {
        let count = count
        if count == 0 { return nil }
        let rank = max(1, (part * Double(count)).rounded(.up))
        var total = 0.0
        for (index, upper) in Self.bounds.enumerated() {
            total += Double(counts[index])
            if total >= rank { return upper }
        }
        return Self.bounds.last
    }

    /// Adds what another one has counted.
    public static func += (one: inout DurationHistogram, other: DurationHistogram) {
        for index in one.counts.indices { one.counts[index] += other.counts[index] }
        one.sum += other.sum
    }

    /// What one has counted since it was as `earlier`.
    public func since(_ earlier: DurationHistogram) -> DurationHistogram {
        var difference = DurationHistogram()
        for index in counts.indices {
            difference.counts[index] = counts[index] - earlier.counts[index]
        }
        difference.sum = sum - earlier.sum
        return difference
    }
}
