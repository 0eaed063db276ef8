import Glibc

/// Finds the replies in what a connection receives (RFC 9112): the status, where each one ends, and
/// the cookie. It allocates nothing, and checks no more than it needs.
struct ReplyParser {
    /// What was found.
    enum Event {
        /// The head of a reply; the cookie points into what was parsed.
        case head(cookie: UnsafeBufferPointer<UInt8>)
        /// The end of a reply.
        case end
        /// Nothing more. What was not consumed is the beginning of something.
        case needsMore
        /// This is no reply.
        case malformed
    }

    private enum Phase {
        case head
        case body(Int)
        case chunkSize
        case chunk(Int)
        case trailer
        case untilClose
        case end
    }

    /// The status of the reply whose head was found last.
    private(set) var status = 0
    /// Whether the server closes the connection after it.
    private(set) var closes = false
    private var phase = Phase.head

    /// Whether a reply has begun whose end is that of the connection.
    var endsWithConnection: Bool {
        if case .untilClose = phase { return true }
        return false
    }

    /// The longest head, in bytes.
    static let headBytesMax = 32 << 10

    /// Looks at `bytes` from `offset` on, and moves it behind what was consumed.
    mutating func next(
        in bytes: UnsafeBufferPointer<UInt8>, at offset: inout Int, isHead: Bool
    ) -> Event {
        while true {
            let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
            switch phase {
            case .head:
                guard let length = Self.headLength(rest) else {
                    return rest.count > Self.headBytesMax ? .malformed : .needsMore
                }
                offset += length
                let head = UnsafeBufferPointer(rebasing: rest[..<length])
                guard let cookie = parse(head, isHead: isHead) else { return .malformed }
                // An interim response: the final one follows.
                if (100...199).contains(status) {
                    phase = .head
                    continue
                }
                return .head(cookie: cookie)
            case .body(let wanted):
                guard let left = skip(wanted, rest.count, &offset) else {
                    phase = .end
                    continue
                }
                phase = .body(left)
                return .needsMore
            case .chunkSize:
                guard let line = Self.line(rest) else { return .needsMore }
                guard let size = Self.hexadecimal(line) else { return .malformed }
                offset += line.count
                // A chunk is followed by a line break, the last one by the trailer.
                phase = size == 0 ? .trailer : .chunk(size + 2)
            case .chunk(let wanted):
                guard let left = skip(wanted, rest.count, &offset) else {
                    phase = .chunkSize
                    continue
                }
                phase = .chunk(left)
                return .needsMore
            case .trailer:
                guard let line = Self.line(rest) else { return .needsMore }
                offset += line.count
                if line.count <= 2 { phase = .end }
            case .untilClose:
                offset = bytes.count
                return .needsMore
            case .end:
                phase = .head
                return .end
            }
        }
    }

    /// Forgets what was begun, for a new connection.
    mutating func reset() {
        phase = .head
        closes = false
    }

    /// How much of `wanted` is left after what there is; nil if it is all there.
    private func skip(_ wanted: Int, _ available: Int, _ offset: inout Int) -> Int? {
        offset += min(wanted, available)
        return wanted > available ? wanted - available : nil
    }

    private static func headLength(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        // Lines are long enough for memchr(3) to beat a search for the four bytes of the end.
        var length = 0
        while let line = line(UnsafeBufferPointer(rebasing: bytes[length...])) {
            length += line.count
            if line.count <= 2 { return length }
        }
        return nil
    }

    /// A line with its end.
    private static func line(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        guard let start = bytes.baseAddress, let end = memchr(start, 0x0a, bytes.count) else {
            return nil
        }
        return UnsafeBufferPointer(
            start: start, count: UnsafeRawPointer(end) - UnsafeRawPointer(start) + 1)
    }

    /// The cookie of a head, empty if there is none; nil if it is no head. Sets the phase.
    private mutating func parse(
        _ head: UnsafeBufferPointer<UInt8>, isHead: Bool
    ) -> UnsafeBufferPointer<UInt8>? {
        // "HTTP/1.1 200 "
        guard head.count > 12, Self.begins(head, "http/1."),
            let code = Self.decimal(head, from: 9, 12)
        else { return nil }
        status = code
        closes = head[7] == 0x30
        var length: Int?
        var isChunked = false
        var cookie = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        var rest = UnsafeBufferPointer(rebasing: head[(Self.line(head)?.count ?? 0)...])
        while let line = Self.line(rest), line.count > 2 {
            switch line[0] | 0x20 {
            case 0x63 where Self.begins(line, "content-length:"):
                guard let value = Self.decimal(line, from: 15, line.count) else { return nil }
                length = value
            case 0x63 where Self.begins(line, "connection:"):
                let value = Self.value(line, from: 11)
                if Self.begins(value, "close") { closes = true }
                if Self.begins(value, "keep-alive") { closes = false }
            case 0x73 where Self.begins(line, "set-cookie:"):
                if cookie.isEmpty { cookie = Self.value(line, from: 11, endingWith: 0x3b) }
            case 0x74 where Self.begins(line, "transfer-encoding:"):
                isChunked = Self.begins(Self.value(line, from: 18), "chunked")
            default: break
            }
            rest = UnsafeBufferPointer(rebasing: rest[line.count...])
        }
        if isHead || status == 204 || status == 304 {
            phase = .end
        } else if isChunked {
            phase = .chunkSize
        } else if let length {
            phase = .body(length)
        } else {
            phase = .untilClose
            closes = true
        }
        return cookie
    }

    /// Whether the bytes begin with a text in lower case, whatever their case.
    private static func begins(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where bytes[index] | 0x20 != text.utf8Start[index] | 0x20 { return false }
        return true
    }

    /// The value of a field without the white space around it.
    private static func value(
        _ line: UnsafeBufferPointer<UInt8>, from start: Int, endingWith end: UInt8 = 0x0d
    ) -> UnsafeBufferPointer<UInt8> {
        var (start, last) = (start, line.count)
        while start < last, line[start] == 0x20 || line[start] == 0x09 { start += 1 }
        if let base = line.baseAddress, let found = memchr(base + start, Int32(end), last - start) {
            last = UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
        while last > start, line[last - 1] <= 0x20 { last -= 1 }
        return UnsafeBufferPointer(rebasing: line[start..<last])
    }

    /// The number that stands in a part of the bytes, with white space around it.
    private static func decimal(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ end: Int
    ) -> Int? {
        var (result, digits) = (0, 0)
        for index in start..<end {
            switch bytes[index] {
            case 0x30...0x39 where digits < 15:
                result = result * 10 + Int(bytes[index] - 0x30)
                digits += 1
            case 0x20, 0x09, 0x0d, 0x0a: continue
            default: return nil
            }
        }
        return digits > 0 ? result : nil
    }

    /// The size of a chunk, before its extensions.
    private static func hexadecimal(_ line: UnsafeBufferPointer<UInt8>) -> Int? {
        var (result, digits) = (0, 0)
        scan: for byte in line {
            switch byte {
            case 0x30...0x39: result = result << 4 | Int(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: result = result << 4 | Int(byte & 0x0f + 9)
            default: break scan
            }
            digits += 1
            if digits > 12 { return nil }
        }
        return digits > 0 ? result : nil
    }
}
