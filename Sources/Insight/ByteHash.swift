/// A hash of bytes, always the same for the same bytes, for tables and estimates: products of 64-bit
/// words folded in half, as in wyhash. Nothing here has to withstand somebody who looks for
/// collisions, because the tables scatter it with a number that differs from run to run.
@inline(__always)
func byteHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let count = bytes.count
    var hash = UInt64(count) ^ 0x9e37_79b9_7f4a_7c15
    if count >= 8 {
        var position = 0
        while position <= count - 8 {
            hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        // The rest ends with the bytes, and may begin within the word before.
        hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
    } else {
        var word: UInt64 = 0
        for byte in bytes { word = word << 8 | UInt64(byte) }
        hash = fold(hash ^ word)
    }
    return fold(hash)
}

@inline(__always)
private func fold(_ word: UInt64) -> UInt64 {
    let (high, low) = (word ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
    return high ^ low
}

/// Where a hash belongs in a table: a multiplication that differs from run to run, so that nobody can
/// prepare values that collide in it.
struct Scatter {
    private let factor = UInt64.random(in: 0...UInt64.max) | 1

    /// A place from 0 to 2^`bits` - 1.
    @inline(__always)
    func place(of hash: UInt64, bits: Int) -> Int {
        Int(truncatingIfNeeded: (hash &* factor) &>> UInt64(64 - bits))
    }
}
