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

    /// Pairs that become members of a JSON object. A bound, because each name is compared with
    /// those before it.
    public static let pairsMax = 256

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

    /// The decoded bytes of the first value of `name`; nil if no pair has that name.
    public static func firstValue(of name: StaticString, in input: Span<UInt8>) -> [UInt8]? {
        firstValue(ofAny: [Array("\(name)".utf8)], in: input)
    }

    /// The same for a name that is not known beforehand.
    public static func firstValue(of name: [UInt8], in input: Span<UInt8>) -> [UInt8]? {
        firstValue(ofAny: [name], in: input)
    }

    static func firstValue(ofAny names: [[UInt8]], in input: Span<UInt8>) -> [UInt8]? {
        var pairs = FormURLEncoded(input)
        while let pair = pairs.next() {
            if names.contains(decoded(input, pair.name)) { return decoded(input, pair.value) }
        }
        return nil
    }

    /// The decoded pairs as a JSON object of strings, of a repeated name the first; nil if there is
    /// no pair.
    public static func jsonObject(_ input: Span<UInt8>) -> [UInt8]? {
        let bytesMax = 64 + (JSONWriter.expansionMax + 3) * input.count
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytesMax)
        defer { unsafe memory.deallocate() }
        var writer = unsafe JSONWriter(memory)
        guard writer.object(ofForm: input, .none) else { return nil }
        return unsafe Array(memory[..<writer.count])
    }

    private static func decoded(_ input: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var position = range.lowerBound
        var bytes: [UInt8] = []
        while position < range.upperBound { bytes.append(decode(input, at: &position, in: range)) }
        return bytes
    }
}

extension JSONWriter {
    /// Appends the decoded pairs of form-encoded text as an object; of a repeated name the first.
    /// An alias is written as the name that it stands for. False, and nothing is written, if there is
    /// no pair. There is room for all of it, expanded.
    @_lifetime(self: copy self)
    mutating func object(
        ofForm input: Span<UInt8>, _ aliases: borrowing ParameterAliases
    ) -> Bool {
        let start = count
        raw("{")
        let empty = count
        // Where the names begin. A kilobyte, which is still on the stack.
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: FormURLEncoded.pairsMax) {
            names in
            var nameCount = 0
            var position = 0
            while nameCount < FormURLEncoded.pairsMax, position < input.count {
                let first = position
                let before = count
                raw(before == empty ? "\"" : ",\"")
                let nameStart = count
                position = decoded(input, from: position, isName: true)
                if !aliases.pairs.isEmpty { replaceAlias(from: nameStart, aliases) }
                let name = nameStart..<count
                raw("\":\"")
                let hasValue = position < input.count && input[position] == UInt8(ascii: "=")
                if hasValue { position = decoded(input, from: position + 1, isName: false) }
                raw("\"")
                let isEmpty = position == first
                position += 1
                // What is compared is what was written: two names that differ only in bytes that
                // are not UTF-8 would be one key to a reader.
                var isKnown = false
                for index in 0..<nameCount where !isKnown {
                    unsafe isKnown = isRepeated(name, at: Int(names[index]))
                }
                if isEmpty || isKnown {
                    rewind(to: before)
                } else {
                    unsafe names.initializeElement(at: nameCount, to: UInt32(nameStart))
                    nameCount += 1
                }
            }
        }
        if count == empty {
            rewind(to: start)
            return false
        }
        raw("}")
        return true
    }

    /// Replaces what was written from `start` on by the name that it is an alias of, if it is one.
    @_lifetime(self: copy self)
    private mutating func replaceAlias(from start: Int, _ aliases: borrowing ParameterAliases) {
        for pair in aliases.pairs where isWritten(pair.alias.span, from: start) {
            rewind(to: start)
            return raw(pair.name.span)
        }
    }

    /// Appends form-encoded text, decoded and without quotes: from `start` to the next ampersand,
    /// or with `isName` to the next equals sign before it. Where it ends.
    @_lifetime(self: copy self)
    mutating func decoded(_ input: Span<UInt8>, from start: Int, isName: Bool) -> Int {
        let end = input.count
        let separator = isName ? UInt8(ascii: "=") : UInt8(ascii: "&")
        var position = start
        while position < end {
            if end - position >= Self.wordBytes {
                let word = unsafe input.bytes.unsafeLoadUnaligned(
                    fromByteOffset: position, as: UInt64.self)
                let bytes = EightBytes(word)
                let marks =
                    Self.specials(in: bytes) | bytes.equal(UInt8(ascii: "%"))
                    | bytes.equal(UInt8(ascii: "+")) | bytes.equal(UInt8(ascii: "&"))
                    | bytes.equal(separator)
                raw(word, count: marks.first)
                position += marks.first
                if marks.first == Self.wordBytes { continue }
            }
            let byte = input[position]
            if byte == UInt8(ascii: "&") || byte == separator { break }
            let decoded = FormURLEncoded.decode(input, at: &position, in: start..<end)
            if decoded < 0x80 {
                escape(ascii: decoded)
            } else {
                position = decodeMultibyte(input, first: decoded, next: position)
            }
        }
        return position
    }

    /// Appends the character whose first byte was decoded; the others begin at `next`, if there
    /// are any. Where it ends.
    @_lifetime(self: copy self)
    private mutating func decodeMultibyte(
        _ input: Span<UInt8>, first: UInt8, next: Int
    ) -> Int {
        var bytes: InlineArray<4, UInt8> = [first, 0, 0, 0]
        // Where the input goes on after so many bytes.
        var ends: InlineArray<4, Int> = [next, next, next, next]
        var count = 1
        var position = next
        // An ampersand or an equals sign that was not encoded begins no part of a character, and
        // neither does one that was.
        while count < 4, position < input.count {
            let byte = FormURLEncoded.decode(input, at: &position, in: 0..<input.count)
            if byte < 0x80 { break }
            bytes[count] = byte
            ends[count] = position
            count += 1
        }
        let length = unsafe bytes.span.extracting(0..<count).withUnsafeBufferPointer {
            unsafe escapeMultibyte($0)
        }
        return ends[length - 1]
    }
}
