internal import Bytes
internal import Glibc

/// Writes JSON (RFC 8259) as bytes, into memory that the caller has made large enough.
///
/// Strings need nothing of their input: what is not UTF-8 becomes U+FFFD, and besides what JSON
/// asks for, the remaining control characters and U+2028/2029 are escaped, so that a line is safe
/// on a terminal and in JavaScript.
@safe struct JSONWriter: ~Copyable, ~Escapable {
    private let start: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    /// The most bytes that one byte of a string can become: `\u0001`.
    static let expansionMax = 6
    /// Strings are looked at, and copied, in words of so many bytes.
    static let wordBytes = 8

    /// Writes into `buffer` from its start.
    @_lifetime(borrow buffer)
    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        guard let start = buffer.baseAddress else { preconditionFailure("no memory") }
        unsafe self.start = unsafe start
        capacity = buffer.count
    }

    /// Appends text that is JSON already.
    @_lifetime(self: copy self)
    mutating func raw(_ json: StaticString) {
        let length = json.utf8CodeUnitCount
        assert(length <= capacity - count, "the caller reserved too little")
        unsafe (start + count).update(from: json.utf8Start, count: length)
        count += length
    }

    /// Appends the first `count` bytes of a word of JSON. There is room for all of them.
    @_lifetime(self: copy self)
    mutating func raw(_ word: UInt64, count: Int) {
        assert(Self.wordBytes <= capacity - self.count, "the caller reserved too little")
        unsafe UnsafeMutableRawPointer(start + self.count).storeBytes(of: word, as: UInt64.self)
        self.count += count
    }

    /// Marks bytes that may not stand in a string as they are: all but those from 0x20 to 0x7e, the
    /// quote and the backslash.
    static func specials(in bytes: EightBytes) -> EightBytes.Marks {
        bytes.below(0x20) | bytes.equal(0x7f) | bytes.beyondASCII
            | bytes.equal(UInt8(ascii: "\"")) | bytes.equal(UInt8(ascii: "\\"))
    }

    /// Appends one byte of JSON.
    @_lifetime(self: copy self)
    mutating func raw(byte: UInt8) {
        assert(count < capacity, "the caller reserved too little")
        unsafe start[count] = byte
        count += 1
    }

    /// Takes back all that was written after `count` bytes.
    @_lifetime(self: copy self)
    mutating func rewind(to count: Int) {
        assert(count <= self.count, "nothing was written there yet")
        self.count = count
    }

    /// Whether the bytes of `later` also stand at `earlier`, in front of a quote.
    func isRepeated(_ later: Range<Int>, at earlier: Int) -> Bool {
        for offset in 0..<later.count
        where unsafe start[earlier + offset] != start[later.lowerBound + offset] {
            return false
        }
        return unsafe start[earlier + later.count] == UInt8(ascii: "\"")
    }

    /// Whether the bytes from `start` on, to the last one, are `text`.
    func isWritten(_ text: Span<UInt8>, from start: Int) -> Bool {
        guard count - start == text.count else { return false }
        for index in text.indices where unsafe self.start[start + index] != text[index] {
            return false
        }
        return true
    }

    /// Appends JSON as it was sent, but for the line breaks between its tokens, which become spaces.
    /// There are none within a token (RFC 8259, section 7).
    @_lifetime(self: copy self)
    mutating func onOneLine(_ json: Span<UInt8>) {
        let first = count
        raw(json)
        replace(0x0a, from: first)
        replace(0x0d, from: first)
    }

    /// Makes each `byte` from `first` on a space.
    private func replace(_ byte: UInt8, from first: Int) {
        let end = unsafe UnsafeMutableRawPointer(start + count)
        var rest = unsafe UnsafeMutableRawPointer(start + first)
        while let found = unsafe memchr(rest, Int32(byte), end - rest) {
            unsafe found.storeBytes(of: 0x20, as: UInt8.self)
            unsafe rest = found + 1
        }
    }

    /// Appends bytes that are JSON already.
    @_lifetime(self: copy self)
    mutating func raw(_ json: Span<UInt8>) {
        assert(json.count <= capacity - count, "the caller reserved too little")
        unsafe json.withUnsafeBufferPointer { json in
            guard let source = json.baseAddress else { return }
            unsafe (start + count).update(from: source, count: json.count)
        }
        count += json.count
    }

    /// A string without its quotes, for what is not on the path of a hit.
    static func escaped(_ text: Span<UInt8>) -> [UInt8] {
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(
            capacity: expansionMax * text.count + wordBytes)
        defer { unsafe memory.deallocate() }
        var writer = unsafe JSONWriter(memory)
        writer.escaped(text)
        return unsafe Array(memory[..<writer.count])
    }

    /// Appends a string without its quotes. There is room for all of it, expanded, and a word more.
    @_lifetime(self: copy self)
    mutating func escaped(_ text: Span<UInt8>) {
        assert(
            text.count * Self.expansionMax + Self.wordBytes <= capacity - count,
            "the caller reserved too little")
        unsafe text.withUnsafeBufferPointer { text in
            var position = 0
            while position < text.count {
                if text.count >= Self.wordBytes {
                    unsafe position = copyPlain(text, from: position)
                    if position == text.count { return }
                }
                let byte = unsafe text[position]
                if byte >= 0x80 {
                    unsafe position += escapeMultibyte(
                        UnsafeBufferPointer(rebasing: text[position...]))
                } else {
                    escape(ascii: byte)
                    position += 1
                }
            }
        }
    }

    /// Copies bytes of `text`, of at least a word, that stand for themselves. Where the first other
    /// one is; the end of the text if there is none.
    @_lifetime(self: copy self)
    private mutating func copyPlain(_ text: UnsafeBufferPointer<UInt8>, from first: Int) -> Int {
        guard let source = unsafe UnsafeRawPointer(text.baseAddress) else { return first }
        let target = unsafe UnsafeMutableRawPointer(start + count)
        let end = text.count
        var position = first
        var plain = Self.wordBytes
        while plain == Self.wordBytes, end - position >= Self.wordBytes {
            let word = unsafe source.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            unsafe target.storeBytes(of: word, toByteOffset: position - first, as: UInt64.self)
            plain = Self.specials(in: EightBytes(word)).first
            position += plain
        }
        if plain == Self.wordBytes, position < end {
            // The last word ends with the text. What was copied before is shifted out of it; that
            // leaves zeros above the rest, which are not plain.
            let copied = Self.wordBytes - (end - position)
            let word =
                unsafe source.loadUnaligned(fromByteOffset: position - copied, as: UInt64.self)
                &>> UInt64(8 * copied)
            unsafe target.storeBytes(of: word, toByteOffset: position - first, as: UInt64.self)
            position += Self.specials(in: EightBytes(word)).first
        }
        count += position - first
        return position
    }

    /// Appends one byte below 0x80.
    @_lifetime(self: copy self)
    mutating func escape(ascii byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x20..<0x7f: raw(byte: byte)
        case 0x08: raw("\\b")
        case 0x09: raw("\\t")
        case 0x0a: raw("\\n")
        case 0x0c: raw("\\f")
        case 0x0d: raw("\\r")
        default: escape(scalar: UInt32(byte))
        }
    }

    /// Appends the character that begins `text`, whose first byte is 0x80 or above. The number of
    /// bytes that it took.
    @_lifetime(self: copy self)
    mutating func escapeMultibyte(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        let character = unsafe UTF8Character(beginning: text)
        guard character.isValid else {
            raw("\u{fffd}")
            return character.length
        }
        switch character.scalar {
        case 0x80...0x9f, 0x2028, 0x2029: escape(scalar: character.scalar)
        default: for index in 0..<character.length { unsafe raw(byte: text[index]) }
        }
        return character.length
    }

    /// Appends `\u` and four digits.
    @_lifetime(self: copy self)
    private mutating func escape(scalar: UInt32) {
        raw("\\u")
        // The last four of eight digits.
        var digits = Hexadecimal.digits(of: scalar) >> 32
        for _ in 0..<4 {
            raw(byte: UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }
}
