internal import Bytes

/// Reads the value of a `Cookie` header field (RFC 6265, sections 4.2 and 5.4).
public enum CookieHeader {
    /// Calls `visit` with the value of each cookie called `name`, in the order sent, until it
    /// answers false. White space around names and values, and quotes around values, do not count.
    public static func forEachValue(
        of name: Span<UInt8>, in header: Span<UInt8>, _ visit: (Span<UInt8>) -> Bool
    ) {
        var start = 0
        while start < header.count {
            let end =
                header.firstIndex(of: UInt8(ascii: ";"), in: start..<header.count) ?? header.count
            let equals = header.firstIndex(of: UInt8(ascii: "="), in: start..<end) ?? end
            if equals < end, header.extracting(header.trimmed(start..<equals)).equals(name) {
                let value = header.unquoted(header.trimmed(equals + 1..<end))
                if !visit(header.extracting(value)) { return }
            }
            start = end + 1
        }
    }
}

extension Span<UInt8> {
    /// The first place of `byte`, an ASCII character, in `range`.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range of this span")
        var index = range.lowerBound
        while range.upperBound - index >= 8 {
            let word = EightBytes(
                unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            let place = word.ascii(word.equal(byte)).first
            index += place
            if place < 8 { return index }
        }
        while index < range.upperBound {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Whether these are the same bytes.
    func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}
