internal import EventHTTP
internal import Glibc

/// Tells the hits of programs, and of pages that are loaded before anybody sees them. They are only
/// marked: what a reader of the log leaves out is for the reader to say.
///
/// One for each loop. A user agent that came lately costs a hash and a comparison; what would push it
/// out again, however random, costs no more than the list does.
struct BotDetector: ~Copyable {
    private struct Entry {
        var count = 0
        var reason = BotReason.none
    }

    private let crawlers: CrawlerList
    private let entries = UnsafeMutableBufferPointer<Entry>.allocate(capacity: entriesMax)
    /// The user agents of the entries, each at a place of its own.
    private let texts = UnsafeMutableBufferPointer<UInt8>.allocate(
        capacity: entriesMax * textBytesMax)

    /// User agents that are remembered.
    private static let entriesMax = 512
    /// Bytes of the longest one of them.
    static let textBytesMax = 512

    init(_ crawlers: CrawlerList) {
        self.crawlers = crawlers
        entries.initialize(repeating: Entry())
    }

    deinit {
        entries.deallocate()
        texts.deallocate()
    }

    /// Why the request is taken for a program's.
    func reason(for head: borrowing RequestHead) -> BotReason {
        let crawler = reason(of: head[.userAgent])
        if crawler != .none || head[.purpose].count == 0 { return crawler }
        return LoadPurpose.reason(for: head)
    }

    /// The name of the program that has this user agent. No user agent at all is told by its absence.
    func reason(of userAgent: Span<UInt8>) -> BotReason {
        guard userAgent.count <= Self.textBytesMax else { return crawlers.reason(of: userAgent) }
        return userAgent.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress, let texts = texts.baseAddress, text.count > 0 else {
                return .none
            }
            let index = Self.index(start, text.count)
            let known = texts + index * Self.textBytesMax
            let entry = entries[index]
            if entry.count == text.count, memcmp(known, start, text.count) == 0 {
                return entry.reason
            }
            let reason = crawlers.reason(of: userAgent)
            known.update(from: start, count: text.count)
            entries[index] = Entry(count: text.count, reason: reason)
            return reason
        }
    }

    /// A place for the text. Who makes others collide gains nothing: they are judged as if they were
    /// new. The last word may have bytes of the one before it, so that no byte is read alone.
    private static func index(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let bytes = UnsafeRawPointer(start)
        // The odd number next to 2^64 divided by the golden ratio.
        let factor: UInt64 = 0x9e37_79b9_7f4a_7c15
        var hash = UInt64(truncatingIfNeeded: count)
        if count < 8 {
            for position in 0..<count {
                hash = (hash << 8 | hash >> 56) ^ UInt64(start[position])
            }
            hash = hash &* factor
        } else {
            let last = count &- 8
            var position = 0
            while position < last {
                let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                hash = ((hash << 5 | hash >> 59) ^ word) &* factor
                position &+= 8
            }
            let word = bytes.loadUnaligned(fromByteOffset: last, as: UInt64.self)
            hash = ((hash << 5 | hash >> 59) ^ word) &* factor
        }
        // The upper bits of a product depend on all of the others.
        return Int(truncatingIfNeeded: hash >> 32) % entriesMax
    }
}
