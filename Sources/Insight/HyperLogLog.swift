internal import Glibc

/// Estimates how many different hashes it has seen (Flajolet et al. 2007), with the estimator of
/// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6.
struct HyperLogLog {
    /// The logarithm of the number of registers.
    private static let precision = 12
    /// The standard error, as a part of the number: 1.04 divided by the root of the registers.
    static let standardError = 1.04 / 64

    private var registers = [UInt8](repeating: 0, count: 1 << precision)

    /// Bytes of memory.
    static let bytes = 1 << precision

    /// Takes a hash into account.
    @inline(__always)
    mutating func insert(_ hash: UInt64) {
        let (index, rank) = Self.place(of: hash)
        if registers[index] < rank { registers[index] = rank }
    }

    /// Takes into account what another one has seen.
    mutating func merge(_ other: HyperLogLog) {
        for index in registers.indices where registers[index] < other.registers[index] {
            registers[index] = other.registers[index]
        }
    }

    /// Whether a hash would change nothing.
    @inline(__always)
    func covers(_ hash: UInt64) -> Bool {
        let (index, rank) = Self.place(of: hash)
        return registers[index] >= rank
    }

    @inline(__always)
    private static func place(of hash: UInt64) -> (index: Int, rank: UInt8) {
        let rest = hash << UInt64(precision) | 1 << UInt64(precision - 1)
        return (
            Int(truncatingIfNeeded: hash >> UInt64(64 - precision)),
            UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1)
        )
    }

    /// How many there are, about.
    var estimate: Double {
        let ranks = 64 - Self.precision
        var counts = [Double](repeating: 0, count: ranks + 2)
        for rank in registers { counts[Int(rank)] += 1 }
        let size = Double(registers.count)
        var sum = size * Self.tau(1 - counts[ranks + 1] / size)
        for rank in stride(from: ranks, through: 1, by: -1) { sum = 0.5 * (sum + counts[rank]) }
        sum += size * Self.sigma(counts[0] / size)
        return size / (2 * log(2)) * size / sum
    }

    private static func sigma(_ part: Double) -> Double {
        if part == 1 { return .infinity }
        var (power, weight, sum, before) = (part, 1.0, part, 0.0)
        repeat {
            power *= power
            before = sum
            sum += power * weight
            weight += weight
        } while sum != before
        return sum
    }

    private static func tau(_ part: Double) -> Double {
        if part == 0 || part == 1 { return 0 }
        var (root, weight, sum, before) = (part, 1.0, 1 - part, 0.0)
        repeat {
            root = root.squareRoot()
            before = sum
            weight *= 0.5
            sum -= (1 - root) * (1 - root) * weight
        } while sum != before
        return sum / 3
    }
}
