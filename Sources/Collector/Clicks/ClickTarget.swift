internal import Tracking

/// Where a click leads: an absolute `http` or `https` URL.
///
/// Browsers repair what is no URL (WHATWG URL Standard, section 4.4): a backslash becomes a slash,
/// tabs disappear, a number becomes an address. So only what every reader takes for the same host is
/// a target: a name of letters, digits and hyphens, a dotted-decimal IPv4 address or a bracketed
/// IPv6 address, and nothing else but a port in front of the path.
struct ClickTarget: Equatable, Sendable {
    /// The URL as it was given.
    let bytes: [UInt8]
    /// Where the host is, with its port if it has one.
    let authority: Range<Int>

    /// Characters of the longest name, and of the longest part of it (RFC 1035, section 2.3.4).
    private static let nameBytesMax = 253
    private static let labelBytesMax = 63

    /// Checks `bytes`; nil if they are anything else.
    init?(_ bytes: [UInt8]) {
        guard
            let scheme = ["http://", "https://"].first(where: { bytes.starts(with: $0.utf8) }),
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }),
            bytes.firstRange(of: Array("%00".utf8)) == nil
        else { return nil }
        let start = scheme.utf8.count
        let end = bytes[start...].firstIndex { "/?#".utf8.contains($0) } ?? bytes.count
        guard Self.isAuthority(bytes[start..<end]) else { return nil }
        self.bytes = bytes
        authority = start..<end
    }

    /// The host, and the port if it has one, in lower case.
    var lowercasedAuthority: [UInt8] {
        bytes[authority].map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
    }

    private static func isAuthority(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return false }
        if first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = Array(text[(text.startIndex + 1)..<end])
            return address.contains(UInt8(ascii: ":")) && IPAddress(text: address.span) != nil
                && isPortOrNothing(text[(end + 1)...])
        }
        let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        return isName(text[..<end]) && isPortOrNothing(text[end...])
    }

    /// Nothing, or a colon and a number from 1 to 65535 as it is usually written.
    private static func isPortOrNothing(_ text: ArraySlice<UInt8>) -> Bool {
        if text.isEmpty { return true }
        let digits = text.dropFirst()
        guard text.first == UInt8(ascii: ":"), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy(isDigit), digits.count <= 5,
            let port = Int(String(decoding: digits, as: UTF8.self))
        else { return false }
        return port <= 65_535
    }

    /// A registered name or an IPv4 address. A name whose last part begins with a digit is none:
    /// browsers take some of them for addresses, in octal, in hexadecimal and with parts missing.
    private static func isName(_ text: ArraySlice<UInt8>) -> Bool {
        let labels = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.count <= nameBytesMax, labels.allSatisfy(isLabel),
            let first = labels.last?.first
        else { return false }
        let whole = Array(text)
        return !isDigit(first) || IPAddress(text: whole.span) != nil
    }

    private static func isLabel(_ text: ArraySlice<UInt8>) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return !text.isEmpty && text.count <= labelBytesMax && text.first != hyphen
            && text.last != hyphen
            && text.allSatisfy { isDigit($0) || isLetter($0) || $0 == hyphen }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
    }
}
