/// How often something had which size: counts in buckets whose bounds are powers of two.
///
/// A plain value of fixed size, like `DurationHistogram`.
public struct SizeHistogram: Sendable {
    /// The upper bounds of the buckets, from 1 on. One bucket more has what is larger.
    public static let bounds: [UInt64] = (0..<17).map { 1 << $0 }

    private var counts = InlineArray<18, UInt64>(repeating: 0)
    /// All sizes together.
    public private(set) var sum: UInt64 = 0

    /// An empty one.
    public init() {}

    /// Counts something of that size, which is above 0.
    public mutating func observe(_ size: UInt64) {
        // The exponent of the first power of two that is not exceeded.
        let exponent = UInt64.bitWidth - (size - 1).leadingZeroBitCount
        counts[min(exponent, counts.count - 1)] += 1
        sum += size
    }

    /// How many were counted.
    public var count: UInt64 {
        var total: UInt64 = 0
        let counts = counts.span
        for index in counts.indices { total += counts[index] }
        return total
    }

    /// How many were at most `bound`, which is one of `bounds`.
    public func count(upTo bound: UInt64) -> UInt64 {
        var total: UInt64 = 0
        let counts = counts.span
        for (index, upper) in Self.bounds.enumerated() where upper <= bound {
            total += counts[index]
        }
        return total
    }

    /// Adds what another one has counted.
    public static func += (one: inout SizeHistogram, other: SizeHistogram) {
        // A span, as an array in a value would be copied for each element.
        let counts = other.counts.span
        for index in counts.indices { one.counts[index] += counts[index] }
        one.sum += other.sum
    }
}
