internal import CLibevent
internal import Glibc

/// Copies the head of an evhttp request into one piece of memory, where a `RequestHead` can point.
///
/// One for each server; each request overwrites the one before.
final class EvhttpHead {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let fields: UnsafeMutableBufferPointer<RequestHead.Field>
    private var used = 0

    /// The longest text of an address with its scope, in bytes.
    private static let peerBytesMax = 128

    init(limits: HTTPLimits) {
        bytes = .allocate(capacity: limits.headBytesMax + Self.peerBytesMax)
        fields = .allocate(capacity: limits.fieldsMax)
    }

    deinit {
        bytes.deallocate()
        fields.deallocate()
    }

    /// Calls `body` with the head of `request`; answers with the status of the refusal instead if
    /// it is not one that Footfall serves. `peer` is its address in text, nil for a unix socket.
    func read(
        _ request: UnsafeMutablePointer<evhttp_request>, peer: UnsafePointer<CChar>?,
        _ body: (borrowing RequestHead) -> Void
    ) -> HTTPStatus? {
        used = 0
        // evhttp takes any two numbers for a version.
        guard request.pointee.major == 1, (0...1).contains(request.pointee.minor) else {
            return .httpVersionNotSupported
        }
        var parts = RequestHead.Parts()
        parts.minorVersion = Int(request.pointee.minor)
        parts.method = HTTPMethod(evhttp_request_get_command(request))
        guard let target = copy(evhttp_request_get_uri(request)) else {
            return .requestHeaderFieldsTooLarge
        }
        guard let found = RequestTarget(UnsafeBufferPointer(rebasing: bytes[target.range]).span)
        else { return .badRequest }
        parts.target = target
        parts.path = ByteRange(found.path)
        parts.query = ByteRange(found.query)
        if let peer {
            guard let address = copy(peer.withoutMappedPrefix) else {
                return .requestHeaderFieldsTooLarge
            }
            parts.peer = address
        }
        guard let count = copyFields(of: request, &parts) else {
            return .requestHeaderFieldsTooLarge
        }
        body(
            RequestHead(
                bytes: UnsafeBufferPointer(rebasing: bytes[..<used]).span,
                fields: UnsafeBufferPointer(rebasing: fields[..<count]).span, parts: parts))
        return nil
    }

    /// The number of fields; nil if there are too many.
    private func copyFields(
        of request: UnsafeMutablePointer<evhttp_request>, _ parts: inout RequestHead.Parts
    ) -> Int? {
        var count = 0
        var next = evhttp_request_get_input_headers(request)?.pointee.tqh_first
        while let field = next {
            guard count < fields.count, let name = copy(field.pointee.key),
                let value = copy(field.pointee.value)
            else { return nil }
            fields[count] = RequestHead.Field(name: name, value: value)
            count += 1
            let nameBytes = UnsafeBufferPointer(rebasing: bytes[name.range]).span
            if let known = RequestHead.KnownField(name: nameBytes), parts[known].count == 0 {
                parts[known] = value
            }
            next = field.pointee.next.tqe_next
        }
        return count
    }

    /// Where a copy of the C string now is; nil if it does not fit.
    private func copy(_ string: UnsafePointer<CChar>?) -> ByteRange? {
        guard let string else { return ByteRange() }
        let count = strlen(string)
        guard count <= bytes.count - used else { return nil }
        if let base = bytes.baseAddress { memcpy(base + used, string, count) }
        defer { used += count }
        return ByteRange(start: UInt32(used), count: UInt32(count))
    }
}

extension ByteRange {
    init(_ range: Range<Int>) {
        self.init(start: UInt32(range.lowerBound), count: UInt32(range.count))
    }
}

extension UnsafePointer<CChar> {
    /// The IPv4 address within `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2), or all of it.
    fileprivate var withoutMappedPrefix: UnsafePointer<CChar> {
        strncmp(self, "::ffff:", 7) == 0 && strchr(self, Int32(UInt8(ascii: "."))) != nil
            ? self + 7 : self
    }
}

extension HTTPMethod {
    init(_ command: evhttp_cmd_type) {
        switch command {
        case EVHTTP_REQ_GET: self = .get
        case EVHTTP_REQ_HEAD: self = .head
        case EVHTTP_REQ_POST: self = .post
        case EVHTTP_REQ_PUT: self = .put
        case EVHTTP_REQ_DELETE: self = .delete
        case EVHTTP_REQ_OPTIONS: self = .options
        case EVHTTP_REQ_TRACE: self = .trace
        case EVHTTP_REQ_CONNECT: self = .connect
        case EVHTTP_REQ_PATCH: self = .patch
        default: self = .other
        }
    }
}
