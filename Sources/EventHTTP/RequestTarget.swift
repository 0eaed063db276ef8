internal import Glibc

/// The parts of a request target (RFC 9112, section 3.2), as ranges of it.
struct RequestTarget: Equatable {
    var path: Range<Int>
    var query: Range<Int>
    /// Where an absolute-form has its authority; nil in origin-form.
    var authority: Range<Int>?

    /// Reads a target in origin-form or absolute-form, of which it is known that all its bytes are
    /// visible ASCII characters; nil for anything else, and for one with a fragment.
    ///
    /// Our own reading, because evhttp's takes `//host/path` for an authority and decodes paths
    /// before it compares them.
    init?(visible target: UnsafeBufferPointer<UInt8>) {
        guard let base = target.baseAddress, memchr(base, hash, target.count) == nil else {
            return nil
        }
        var start = 0
        if let first = Self.authorityStart(target.span) {
            start = first
            while start < target.count, !Self.endsAuthority(target[start]) { start += 1 }
            guard start > first else { return nil }
            authority = first..<start
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

private let hash = Int32(UInt8(ascii: "#"))
