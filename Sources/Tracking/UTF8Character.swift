/// The first character of some bytes, if they are well-formed UTF-8 (Unicode 15, table 3-7).
struct UTF8Character {
    /// Bytes that it takes; of an ill-formed one those that can begin a character (the maximal
    /// subpart of Unicode 15, section 3.9, at least one), for which one U+FFFD stands.
    let length: Int
    /// Whether it is well-formed.
    let isValid: Bool
    /// The code point of a well-formed one.
    let scalar: UInt32

    /// Reads `text`, which is not empty.
    init(beginning text: UnsafeBufferPointer<UInt8>) {
        let lead = unsafe text[0]
        var expected = 1
        var second: ClosedRange<UInt8> = 0x80...0xbf
        var scalar = UInt32(lead)
        switch lead {
        case 0x00...0x7f: expected = 1
        case 0xc2...0xdf: (expected, scalar) = (2, scalar & 0x1f)
        case 0xe0...0xef:
            (expected, scalar) = (3, scalar & 0x0f)
            if lead == 0xe0 { second = 0xa0...0xbf }
            if lead == 0xed { second = 0x80...0x9f }
        case 0xf0...0xf4:
            (expected, scalar) = (4, scalar & 0x07)
            if lead == 0xf0 { second = 0x90...0xbf }
            if lead == 0xf4 { second = 0x80...0x8f }
        default: (expected, scalar) = (0, 0)
        }
        var length = 1
        while length < expected, length < text.count {
            let byte = unsafe text[length]
            guard length == 1 ? second.contains(byte) : (0x80...0xbf).contains(byte) else { break }
            scalar = scalar << 6 | UInt32(byte & 0x3f)
            length += 1
        }
        self.length = length
        self.scalar = scalar
        isValid = length == expected
    }
}
