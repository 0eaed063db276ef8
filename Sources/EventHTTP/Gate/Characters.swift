internal import Bytes

/// Kinds of characters of RFC 9110 and RFC 3986, and what is made of them.
enum Characters {
    /// What a token may have: `tchar` of RFC 9110, section 5.6.2.
    static let tokens = ASCIISet(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    /// What a registered name or an IPv4 address may have: unreserved, escapes and sub-delims.
    private static let names = ASCIISet(
        "-._~%!$&'()*+,;=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    /// Some of the ASCII characters, a bit for each.
    struct ASCIISet {
        private var low: UInt64 = 0
        private var high: UInt64 = 0

        init(_ text: StaticString) {
            text.withUTF8Buffer { characters in
                for byte in characters {
                    if byte < 64 { low |= 1 << byte } else { high |= 1 << (byte - 64) }
                }
            }
        }

        func contains(_ byte: UInt8) -> Bool {
            let bits = byte & 0x40 == 0 ? low : high
            return byte < 0x80 && bits &>> byte & 1 == 1
        }
    }

    /// Marks control characters.
    static func controls(in bytes: EightBytes) -> EightBytes.Marks {
        bytes.ascii(bytes.below(0x20) | bytes.equal(0x7f))
    }

    /// Marks what is no visible ASCII character.
    static func invisible(in bytes: EightBytes) -> EightBytes.Marks {
        bytes.below(0x21) | bytes.equal(0x7f) | bytes.beyondASCII
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66)
    }

    /// Whether `text` is `uri-host [ ":" port ]` (RFC 9110, section 7.2), and not empty.
    static func isHost(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")), end > 1 else { return false }
            for byte in text[1..<end]
            where !isHexadecimal(byte) && byte != UInt8(ascii: ":") && byte != UInt8(ascii: ".") {
                return false
            }
            index = end + 1
        } else {
            while index < text.count, names.contains(text[index]) { index += 1 }
            if index == 0 { return false }
        }
        if index == text.count { return true }
        guard text[index] == UInt8(ascii: ":"), text.count - index <= 6 else { return false }
        return text[(index + 1)...].allSatisfy(isDigit)
    }

    /// The number that `text`, digits only, stands for; nil if it is none or too large.
    static func decimal(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard text.count > 0, text.count <= 18 else { return nil }
        var number = 0
        for byte in text {
            guard isDigit(byte) else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }

    /// Whether two texts are the same but for the case of ASCII letters.
    static func isEqual(
        _ one: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }

    /// Calls `body` with each element of a list (RFC 9110, section 5.6.1).
    static func forEachToken(_ list: UnsafeBufferPointer<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        for index in 0...list.count where index == list.count || list[index] == UInt8(ascii: ",") {
            var (first, last) = (start, index)
            while first < last, list[first] == 0x20 || list[first] == 0x09 { first += 1 }
            while last > first, list[last - 1] == 0x20 || list[last - 1] == 0x09 { last -= 1 }
            if last > first { body(UnsafeBufferPointer(rebasing: list[first..<last]).span) }
            start = index + 1
        }
    }
}
