internal import Foundation

/// Random numbers that come again with the same seed (SplitMix64). A test prints its seed.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The seed of this run: `FOOTFALL_SEED`, to see a failure again, or another one each time.
    public static func newSeed() -> UInt64 {
        ProcessInfo.processInfo.environment["FOOTFALL_SEED"].flatMap { UInt64($0) }
            ?? .random(in: 0...UInt64.max)
    }

    /// Numbers from `seed`.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
