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

    /// Whether a hit with this identifier came before, in another request; `time` is a hash of when
    /// it was received.
    mutating func isRetried(_ identifier: UnsafeRawBufferPointer, time: () -> UInt64) -> Bool {
        guard identifier.count >= Self.identifierBytesMin else { return false }
        let hash = byteHash(identifier)
        if older.contains(hash) || !recent.insert(hash).isNew {
            return last.identifier != hash || last.time != time()
        }
        last = (hash, time())
        if recent.count == identifiersMax {
            older = recent
            recent = HashSet64()
        }
        return false
    }
}
