internal import Bytes

/// Reads `application/x-www-form-urlencoded` as browsers write it (WHATWG URL Standard, section
/// 5.1), on bytes: `+` is a space, a percent sign without two hexadecimal digits is itself, and a
/// name may stand without a value.
public struct FormURLEncoded: ~Copyable, ~Escapable {
    /// A name and a value, still encoded, as ranges of the input.
    public struct Pair: Equatable, Sendable {
        /// Where the name is.
        public let name: Range<Int>
        /// Where the value is; empty where there is none.
        public let value: Range<Int>
    }

    private let input: Span<UInt8>
    private var position = 0

    /// Reads `input`, the part of a URL after its `?`.
    @_lifetime(copy input)
    public init(_ input: Span<UInt8>) {
        self.input = input
    }

    /// The next pair; nil at the end. Empty sequences between ampersands are skipped.
    public mutating func next() -> Pair? {
        while position < input.count {
            let end =
                input.firstIndex(of: UInt8(ascii: "&"), in: position..<input.count) ?? input.count
            defer { position = end + 1 }
            if end == position { continue }
            let equals = input.firstIndex(of: UInt8(ascii: "="), in: position..<end) ?? end
            return Pair(name: position..<equals, value: min(equals + 1, end)..<end)
        }
        return nil
    }

    /// The decoded byte at `position`, which then moves past it. `range` ends the encoded text.
    static func decode(_ input: Span<UInt8>, at position: inout Int, in range: Range<Int>) -> UInt8
    {
        let byte = input[position]
        position += 1
        switch byte {
        case UInt8(ascii: "+"): return 0x20
        case UInt8(ascii: "%"):
            guard position + 2 <= range.upperBound,
                let high = Hexadecimal.value(of: input[position]),
                let low = Hexadecimal.value(of: input[position + 1])
            else { return byte }
            position += 2
            return high << 4 | low
        default: return byte
        }
    }

    /// Decodes `range` of `input` to the start of `output`, which has room for it and a word. How
    /// many bytes it became.
    static func decode(
        _ input: Span<UInt8>, _ range: Range<Int>, to output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var count = 0
        var position = range.lowerBound
        while position < range.upperBound {
            if range.upperBound - position >= 8 {
                let word = unsafe input.bytes.unsafeLoadUnaligned(
                    fromByteOffset: position, as: UInt64.self)
                unsafe UnsafeMutableRawBufferPointer(output).storeBytes(
                    of: word, toByteOffset: count, as: UInt64.self)
                let bytes = EightBytes(word)
                let encoded = bytes.equal(UInt8(ascii: "%")) | bytes.equal(UInt8(ascii: "+"))
                let plain = bytes.ascii(encoded).first
                count += plain
                position += plain
                if plain == 8 { continue }
            }
            unsafe output[count] = decode(input, at: &position, in: range)
            count += 1
        }
        return count
    }

    /// The decoded bytes of the first value of `name`; nil if no pair has that name.
    public static func firstValue(of name: StaticString, in input: Span<UInt8>) -> [UInt8]? {
        let wanted = Array(String(describing: name).utf8)
        var pairs = FormURLEncoded(input)
        while let pair = pairs.next() {
            if decoded(input, pair.name) == wanted { return decoded(input, pair.value) }
        }
        return nil
    }

    private static func decoded(_ input: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var position = range.lowerBound
        var bytes: [UInt8] = []
        while position < range.upperBound { bytes.append(decode(input, at: &position, in: range)) }
        return bytes
    }
}
