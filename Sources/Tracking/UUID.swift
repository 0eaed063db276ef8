internal import Bytes

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
        let dash = UInt8(ascii: "-")
        guard text[8] == dash, text[13] == dash, text[18] == dash, text[23] == dash else {
            return nil
        }
        func four(_ start: Int) -> UInt64 {
            unsafe UInt64(text.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self))
        }
        guard let first = Hexadecimal.number(digits: four(0) | four(4) << 32),
            let second = Hexadecimal.number(digits: four(9) | four(14) << 32),
            let third = Hexadecimal.number(digits: four(19) | four(24) << 32),
            let fourth = Hexadecimal.number(digits: four(28) | four(32) << 32)
        else { return nil }
        self.init(
            high: UInt64(first) << 32 | UInt64(second), low: UInt64(third) << 32 | UInt64(fourth))
    }

    /// The text form.
    var text: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        unsafe withUnsafeMutableBytes(of: &text) { text in
            func put(_ digits: UInt64, at start: Int) {
                unsafe text.storeBytes(
                    of: UInt32(truncatingIfNeeded: digits), toByteOffset: start, as: UInt32.self)
            }
            func digits(_ bits: UInt64) -> UInt64 {
                Hexadecimal.digits(of: UInt32(truncatingIfNeeded: bits))
            }
            let (first, second) = (digits(high >> 32), digits(high))
            let (third, fourth) = (digits(low >> 32), digits(low))
            put(first, at: 0)
            put(first >> 32, at: 4)
            put(second, at: 9)
            put(second >> 32, at: 14)
            put(third, at: 19)
            put(third >> 32, at: 24)
            put(fourth, at: 28)
            put(fourth >> 32, at: 32)
        }
        return text
    }

    /// The text form.
    public var description: String {
        let text = self.text
        return String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
    }

    /// Appends the text form, `textBytes` long.
    public func append(to output: inout OutputSpan<UInt8>) {
        output.append(text.span)
    }
}
