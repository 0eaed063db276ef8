internal import Bytes
internal import Glibc

/// Reads the head of a request where it was received, strictly after RFC 9112.
///
/// One for each loop: the list of fields that it fills is overwritten by the next head. It
/// allocates nothing.
final class HeadParser {
    /// How the content of a request ends (RFC 9112, section 6.3).
    enum Framing: Equatable {
        /// There is none, or so many bytes.
        case length(Int)
        case chunked
    }

    /// A whole head.
    struct Head {
        /// Bytes up to and with the empty line.
        var bytes: Int
        var parts: RequestHead.Parts
        var fieldCount: Int
        var framing: Framing
        /// Whether the connection may be used for another request (RFC 9112, section 9.3).
        var keepsAlive: Bool
        /// Whether the client waits for `100 Continue` before it sends the content.
        var expectsContinue: Bool
    }

    private let limits: HTTPLimits
    let fields: UnsafeMutableBufferPointer<RequestHead.Field>

    init(limits: HTTPLimits) {
        self.limits = limits
        fields = .allocate(capacity: limits.fieldsMax)
    }

    deinit {
        fields.deallocate()
    }

    /// Reads the head at the start of `bytes`; nil if more has to come. `seen` of them were given
    /// before, without success.
    func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, seen: Int = 0
    ) throws(RequestRefusal) -> Head? {
        let end = min(bytes.count, limits.headBytesMax)
        guard let base = bytes.baseAddress, end > seen else { return nil }
        // Only a line end can finish a head, or show that it is none.
        if seen > 0, memchr(base + seen, 0x0a, end - seen) == nil, excess(base, end) == nil {
            return nil
        }
        var cursor = Cursor(base: base, end: end)
        var message = Message()
        do throws(RequestRefusal) {
            // One empty line in front of a request is tolerated (RFC 9112, section 2.2).
            cursor.skipLineEnd()
            try readRequestLine(&cursor, &message)
            while !cursor.skipLineEnd() { try readField(&cursor, &message) }
        } catch {
            guard cursor.isUnfinished else { throw error }
            if let excess = excess(base, end) { throw excess }
            return nil
        }
        return try finish(cursor, message)
    }

    /// The limit within which an unfinished head cannot be finished; nil if it still can.
    private func excess(_ base: UnsafePointer<UInt8>, _ end: Int) -> RequestRefusal? {
        let start = end >= 2 && base[0] == 0x0d && base[1] == 0x0a ? 2 : 0
        let lineEnd = start + limits.requestLineBytesMax + 2
        if end >= lineEnd, memchr(base + start, 0x0a, lineEnd - start) == nil {
            return .targetTooLong
        }
        return end >= limits.headBytesMax ? .headTooLarge : nil
    }

    // MARK: - The request line

    /// What is known of a request while it is read.
    private struct Message {
        var parts = RequestHead.Parts()
        var fieldCount = 0
        var isAbsolute = false
        var authority = ByteRange()
        var hosts = 0
        var contentLength: Int?
        var transferEncodings = 0
        var isChunked = false
        var closes = false
        var keepsAlive = false
        var expectsContinue = false
    }

    /// `method SP request-target SP HTTP-version CRLF` (RFC 9112, section 3), one space each.
    private func readRequestLine(
        _ cursor: inout Cursor, _ message: inout Message
    ) throws(RequestRefusal) {
        let last = cursor.position + limits.requestLineBytesMax
        // What comes beyond the limit is not looked at: it might not have been there yet.
        func checkLength() throws(RequestRefusal) {
            if cursor.position > last { throw .targetTooLong }
        }
        let method = cursor.token()
        try checkLength()
        guard let method, cursor.take(UInt8(ascii: " ")) else { throw .requestLine }
        message.parts.method = HTTPMethod(name: cursor.bytes(method))
        let target = cursor.visible()
        try checkLength()
        guard target.count > 0, cursor.take(UInt8(ascii: " ")) else { throw .requestLine }
        let version = cursor.visible()
        try checkLength()
        try readVersion(version, &cursor, &message)
        message.parts.target = target
        // What nobody here implements (RFC 9110, section 9.1); 405 is the router's.
        if message.parts.method == .connect || message.parts.method == .other { throw .method }
        try readTarget(cursor.bytes(target), target, &message)
    }

    private func readVersion(
        _ version: ByteRange, _ cursor: inout Cursor, _ message: inout Message
    ) throws(RequestRefusal) {
        let text = cursor.bytes(version)
        guard cursor.skipLineEnd(), text.count == 8, let start = text.baseAddress,
            memcmp(start, "HTTP/", 5) == 0, text[6] == UInt8(ascii: "."),
            Characters.isDigit(text[5]), Characters.isDigit(text[7])
        else { throw .requestLine }
        guard text[5] == UInt8(ascii: "1"), text[7] <= UInt8(ascii: "1") else { throw .version }
        message.parts.minorVersion = Int(text[7] - UInt8(ascii: "0"))
    }

    private func readTarget(
        _ text: UnsafeBufferPointer<UInt8>, _ range: ByteRange, _ message: inout Message
    ) throws(RequestRefusal) {
        if text.count == 1, text[0] == UInt8(ascii: "*"), message.parts.method == .options {
            message.parts.path = range
            return
        }
        guard let target = RequestTarget(visible: text) else { throw .target }
        func shifted(_ part: Range<Int>) -> ByteRange {
            ByteRange(start: range.start + UInt32(part.lowerBound), count: UInt32(part.count))
        }
        message.parts.path = shifted(target.path)
        message.parts.query = shifted(target.query)
        if let authority = target.authority {
            message.isAbsolute = true
            message.authority = shifted(authority)
        }
    }

    // MARK: - Fields

    /// `field-name ":" OWS field-value OWS CRLF` (RFC 9112, section 5).
    private func readField(
        _ cursor: inout Cursor, _ message: inout Message
    ) throws(RequestRefusal) {
        guard let name = cursor.token() else {
            let first = cursor.current
            throw first == 0x20 || first == 0x09 ? .foldedField : .field
        }
        guard cursor.take(UInt8(ascii: ":")) else { throw .field }
        let value = cursor.value()
        guard cursor.skipLineEnd() else {
            throw cursor.current == 0x0d || cursor.current == 0x0a ? .lineEnd : .field
        }
        guard message.fieldCount < fields.count else { throw .tooManyFields }
        fields[message.fieldCount] = RequestHead.Field(name: name, value: value)
        message.fieldCount += 1
        let nameBytes = cursor.bytes(name).span
        if let known = RequestHead.KnownField(name: nameBytes) {
            if known == .host {
                message.hosts += 1
                guard message.hosts == 1, Characters.isHost(cursor.bytes(value)) else {
                    throw .host
                }
            }
            if message.parts[known].count == 0 { message.parts[known] = value }
        } else {
            try readFraming(
                nameBytes, cursor.bytes(value), hasTab: cursor.hasTab(after: value), &message)
        }
    }

    /// The fields that decide where the request ends and what becomes of the connection.
    private func readFraming(
        _ name: Span<UInt8>, _ value: UnsafeBufferPointer<UInt8>, hasTab: Bool,
        _ message: inout Message
    ) throws(RequestRefusal) {
        switch name.count {
        // In these two a tab behind the value is white space to RFC 9110, and an error to llhttp.
        case 14 where name.equalsIgnoringCase("content-length"):
            guard message.contentLength == nil, let length = Characters.decimal(value), !hasTab
            else {
                throw .contentLength
            }
            message.contentLength = length
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            message.transferEncodings += 1
            message.isChunked =
                value.count == 7 && value.span.equalsIgnoringCase("chunked") && !hasTab
        case 10 where name.equalsIgnoringCase("connection"):
            Characters.forEachToken(value) { token in
                if token.count == 5, token.equalsIgnoringCase("close") { message.closes = true }
                if token.count == 10, token.equalsIgnoringCase("keep-alive") {
                    message.keepsAlive = true
                }
            }
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.count == 12, value.span.equalsIgnoringCase("100-continue") else {
                throw .expectation
            }
            message.expectsContinue = true
        default: break
        }
    }

    // MARK: - What follows

    private func finish(
        _ cursor: Cursor, _ message: Message
    ) throws(RequestRefusal) -> Head {
        let isNew = message.parts.minorVersion == 1
        if isNew, message.hosts == 0 { throw .host }
        if message.isAbsolute, message.hosts > 0,
            !Characters.isEqual(
                cursor.bytes(message.authority), cursor.bytes(message.parts[.host]))
        {
            throw .host
        }
        let framing = try framing(message)
        return Head(
            bytes: cursor.position, parts: message.parts, fieldCount: message.fieldCount,
            framing: framing,
            keepsAlive: !message.closes && (isNew || message.keepsAlive),
            expectsContinue: message.expectsContinue && isNew)
    }

    /// RFC 9112, sections 6.1 to 6.3. What could be read in two ways is refused.
    private func framing(_ message: Message) throws(RequestRefusal) -> Framing {
        if message.transferEncodings > 0 {
            guard message.contentLength == nil, message.parts.minorVersion == 1 else {
                throw .transferEncoding
            }
            guard message.transferEncodings == 1, message.isChunked else { throw .transferCoding }
        }
        let length = message.contentLength ?? 0
        switch message.parts.method {
        case .get, .head, .delete, .options, .trace:
            guard length == 0, !message.isChunked else { throw .unexpectedContent }
            return .length(0)
        default: break
        }
        if message.isChunked { return .chunked }
        guard message.contentLength != nil else { throw .lengthRequired }
        guard length <= limits.bodyBytesMax else { throw .contentTooLarge }
        return .length(length)
    }
}

/// A place in a head.
private struct Cursor {
    let base: UnsafePointer<UInt8>
    let end: Int
    private(set) var position = 0

    init(base: UnsafePointer<UInt8>, end: Int) {
        self.base = base
        self.end = end
    }

    /// Whether the bytes end here, or within a line end.
    var isUnfinished: Bool {
        position == end || (position + 1 == end && base[position] == 0x0d)
    }

    /// The byte here; 0 at the end.
    var current: UInt8 { position < end ? base[position] : 0 }

    func bytes(_ range: ByteRange) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + Int(range.start), count: Int(range.count))
    }

    /// Whether a tab stands between `range` and the line end that was passed last.
    func hasTab(after range: ByteRange) -> Bool {
        var index = range.range.upperBound
        while index < position {
            if base[index] == 0x09 { return true }
            index += 1
        }
        return false
    }

    /// Passes over CRLF. Whether there was one.
    @discardableResult
    mutating func skipLineEnd() -> Bool {
        guard position + 1 < end, base[position] == 0x0d, base[position + 1] == 0x0a else {
            return false
        }
        position += 2
        return true
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    /// A token (RFC 9110, section 5.6.2); nil if there is none.
    mutating func token() -> ByteRange? {
        let start = position
        // Field names are letters and hyphens, nearly always.
        skip { $0.exceptLettersAndHyphens }
        var index = position
        // The table is looked up for other ends only, as that takes a call.
        if current != UInt8(ascii: ":") {
            let tokens = Characters.tokens
            while index < end, tokens.contains(base[index]) { index += 1 }
        }
        position = index
        return index > start ? ByteRange(start..<index) : nil
    }

    /// Visible ASCII characters up to the next that is none.
    mutating func visible() -> ByteRange {
        let start = position
        skip { Characters.invisible(in: $0) }
        while position < end, base[position] > 0x20, base[position] < 0x7f { position += 1 }
        return ByteRange(start..<position)
    }

    /// A field value without the white space around it, up to the first byte that cannot be in one.
    mutating func value() -> ByteRange {
        while current == 0x20 || current == 0x09 { position += 1 }
        let start = position
        repeat {
            skip { Characters.controls(in: $0) }
            while position < end, base[position] >= 0x20, base[position] != 0x7f { position += 1 }
        } while take(0x09)
        var last = position
        while last > start, base[last - 1] == 0x20 || base[last - 1] == 0x09 { last -= 1 }
        return ByteRange(start..<last)
    }

    /// Passes over bytes, eight at a time, up to the first that `find` marks, or until fewer than
    /// eight are left.
    private mutating func skip(_ find: (EightBytes) -> EightBytes.Marks) {
        var index = position
        while end - index >= 8 {
            let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
            let place = find(EightBytes(word)).first
            index += place
            if place < 8 { break }
        }
        position = index
    }
}
