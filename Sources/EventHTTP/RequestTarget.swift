/// The parts of a request target (RFC 9112, section 3.2), as ranges of it.
struct RequestTarget: Equatable {
    var path: Range<Int>
    var query: Range<Int>
    /// Where an absolute-form has its authority; nil in origin-form.
    var authority: Range<Int>?

    /// Reads a target in origin-form or absolute-form; nil for anything else, and for one with
    /// white space, control characters, bytes beyond ASCII or a fragment.
    ///
    /// Our own reading, because evhttp's takes `//host/path` for an authority and decodes paths
    /// before it compares them.
    init?(_ target: Span<UInt8>) {
        for index in target.indices {
            let byte = target[index]
            if byte <= 0x20 || byte >= 0x7f || byte == UInt8(ascii: "#") { return nil }
        }
        var start = 0
        if let first = Self.authorityStart(target) {
            start = first
            while start < target.count, !Self.endsAuthority(target[start]) { start += 1 }
            guard start > first else { return nil }
            authority = first..<start
            guard start < target.count, target[start] == UInt8(ascii: "/") else { return nil }
        }
        guard start < target.count, target[start] == UInt8(ascii: "/") else { return nil }
        var end = start
        while end < target.count, target[end] != UInt8(ascii: "?") { end += 1 }
        path = start..<end
        query = end < target.count ? end + 1..<target.count : end..<end
    }

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
    }

    /// Where the authority of an absolute-form begins; nil if it is none.
    private static func authorityStart(_ target: Span<UInt8>) -> Int? {
        if target.count > 7, target.extracting(first: 7).equalsIgnoringCase("http://") { return 7 }
        if target.count > 8, target.extracting(first: 8).equalsIgnoringCase("https://") { return 8 }
        return nil
    }
}
