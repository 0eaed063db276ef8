@testable import EventHTTP

/// The parser of heads: what it finds lies in the input and is what it says it is, and in whatever
/// pieces the input comes, the outcome is the same.
func fuzzHead(_ input: UnsafeBufferPointer<UInt8>) {
    let parser = HeadParser(limits: limits)
    let whole = parse(input, with: parser)
    if case .found(let head) = whole {
        check(head, input, parser)
        let bytes = UnsafeBufferPointer(rebasing: input[..<head.bytes])
        precondition(parse(bytes, with: parser) == whole, "nothing behind a head belongs to it")
        let short = UnsafeBufferPointer(rebasing: input[..<(head.bytes - 1)])
        precondition(parse(short, with: parser) == .unfinished, "a head needs all its bytes")
    }
    // Three places to cut at, which the input chooses.
    for byte in input.prefix(3) {
        let cut = Int(byte) * input.count / 256
        let first = parse(UnsafeBufferPointer(rebasing: input[..<cut]), with: parser)
        switch first {
        case .unfinished:
            // Without a line end in what is new, an error may be found later.
            let next = parse(input, with: parser, seen: cut)
            precondition(
                next == whole || (whole.isRefused && next == .unfinished), "what was seen counts")
        case .found: precondition(first == whole, "a head does not depend on what follows")
        case .refused: precondition(first == whole, "nothing makes up for an error")
        }
    }
}

private let limits: HTTPLimits = {
    var limits = HTTPLimits()
    // Small enough to be reached.
    (limits.requestLineBytesMax, limits.headBytesMax, limits.fieldsMax) = (200, 600, 12)
    return limits
}()

private enum Outcome: Equatable {
    case unfinished
    case found(FoundHead)
    case refused(RequestRefusal)

    var isRefused: Bool { if case .refused = self { true } else { false } }
}

/// A head, to be compared.
private struct FoundHead: Equatable {
    let head: HeadParser.Head

    var bytes: Int { head.bytes }

    static func == (one: FoundHead, other: FoundHead) -> Bool {
        one.bytes == other.bytes && one.head.fieldCount == other.head.fieldCount
            && one.head.framing == other.head.framing
            && one.head.keepsAlive == other.head.keepsAlive
            && one.head.parts.path == other.head.parts.path
            && one.head.parts.query == other.head.parts.query
            && one.head.parts.method == other.head.parts.method
    }
}

private func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, with parser: HeadParser, seen: Int = 0
) -> Outcome {
    do throws(RequestRefusal) {
        guard let head = try parser.parse(bytes, seen: seen) else { return .unfinished }
        return .found(FoundHead(head: head))
    } catch {
        return .refused(error)
    }
}

private func check(
    _ found: FoundHead, _ input: UnsafeBufferPointer<UInt8>, _ parser: HeadParser
) {
    let head = found.head
    precondition(head.bytes <= min(input.count, limits.headBytesMax))
    let text = Array(input[..<head.bytes])
    precondition(text.suffix(4) == Array("\r\n\r\n".utf8)[...], "an empty line ends it")
    for index in text.indices {
        precondition(text[index] != 0, "NUL")
        if text[index] == 0x0a { precondition(index > 0 && text[index - 1] == 0x0d, "bare LF") }
        if text[index] == 0x0d { precondition(text[index + 1] == 0x0a, "bare CR") }
    }
    precondition(head.fieldCount <= limits.fieldsMax)
    var lengths = 0
    var hosts = 0
    for field in parser.fields[..<head.fieldCount] {
        let name = String(decoding: text[field.name.range], as: UTF8.self).lowercased()
        let value = text[field.value.range]
        precondition(!name.isEmpty && !name.contains(" "), "a name is a token")
        precondition(value.allSatisfy { $0 == 9 || ($0 >= 0x20 && $0 != 0x7f) }, "a value")
        precondition(value.first != 0x20 && value.last != 0x20, "white space is not in it")
        if name == "content-length" { lengths += 1 }
        if name == "host" { hosts += 1 }
    }
    precondition(lengths <= 1 && hosts <= 1)
    precondition(hosts == 1 || head.parts.minorVersion == 0)
    precondition(head.framing != .chunked || lengths == 0)
    let target = text[head.parts.target.range]
    precondition(target.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") })
}

/// The reader of chunks: in one piece or byte by byte, the content is the same.
func fuzzChunks(_ input: UnsafeBufferPointer<UInt8>) {
    let whole = readChunks(input, step: input.count)
    let single = readChunks(input, step: 1)
    precondition(whole.isComplete == single.isComplete && whole.isRefused == single.isRefused)
    precondition(whole.isRefused || whole.content == single.content)
    precondition(whole.isRefused || whole.content.count <= whole.used)
}

private func readChunks(
    _ input: UnsafeBufferPointer<UInt8>, step: Int
) -> (content: [UInt8], used: Int, isComplete: Bool, isRefused: Bool) {
    var reader = ChunkedReader(limits: limits)
    var content: [UInt8] = []
    var used = 0
    do throws(RequestRefusal) {
        while used < input.count, !reader.isComplete {
            let end = min(input.count, used + max(1, step))
            let count = try reader.read(UnsafeBufferPointer(rebasing: input[used..<end])) {
                content += $0
            }
            precondition(count > 0 || reader.isComplete, "it takes what it is given")
            used += count
        }
    } catch {
        return (content, used, false, true)
    }
    return (content, used, reader.isComplete, false)
}
