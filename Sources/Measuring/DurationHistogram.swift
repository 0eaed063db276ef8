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
        counts[Self.bucket(of: seconds)] += UInt64(count)
        sum += seconds * Double(count)
    }

    /// The bucket of the first bound that is not exceeded.
    private static func bucket(of seconds: Double) -> Int {
        let places = places
        let quarter = quarter(of: seconds) - places.firstQuarter
        if quarter < 0 { return 0 }
        if quarter >= places.starts.count { return places.bounds.count - 1 }
        var index = places.starts[quarter]
        while places.bounds[index] < seconds { index += 1 }
        return index
    }

    /// Which quarter of a power of two a number is in: its exponent and two bits of its significand.
    private static func quarter(of seconds: Double) -> Int { Int(seconds.bitPattern >> 50) }

    /// Where to look for a bucket: in a quarter of a power of two there are one or two bounds.
    private static let places: (firstQuarter: Int, starts: [Int], bounds: [Double]) = {
        let bounds = Self.bounds + [Double.infinity]
        let quarters = quarter(of: bounds[0])...quarter(of: bounds[bounds.count - 2])
        let starts = quarters.map { quarter in
            let begin = Double(bitPattern: UInt64(quarter) << 50)
            return bounds.firstIndex { $0 >= begin } ?? 0
        }
        return (quarters.lowerBound, starts, bounds)
    }()

    /// How many were counted.
    public var count: UInt64 {
        var total: UInt64 = 0
        let counts = counts.span
        for index in counts.indices { total += counts[index] }
        return total
    }

    /// How many took at most `bound` seconds, which is one of `bounds`.
    public func count(upTo bound: Double) -> UInt64 {
        var total: UInt64 = 0
        let counts = counts.span
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
        let counts = counts.span
        for (index, upper) in Self.bounds.enumerated() {
            total += Double(counts[index])
            if total >= rank { return upper }
        }
        return Self.bounds.last
    }

    /// Adds what another one has counted.
    public static func += (one: inout DurationHistogram, other: DurationHistogram) {
        // A span, as an array in a value would be copied for each element.
        let counts = other.counts.span
        for index in counts.indices { one.counts[index] += counts[index] }
        one.sum += other.sum
    }

    /// What one has counted since it was as `earlier`.
    public func since(_ earlier: DurationHistogram) -> DurationHistogram {
        var difference = DurationHistogram()
        let (now, before) = (counts.span, earlier.counts.span)
        for index in now.indices { difference.counts[index] = now[index] - before[index] }
        difference.sum = sum - earlier.sum
        return difference
    }
}
