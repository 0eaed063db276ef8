/// Knows a hit that was sent again by the identifier that the tag has given it, the parameter `e`.
///
/// It remembers the last 2 to 4 million identifiers, in 96 MiB at most.
struct RetriedHits {
    /// Identifiers in each of the two sets.
    private static let identifiersMax = 1 << 21
    /// The tag's have at least so many characters. Another `e` is a parameter of the page's own.
    private static let identifierBytesMin = 20

    private let identifiersMax: Int
    private var recent = HashSet64()
    private var older = HashSet64()
    /// The hit that was counted last. The events of one request have one identifier and one time.
    private var last: (identifier: UInt64, time: UInt64) = (0, 0)

    init(identifiersMax: Int = Self.identifiersMax) {
        self.identifiersMax = identifiersMax
    }

    /// The hash of an identifier; nil for a parameter that is none.
    static func hash(of identifier: UnsafeRawBufferPointer) -> UInt64? {
        identifier.count >= identifierBytesMin ? byteHash(identifier) : nil
    }

    /// Whether a hit with that identifier came before, in another request; `time` is a hash of when it
    /// was received.
    mutating func isRetried(_ hash: UInt64, time: UInt64) -> Bool {
        isRetried(hash, isKnown: older.contains(hash), time: time)
    }

    /// Marks those hits of a batch that came before in another request.
    mutating func mark(_ batch: inout HitBatch) {
        for index in batch.hits.indices {
            guard let hash = batch.hits[index].identifier else { continue }
            batch.hits[index].isRetried = recent.contains(hash) || older.contains(hash)
        }
        for index in batch.hits.indices {
            guard let hash = batch.hits[index].identifier else { continue }
            batch.hits[index].isRetried = isRetried(
                hash, isKnown: batch.hits[index].isRetried, time: batch.hits[index].time)
        }
    }

    private mutating func isRetried(_ hash: UInt64, isKnown: Bool, time: UInt64) -> Bool {
        // The same one can be in a batch twice.
        if isKnown || !recent.insert(hash).isNew {
            return last.identifier != hash || last.time != time
        }
        last = (hash, time)
        if recent.count == identifiersMax {
            older = recent
            recent = HashSet64()
        }
        return false
    }
}
