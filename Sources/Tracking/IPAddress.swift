internal import Bytes
internal import Glibc

/// An address of IPv4 or IPv6.
public struct IPAddress: Hashable, Sendable {
    /// The bits as those of an IPv6 address; an IPv4 address is mapped (RFC 4291, section 2.5.5.2).
    fileprivate let high: UInt64
    fileprivate let low: UInt64

    /// Characters of the longest text form (inet_ntop(3), INET6_ADDRSTRLEN without the NUL).
    private static let textBytesMax = 45
    private static let mappedPrefix: UInt64 = 0xffff_0000_0000

    /// Reads the text form that inet_pton(3) reads: dotted decimal, or RFC 4291, section 2.2. Nil
    /// for anything else.
    public init?(text: Span<UInt8>) {
        guard text.count > 0, text.count <= Self.textBytesMax else { return nil }
        // Most are, and need no call.
        if let short = Self.dottedDecimal(text) {
            (high, low) = (0, Self.mappedPrefix | short)
            return
        }
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        // A C string would end there.
        for index in text.indices where text[index] == 0 { return nil }
        let isRead = unsafe withUnsafeTemporaryAllocation(
            of: CChar.self, capacity: Self.textBytesMax + 1
        ) { string in
            for index in text.indices { unsafe string[index] = CChar(bitPattern: text[index]) }
            unsafe string[text.count] = 0
            return unsafe withUnsafeMutableBytes(of: &bytes) { bytes in
                unsafe inet_pton(AF_INET6, string.baseAddress, bytes.baseAddress) == 1
            }
        }
        guard isRead else { return nil }
        func number(_ range: Range<Int>) -> UInt64 {
            range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
        }
        high = number(0..<8)
        low = number(8..<16)
    }

    /// The 32 bits of four numbers below 256 without leading zeros; nil for anything else.
    private static func dottedDecimal(_ text: Span<UInt8>) -> UInt64? {
        var bits: UInt64 = 0
        var number: UInt64 = 0
        var digits = 0
        var dots = 0
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9") where digits == 0 || number > 0:
                number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
                digits += 1
                if number > 255 { return nil }
            case UInt8(ascii: ".") where digits > 0 && dots < 3:
                bits = bits << 8 | number
                (number, digits) = (0, 0)
                dots += 1
            default: return nil
            }
        }
        return dots == 3 && digits > 0 ? bits << 8 | number : nil
    }

    /// Whether it is an IPv4 address, also one that came as `::ffff:192.0.2.1`.
    public var isIPv4: Bool { high == 0 && low & ~0xffff_ffff == Self.mappedPrefix }

    /// Whether it is of no public network: private (RFC 1918, RFC 4193), shared (RFC 6598),
    /// link-local or loopback.
    public var isPrivate: Bool { Self.privateBlocks.contains { $0.contains(self) } }

    private static let privateBlocks = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
        "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1",
    ].compactMap { AddressBlock($0) }

    /// The text form of its network: of the first 24 bits for IPv4, 48 for IPv6, the others zero.
    public var network: String {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textBytesMax) {
            memory in
            var writer = unsafe JSONWriter(memory)
            writer.network(of: self)
            return unsafe String(decoding: memory[..<writer.count], as: UTF8.self)
        }
    }

    /// Whether the first `count` bits, of 128, are the same.
    fileprivate func hasPrefix(_ count: Int, of other: IPAddress) -> Bool {
        func differ(_ one: UInt64, _ other: UInt64, _ bits: Int) -> Bool {
            bits > 0 && (one ^ other) >> UInt64(64 - bits) != 0
        }
        return !differ(high, other.high, min(count, 64))
            && !differ(low, other.low, max(0, count - 64))
    }
}

extension JSONWriter {
    /// Appends the text form of the network of `address`: of its first 24 bits for IPv4, 48 for
    /// IPv6 (RFC 5952), the others zero.
    @_lifetime(self: copy self)
    mutating func network(of address: IPAddress) {
        if address.isIPv4 {
            var place: UInt64 = 24
            while place > 0 {
                decimal(UInt8(truncatingIfNeeded: address.low >> place))
                raw(".")
                place -= 8
            }
            return raw("0")
        }
        var groups = address.high >> 16
        // The zeros at the end are always the longest run, which is written as two colons.
        var shown = 3
        while shown > 0, groups & 0xffff == 0 {
            groups >>= 16
            shown -= 1
        }
        for place in 0..<shown {
            hexadecimal(UInt16(truncatingIfNeeded: groups >> UInt64(16 * (shown - 1 - place))))
            if place < shown - 1 { raw(":") }
        }
        raw("::")
    }

    @_lifetime(self: copy self)
    private mutating func decimal(_ number: UInt8) {
        if number >= 100 { raw(byte: UInt8(ascii: "0") + number / 100) }
        if number >= 10 { raw(byte: UInt8(ascii: "0") + number / 10 % 10) }
        raw(byte: UInt8(ascii: "0") + number % 10)
    }

    @_lifetime(self: copy self)
    private mutating func hexadecimal(_ number: UInt16) {
        var digits = Hexadecimal.digits(of: UInt32(number)) >> 32
        var left = 4
        while left > 1, UInt8(truncatingIfNeeded: digits) == UInt8(ascii: "0") {
            digits >>= 8
            left -= 1
        }
        for _ in 0..<left {
            raw(byte: UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }
}

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address (RFC 4632, section 3.1).
public struct AddressBlock: Hashable, Sendable {
    private let first: IPAddress
    /// Of 128 bits, as `IPAddress` has them.
    private let prefixBits: Int

    /// Reads the text form; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        let bytes = Array(parts[0].utf8)
        guard let address = IPAddress(text: bytes.span) else { return nil }
        let most = address.isIPv4 && !parts[0].contains(":") ? 32 : 128
        var bits = most
        if parts.count == 2 {
            guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(parts[1]),
                number <= most
            else { return nil }
            bits = number
        }
        first = address
        prefixBits = 128 - most + bits
    }

    /// Whether `address` is in it.
    public func contains(_ address: IPAddress) -> Bool {
        address.hasPrefix(prefixBits, of: first)
    }
}
