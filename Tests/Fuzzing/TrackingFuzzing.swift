import Foundation

@testable import Tracking

/// A query: the parameters of the event are those of a reading by the book.
func fuzzQuery(_ input: UnsafeBufferPointer<UInt8>) {
    let event = decodedEvent(query: Array(input), userAgent: [])
    var expected: [String: String] = [:]
    for pair in input.split(separator: UInt8(ascii: "&")).prefix(Event.paramsMax) {
        let parts = pair.split(
            separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let name = formDecoded(parts[0])
        if expected[name] == nil { expected[name] = parts.count > 1 ? formDecoded(parts[1]) : "" }
    }
    if expected.contains(where: { hasMark($0.key) || hasMark($0.value) }) { return }
    let found = event["params"] as? [String: String] ?? [:]
    // Beyond the limit a repeated name makes room for another one.
    let isWhole = input.split(separator: UInt8(ascii: "&")).count <= Event.paramsMax
    precondition(!isWhole || found == expected, "\(found) is not \(expected)")
}

/// Whether JSONSerialization may read something else: it drops a byte order mark at the start of a
/// string, and behind an escaped character.
private func hasMark(_ text: String) -> Bool { text.unicodeScalars.contains("\u{feff}") }

/// WHATWG URL Standard, section 5.1, a byte at a time.
private func formDecoded(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> String {
    let bytes = Array(text)
    var decoded: [UInt8] = []
    var index = 0
    while index < bytes.count {
        let digits = bytes[(index + 1)...].prefix(2)
        if bytes[index] == UInt8(ascii: "%"), digits.count == 2,
            digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 0x80 }),
            let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        {
            decoded.append(byte)
            index += 3
        } else {
            decoded.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
            index += 1
        }
    }
    return String(decoding: decoded, as: UTF8.self)
}

/// A Cookie field: the values of a name are those of a reading by the book.
func fuzzCookie(_ input: UnsafeBufferPointer<UInt8>) {
    var found: [[UInt8]] = []
    let name = Array("id".utf8)
    CookieHeader.forEachValue(of: name.span, in: input.span) { value in
        found.append(value.indices.map { value[$0] })
        return true
    }
    let expected = input.split(separator: UInt8(ascii: ";")).compactMap { pair -> [UInt8]? in
        let parts = pair.split(
            separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, trimmed(parts[0]) == name else { return nil }
        let value = trimmed(parts[1])
        let quote = UInt8(ascii: "\"")
        return value.count >= 2 && value.first == quote && value.last == quote
            ? Array(value[1..<(value.count - 1)]) : value
    }
    precondition(found == expected, "\(found) is not \(expected)")
    // An identifier is kept just if it is one.
    for value in found {
        let text = String(decoding: value, as: UTF8.self)
        let form = /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/
        let isIdentifier = text.wholeMatch(of: form) != nil
        let identifier = Tracking.UUID(text: value.span)
        precondition((identifier != nil) == isIdentifier, text)
        precondition(identifier == nil || identifier?.description == text.lowercased(), text)
    }
}

private func trimmed(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    return Array(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
}

/// The encoder of events: whatever the fields hold, the line is JSON, and each field is the text
/// that Swift and Foundation make of the same bytes.
func fuzzEvent(_ input: UnsafeBufferPointer<UInt8>) {
    let userAgent = Array(input)
    let event = decodedEvent(query: [], userAgent: userAgent)
    let expected = String(decoding: userAgent, as: UTF8.self)
    if hasMark(expected) { return }
    precondition(event["user_agent"] as? String ?? "" == expected, "\(event)")
}

/// The content of a beacon: what is taken for an object is one to Foundation too, and the objects
/// lie in the input one after the other.
func fuzzBeacon(_ input: UnsafeBufferPointer<UInt8>) {
    var end = 0
    for item in BeaconContent(input.span).items {
        guard case .object(let range) = item else { continue }
        precondition(range.lowerBound >= end && range.upperBound <= input.count)
        end = range.upperBound
        let object = Data(input[range])
        // A number may be too large for it, and it counts depth in another way.
        if String(decoding: object, as: UTF8.self).contains(/[0-9][eE]|[0-9]{20}/) { continue }
        precondition(
            (try? JSONSerialization.jsonObject(with: object)) is [String: Any],
            String(decoding: object, as: UTF8.self))
    }
}

private func decodedEvent(query: [UInt8], userAgent: [UInt8]) -> [String: Any] {
    let empty: [UInt8] = []
    let time = Timestamp(microseconds: 1)
    let visitor = Visitor(random: (1, 2))
    let event = Event(
        kind: .track, id: .version7(time: time, random: 3), time: time, visitor: visitor,
        request: Event.Request(
            method: "GET", path: empty.span, query: query.span, address: empty.span,
            userAgent: userAgent.span, referrer: empty.span, language: empty.span,
            host: empty.span, origin: empty.span))
    // Exactly the memory that it asks for.
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: event.encodedBytesMax)
    defer { memory.deallocate() }
    var output = OutputSpan(buffer: memory, initializedCount: 0)
    event.encode(into: &output, aliases: .none)
    let count = output.finalize(for: memory)
    let line = Data(memory[..<count]) + Data("}".utf8)
    precondition(!line.contains { $0 < 0x20 }, "a line has no control characters")
    guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
        preconditionFailure("not JSON: \(String(decoding: line, as: UTF8.self))")
    }
    return object
}
