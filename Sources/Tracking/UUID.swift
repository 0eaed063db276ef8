/// A universally unique identifier (RFC 9562), written in lower case.
public struct UUID: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// The length of the text form in bytes.
    public static let textBytes = 36

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Version 4 from 128 random bits, of which it keeps 122.
    public static func version4(random: (UInt64, UInt64)) -> UUID {
        UUID(
            high: random.0 & 0xffff_ffff_ffff_0fff | 0x4000, low: random.1 & variantMask | variant)
    }

    /// Version 7 for a moment, from 64 random bits, of which it keeps 62. The fraction of the
    /// millisecond goes before the random bits (RFC 9562, section 6.2, method 3), so that
    /// identifiers made in one order sort in that order.
    public static func version7(time: Timestamp, random: UInt64) -> UUID {
        let milliseconds = UInt64(bitPattern: time.microseconds / 1000) & 0xffff_ffff_ffff
        let fraction = UInt64(bitPattern: time.microseconds % 1000) * 4096 / 1000
        return UUID(
            high: milliseconds << 16 | 0x7000 | fraction, low: random & variantMask | variant)
    }

    private static let variantMask: UInt64 = 0x3fff_ffff_ffff_ffff
    private static let variant: UInt64 = 0x8000_0000_0000_0000

    /// Reads the text form, in either case; nil for anything else. Any version is accepted: a
    /// site that moves to Footfall keeps its visitors.
    public init?(text: Span<UInt8>) {
        guard text.count == Self.textBytes else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for index in text.indices {
            let byte = text[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = hexValue(byte) else { return nil }
            if digits < 16 {
                high = high << 4 | UInt64(digit)
            } else {
                low = low << 4 | UInt64(digit)
            }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    /// The byte of the text form at `index`, which is below `textBytes`.
    func textByte(at index: Int) -> UInt8 {
        switch index {
        case 8, 13, 18, 23: return UInt8(ascii: "-")
        default:
            let dashes = (index > 8 ? 1 : 0) + (index > 13 ? 1 : 0) + (index > 18 ? 1 : 0)
            let digit = index - dashes - (index > 23 ? 1 : 0)
            let half = digit < 16 ? high : low
            return hexDigit(UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (digit % 16))) & 0xf)
        }
    }

    /// The text form.
    public var description: String {
        String(decoding: (0..<Self.textBytes).map(textByte), as: UTF8.self)
    }

    /// Appends the text form, `textBytes` long.
    public func append(to output: inout OutputSpan<UInt8>) {
        for index in 0..<Self.textBytes { output.append(textByte(at: index)) }
    }
}

/// The value of a hexadecimal digit of either case.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The lower-case digit of a value below 16.
func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
