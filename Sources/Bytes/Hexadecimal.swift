/// Hexadecimal digits, eight at a time, as they lie in memory (little endian).
public enum Hexadecimal {
    /// The lower-case digits of a number: its nibbles are spread over eight bytes, the highest one
    /// first, and all turned into text at once.
    @inlinable
    public static func digits(of number: UInt32) -> UInt64 {
        let number = UInt64(number)
        var bytes = (number & 0xffff) << 32 | number >> 16
        bytes = (bytes & 0x0000_00ff_0000_00ff) << 16 | (bytes & 0x0000_ff00_0000_ff00) >> 8
        bytes = (bytes & 0x000f_000f_000f_000f) << 8 | (bytes & 0x00f0_00f0_00f0_00f0) >> 4
        // One for each that is more than 9.
        let letters = (bytes &+ EightBytes.each(6)) >> 4 & EightBytes.each(1)
        let gap = UInt64(UInt8(ascii: "a") - UInt8(ascii: "0") - 10)
        return bytes &+ EightBytes.each(UInt8(ascii: "0")) &+ letters &* gap
    }

    /// The number that eight digits of either case stand for; nil if one of them is no digit.
    @inlinable
    public static func number(digits: UInt64) -> UInt32? {
        guard digits & EightBytes.tops == 0 else { return nil }
        let letters = digits | EightBytes.each(0x20)
        let isLetter = EightBytes.atLeast(0x61, letters) & ~EightBytes.atLeast(0x67, letters)
        let isDigit = EightBytes.atLeast(0x30, digits) & ~EightBytes.atLeast(0x3a, digits)
        guard isLetter | isDigit == EightBytes.tops else { return nil }
        var number = digits & EightBytes.each(0x0f) &+ (isLetter >> 7) &* 9
        // Pairs, then fours, then all eight.
        number = (number << 4 | number >> 8) & 0x00ff_00ff_00ff_00ff
        number = (number << 8 | number >> 16) & 0x0000_ffff_0000_ffff
        return UInt32(truncatingIfNeeded: number << 16 | number >> 32)
    }

    /// The value of one digit of either case; nil if it is none.
    @inlinable
    public static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
