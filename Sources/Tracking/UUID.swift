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

    /// The text form.
    var text: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        func put(_ bits: UInt64, digits: Int, at start: Int) {
            for place in 0..<digits {
                let digit = UInt8(truncatingIfNeeded: bits >> UInt64(4 * (digits - 1 - place)))
                text[start + place] = hexDigit(digit & 0xf)
            }
        }
        put(high >> 32, digits: 8, at: 0)
        put(high >> 16, digits: 4, at: 9)
        put(high, digits: 4, at: 14)
        put(low >> 48, digits: 4, at: 19)
        put(low, digits: 12, at: 24)
        return text
    }

    /// The text form.
    public var description: String {
        let text = self.text
        return String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
    }

    /// Appends the text form, `textBytes` long.
    public func append(to output: inout OutputSpan<UInt8>) {
        let text = self.text
        for index in text.indices { output.append(text[index]) }
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
