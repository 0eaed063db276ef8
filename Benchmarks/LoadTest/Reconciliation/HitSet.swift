/// A set of hits of one thread, by their numbers in order: a bit each.
struct HitSet: Sendable {
    private var chunks: [[UInt64]] = []
    /// Grown in pieces, so that no large block is ever moved.
    private static let chunkWords = 16 << 10
    private static let chunkHits = chunkWords * 64

    /// Adds a hit. False if it was there.
    @discardableResult
    mutating func insert(_ hit: Int) -> Bool {
        while chunks.count <= hit / Self.chunkHits {
            chunks.append([UInt64](repeating: 0, count: Self.chunkWords))
        }
        let (chunk, word) = (hit / Self.chunkHits, hit % Self.chunkHits / 64)
        let bit: UInt64 = 1 << UInt64(hit % 64)
        if chunks[chunk][word] & bit != 0 { return false }
        chunks[chunk][word] |= bit
        return true
    }

    func contains(_ hit: Int) -> Bool {
        let chunk = hit / Self.chunkHits
        guard chunk < chunks.count else { return false }
        return chunks[chunk][hit % Self.chunkHits / 64] & (1 << UInt64(hit % 64)) != 0
    }

    /// How many hits it has.
    var count: Int {
        chunks.reduce(0) { $0 + $1.reduce(0) { $0 + $1.nonzeroBitCount } }
    }

    /// How many of its hits are not in another set.
    func count(missingIn other: HitSet) -> Int {
        var sum = 0
        for (index, chunk) in chunks.enumerated() {
            for word in chunk.indices {
                let theirs = index < other.chunks.count ? other.chunks[index][word] : 0
                sum += (chunk[word] & ~theirs).nonzeroBitCount
            }
        }
        return sum
    }
}
