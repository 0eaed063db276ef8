internal import Glibc

/// A key of an event, in the order in which they are written.
enum Key: Int, CaseIterable {
    case version, id, time, kind, method, path, query, params, visitor, newVisitor, address
    case userAgent, referrer, language, host, origin, bot, privacy, headers, data, synced, sequence

    /// Its name in the event.
    var name: StaticString {
        switch self {
        case .version: "v"
        case .id: "id"
        case .time: "time"
        case .kind: "kind"
        case .method: "method"
        case .path: "path"
        case .query: "query"
        case .params: "params"
        case .visitor: "visitor"
        case .newVisitor: "new_visitor"
        case .address: "ip"
        case .userAgent: "user_agent"
        case .referrer: "referrer"
        case .language: "language"
        case .host: "host"
        case .origin: "origin"
        case .bot: "bot"
        case .privacy: "privacy"
        case .headers: "headers"
        case .data: "data"
        case .synced: "synced"
        case .sequence: "seq"
        }
    }
}

/// Finds the values of an event in its line, without parsing JSON: it goes from key to key in the
/// order in which they are written, over strings eight bytes at a time, and ends behind the last
/// key that is wanted.
///
/// Strings stay as they are, escaped: two that are equal are escaped alike, by the same writer.
/// All positions lie within a line that has proved itself; one that is no event has no values.
struct EventScanner {
    /// Bytes of the line, without quotes.
    struct Value {
        var start: Int32
        var count: Int32

        /// There is none.
        static let absent = Value(start: 0, count: -1)

        var isPresent: Bool { count >= 0 }

        func bytes(in line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: line[Int(start)..<Int(start) + Int(count)])
        }
    }

    /// What an event's line ends with, `,"sum":"..."}`; no value lies there, and so eight bytes can
    /// be read wherever a value can begin.
    private static let proofBytes = 26
    private static let keys = Key.allCases.map { KeyPattern($0.name) }

    private let keys = Self.keys
    private let last: Int
    /// The names of parameters that are wanted, escaped.
    private let names: [[UInt8]]
    private var values: [Value]
    private var parameters: [Value]
    /// How many parameters there are, with those that are not wanted.
    private(set) var parameterCount = 0

    /// Finds values up to `last`, and the parameters with these names, which are escaped.
    init(upTo last: Key, parameters names: [[UInt8]]) {
        self.last = max(last.rawValue, Key.newVisitor.rawValue)
        self.names = names
        values = Key.allCases.map { _ in .absent }
        parameters = names.map { _ in .absent }
    }

    /// The value of `key`; of an object or an array none.
    subscript(key: Key) -> Value { values[key.rawValue] }

    /// The value of the parameter with that place in the list of names.
    func parameter(_ index: Int) -> Value { parameters[index] }

    /// Whether the hit has given the visitor's identifier: the value is `true`.
    var hasNewVisitor: Bool { self[.newVisitor].count == 4 }

    /// Looks at another line, without its newline.
    mutating func scan(_ line: UnsafeRawBufferPointer) {
        parameterCount = 0
        for index in 0...last { values[index] = .absent }
        for index in parameters.indices { parameters[index] = .absent }
        guard let base = line.baseAddress, line.count > Self.proofBytes else { return }
        let text = Text(base: base, limit: line.count - Self.proofBytes)
        guard text[0] == UInt8(ascii: "{") else { return }
        var position = 1
        var expected = 0
        while text[position] == UInt8(ascii: "\"") {
            let name = position + 1
            let word = text.word(at: name)
            var key = expected
            while key <= last, !keys[key].matches(word, at: name, in: text) { key += 1 }
            let nameEnd = key <= last ? name + keys[key].count : text.stringEnd(from: name)
            guard text[nameEnd + 1] == UInt8(ascii: ":") else { return }
            let isKnown = key <= last
            // A key that is not wanted, or that a later version has.
            if !isKnown, Self.isBeyond(last, name: word, at: name, in: text, keys) { return }
            position = nameEnd + 2
            let start = position
            switch text[position] {
            case UInt8(ascii: "\""):
                let end = text.stringEnd(from: start + 1)
                if isKnown { values[key] = text.value(start + 1, end) }
                position = end + 1
            case UInt8(ascii: "{") where isKnown && key == Key.params.rawValue:
                position = scanParameters(text, from: start)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                // What nests otherwise, `headers` and `data`, comes behind all that is ever wanted.
                return
            default:
                position = text.scalarEnd(from: start)
                if isKnown { values[key] = text.value(start, position) }
            }
            if isKnown { expected = key + 1 }
            guard text[position] == UInt8(ascii: ",") else { return }
            position += 1
        }
    }

    private static func isBeyond(
        _ last: Int, name word: UInt64, at name: Int, in text: Text, _ keys: [KeyPattern]
    ) -> Bool {
        for key in (last + 1)..<max(last + 1, keys.count)
        where keys[key].matches(word, at: name, in: text) {
            return true
        }
        return false
    }

    /// Finds parameters in the object at `start`. The place behind it.
    private mutating func scanParameters(_ text: Text, from start: Int) -> Int {
        var position = start + 1
        while text[position] == UInt8(ascii: "\"") {
            let name = position + 1
            let nameEnd = text.stringEnd(from: name)
            guard text[nameEnd + 1] == UInt8(ascii: ":"), text[nameEnd + 2] == UInt8(ascii: "\"")
            else { return text.limit }
            let valueStart = nameEnd + 3
            let valueEnd = text.stringEnd(from: valueStart)
            for index in names.indices where text.isEqual(name..<nameEnd, names[index]) {
                parameters[index] = text.value(valueStart, valueEnd)
            }
            parameterCount += 1
            position = valueEnd + 1
            if text[position] == UInt8(ascii: ",") { position += 1 }
        }
        return position + 1
    }
}

/// How a key's name with its closing quote lies in memory.
private struct KeyPattern {
    let count: Int
    private let word: UInt64
    private let mask: UInt64

    init(_ name: StaticString) {
        count = name.utf8CodeUnitCount
        let bytes = UnsafeBufferPointer(start: name.utf8Start, count: count) + [UInt8(ascii: "\"")]
        word = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        mask = bytes.count >= 8 ? .max : (1 << UInt64(8 * bytes.count)) - 1
    }

    /// Whether the name at `start`, where `word` lies, is this one. Names that are longer than a
    /// word differ within it.
    @inline(__always)
    func matches(_ word: UInt64, at start: Int, in text: Text) -> Bool {
        word & mask == self.word && text[start + count] == UInt8(ascii: "\"")
    }
}

/// A line up to its proof.
private struct Text {
    let base: UnsafeRawPointer
    /// Where the proof begins; there are at least eight more bytes.
    let limit: Int

    /// Bytes of a string in which its end is looked for at once.
    private static let nearBytes = 32
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The byte at `position`; 0 from the proof on.
    subscript(position: Int) -> UInt8 {
        @inline(__always) get {
            position < limit ? base.load(fromByteOffset: position, as: UInt8.self) : 0
        }
    }

    /// Eight bytes; 0 from the proof on.
    @inline(__always)
    func word(at position: Int) -> UInt64 {
        position < limit ? base.loadUnaligned(fromByteOffset: position, as: UInt64.self) : 0
    }

    @inline(__always)
    func value(_ start: Int, _ end: Int) -> EventScanner.Value {
        start <= end && end <= limit
            ? EventScanner.Value(start: Int32(start), count: Int32(end - start)) : .absent
    }

    /// The place of the quote that ends the string which begins at `start`.
    @inline(__always)
    func stringEnd(from start: Int) -> Int {
        var position = start
        let near = min(limit, start + Self.nearBytes)
        while position < near {
            let word = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let marks =
                Self.zeros(word ^ (Self.ones &* 0x22)) | Self.zeros(word ^ (Self.ones &* 0x5c))
            if marks == 0 {
                position += 8
                continue
            }
            position += marks.trailingZeroBitCount / 8
            if self[position] != UInt8(ascii: "\\") { return min(position, limit) }
            position += 2
        }
        return position < limit ? farStringEnd(from: position) : limit
    }

    /// The same in a long string, no escape of which begins in front of `start`.
    private func farStringEnd(from start: Int) -> Int {
        var position = start
        while let quote = memchr(base + position, 0x22, limit - position) {
            let end = UnsafeRawPointer(quote) - base
            var escape = end
            while escape > start, self[escape - 1] == UInt8(ascii: "\\") { escape -= 1 }
            if (end - escape) % 2 == 0 { return end }
            position = end + 1
        }
        return limit
    }

    /// A top bit for each byte that is zero, right up to the first of them.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }

    /// The place behind the number or word at `start`.
    @inline(__always)
    func scalarEnd(from start: Int) -> Int {
        var position = start
        while position < limit, self[position] != UInt8(ascii: ","),
            self[position] != UInt8(ascii: "}")
        {
            position += 1
        }
        return position
    }

    @inline(__always)
    func isEqual(_ range: Range<Int>, _ bytes: [UInt8]) -> Bool {
        guard range.count == bytes.count else { return false }
        for index in bytes.indices where self[range.lowerBound + index] != bytes[index] {
            return false
        }
        return true
    }
}
