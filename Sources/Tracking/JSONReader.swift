internal import Bytes

/// Reads JSON (RFC 8259) without making anything of it: it tells where a value ends, or that it is
/// none.
///
/// Strict, because the readers of a log are: UTF-8 only, no byte order mark, and no half of a
/// surrogate pair.
struct JSONReader: ~Copyable, ~Escapable {
    /// Why a text is not the JSON that is taken.
    struct Refusal: Error {
        let reason: StaticString
        /// The byte, from 0, at which it shows.
        let position: Int

        var text: String { "byte \(position): \(reason)" }
    }

    /// Arrays and objects within each other.
    static let depthMax = 64

    private let text: Span<UInt8>
    private let end: Int
    private(set) var position: Int

    /// Reads `text` from `range` on, and not beyond it.
    @_lifetime(copy text)
    init(_ text: Span<UInt8>, in range: Range<Int>) {
        self.text = text
        end = range.upperBound
        position = range.lowerBound
    }

    var isAtEnd: Bool { position == end }

    /// The byte here; 0 at the end.
    var current: UInt8 { position < end ? text[position] : 0 }

    mutating func skipSpace() {
        while current == 0x20 || current == 0x09 || current == 0x0a || current == 0x0d {
            position += 1
        }
    }

    /// Passes over `byte`. Whether it was there.
    mutating func take(_ byte: UInt8) -> Bool {
        guard position < end, text[position] == byte else { return false }
        position += 1
        return true
    }

    /// Passes over a value that begins here.
    mutating func skipValue() throws(Refusal) {
        try skipValue(depth: 1)
    }

    /// What is wrong here.
    func refusal(_ reason: StaticString) -> Refusal {
        Refusal(reason: position == end ? "it ends in the middle" : reason, position: position)
    }

    private mutating func skipValue(depth: Int) throws(Refusal) {
        switch current {
        case UInt8(ascii: "{"): try skipMembers(depth: depth, isObject: true)
        case UInt8(ascii: "["): try skipMembers(depth: depth, isObject: false)
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try skip("true")
        case UInt8(ascii: "f"): try skip("false")
        case UInt8(ascii: "n"): try skip("null")
        case UInt8(ascii: "-"), 0x30...0x39: try skipNumber()
        default: throw refusal("a value is missing")
        }
    }

    private mutating func skipMembers(depth: Int, isObject: Bool) throws(Refusal) {
        if depth > Self.depthMax { throw refusal("it is nested too deeply") }
        let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        position += 1
        skipSpace()
        if take(close) { return }
        repeat {
            skipSpace()
            if isObject {
                guard current == UInt8(ascii: "\"") else { throw refusal("a name is missing") }
                try skipString()
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw refusal("a colon is missing") }
                skipSpace()
            }
            try skipValue(depth: depth + 1)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(close) else { throw refusal("a comma or a closing bracket is missing") }
    }

    private mutating func skip(_ name: StaticString) throws(Refusal) {
        for index in 0..<name.utf8CodeUnitCount {
            guard unsafe take(name.utf8Start[index]) else {
                throw refusal("a value is missing")
            }
        }
    }

    private mutating func skipNumber() throws(Refusal) {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try skipDigits() }
        if take(UInt8(ascii: ".")) { try skipDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(Refusal) {
        let first = position
        while (0x30...0x39).contains(current) { position += 1 }
        if position == first { throw refusal("a digit is missing") }
    }

    // MARK: - Strings

    private mutating func skipString() throws(Refusal) {
        position += 1
        while true {
            skipPlain()
            switch current {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"): try skipEscape()
            case 0x20..<0x80: position += 1
            case 0x80...: try skipMultibyte()
            default: throw refusal("a control character is not escaped")
            }
        }
    }

    /// Passes over bytes of a string that stand for themselves, eight at a time.
    private mutating func skipPlain() {
        let bytes = unsafe text.bytes
        var index = position
        while end - index >= JSONWriter.wordBytes {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let plain = JSONWriter.specials(in: EightBytes(word)).first
            index += plain
            if plain < JSONWriter.wordBytes { break }
        }
        position = index
    }

    private mutating func skipMultibyte() throws(Refusal) {
        let rest = text.extracting(position..<min(end, position + 4))
        let character = unsafe rest.withUnsafeBufferPointer {
            unsafe UTF8Character(beginning: $0)
        }
        guard character.isValid else { throw refusal("it is not UTF-8") }
        position += character.length
    }

    private mutating func skipEscape() throws(Refusal) {
        position += 1
        if !take(UInt8(ascii: "u")) {
            switch current {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
                UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                position += 1
                return
            default: throw refusal("an escape is none of JSON's")
            }
        }
        switch try unit() {
        case 0xd800...0xdbff:
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")),
                (0xdc00...0xdfff).contains(try unit())
            else { throw refusal("half of a surrogate pair stands alone") }
        case 0xdc00...0xdfff: throw refusal("half of a surrogate pair stands alone")
        default: break
        }
    }

    /// The four hexadecimal digits of an escape.
    private mutating func unit() throws(Refusal) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard position < end, let digit = Hexadecimal.value(of: text[position]) else {
                throw refusal("an escape needs four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}
