/// The `r` of each hit: a 64-bit number that looks random, is never given twice in a run, and tells
/// which hit it belongs to, so that nothing has to be kept to recognize it.
///
/// It is SplitMix64: a counter, mixed by steps that can all be undone.
struct HitNumbers: Sendable {
    private let seed: UInt64

    private static let step: UInt64 = 0x9e37_79b9_7f4a_7c15
    private static let factors: (UInt64, UInt64) = (0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb)
    private static let stepInverse = inverse(of: step)
    private static let factorInverses = (inverse(of: factors.0), inverse(of: factors.1))

    /// The numbers of a run. Runs with different seeds have different numbers.
    init(seed: UInt64) {
        self.seed = Self.mixed(seed)
    }

    /// The number of a hit.
    func number(of hit: UInt64) -> UInt64 {
        Self.mixed(seed &+ hit &* Self.step)
    }

    /// The hit that has this number, if it is one of the run's.
    func hit(of number: UInt64) -> UInt64 {
        (Self.unmixed(number) &- seed) &* Self.stepInverse
    }

    /// A random number that depends on nothing but `value`.
    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* factors.0
        mixed = (mixed ^ (mixed >> 27)) &* factors.1
        return mixed ^ (mixed >> 31)
    }

    private static func unmixed(_ value: UInt64) -> UInt64 {
        var value = unshifted(value, 31) &* factorInverses.1
        value = unshifted(value, 27) &* factorInverses.0
        return unshifted(value, 30)
    }

    /// The `x` for which `x ^ (x >> distance)` is `value`.
    private static func unshifted(_ value: UInt64, _ distance: UInt64) -> UInt64 {
        var result = value
        for _ in 0..<(64 / distance) { result = value ^ (result >> distance) }
        return result
    }

    /// The number that an odd one has to be multiplied with for 1, modulo 2^64, by Newton's
    /// iteration: it doubles the number of right bits each time, beginning with three.
    private static func inverse(of odd: UInt64) -> UInt64 {
        var result = odd
        for _ in 0..<5 { result = result &* (2 &- odd &* result) }
        return result
    }
}
