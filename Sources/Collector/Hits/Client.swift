internal import Bytes
internal import EventHTTP
internal import Tracking

/// Who sent a request, to which host and by which scheme, after what trusted proxies say.
///
/// A proxy appends the address of its own peer to `X-Forwarded-For`, or to `Forwarded` (RFC 7239).
/// So the list is read from its end, over all fields of the name, for as long as the addresses in it
/// are those of trusted proxies: what stands in front, anybody may have written.
enum Client {
    /// A piece of the value of a field.
    private struct Piece {
        let field: Int
        let range: Range<Int>
    }

    /// Where it stands; nil for what the connection itself says.
    private struct Pieces {
        var address: Piece?
        var host: Piece?
        var scheme: Piece?
    }

    /// Calls `body` with the client's address, empty if it is not known, the host that it asked for,
    /// and whether it spoke TLS. Of a peer that is not trusted it is what the connection says: its
    /// own address, its `Host`, and TLS only after a PROXY header. `X-Forwarded-For` and its like
    /// count before `Forwarded`, which most proxies pass on as it came.
    static func with<Result>(
        _ head: borrowing RequestHead, _ trusted: TrustedProxies,
        _ body: (_ address: Span<UInt8>, _ host: Span<UInt8>, _ isSecure: Bool) -> Result
    ) -> Result {
        guard trusted.trusts(peer: head.peer) else {
            return body(head.peer, head[.host], head.isSecure)
        }
        let pieces = pieces(head, trusted)
        let ownAddress = head.peer
        let ownHost = head[.host]
        let isSecure =
            pieces.scheme == nil
            ? head.isSecure : text(pieces.scheme, of: head, else: Span()).isEqual(to: "https")
        return body(
            text(pieces.address, of: head, else: ownAddress),
            text(pieces.host, of: head, else: ownHost), isSecure)
    }

    /// The names of the fields, in lower case, that say the client's address, host and scheme; nil
    /// for what the connection itself says, and `Host`.
    static func sources(
        _ head: borrowing RequestHead, _ trusted: TrustedProxies
    ) -> (address: String?, host: String?, scheme: String?) {
        guard trusted.trusts(peer: head.peer) else { return (nil, nil, nil) }
        let pieces = pieces(head, trusted)
        let fields = [pieces.address, pieces.host, pieces.scheme].map { $0?.field }
        var names: [String?] = []
        for field in fields {
            guard let field else {
                names.append(nil)
                continue
            }
            names.append(
                String(decoding: Array(head.fieldName(at: field)), as: UTF8.self).lowercased())
        }
        return (names[0], names[1], names[2])
    }

    /// Whether anybody says for which address he asks, to be believed or not.
    static func isForwarded(_ head: borrowing RequestHead) -> Bool {
        elements(of: head, "x-forwarded-for") { _, _ in false }
            || elements(of: head, "forwarded") { _, _ in false }
    }

    private static func pieces(
        _ head: borrowing RequestHead, _ trusted: TrustedProxies
    ) -> Pieces {
        let hasList = elements(of: head, "x-forwarded-for") { _, _ in false }
        let address =
            hasList
            ? client(head, trusted, "x-forwarded-for") { Self.address($0, $1) }
            : client(head, trusted, "forwarded") { value, element in
                forwarded("for", value, element).flatMap { Self.address(value, $0) }
            }
        return Pieces(
            address: address, host: nearest(head, "x-forwarded-host", "host"),
            scheme: nearest(head, "x-forwarded-proto", "proto"))
    }

    @_lifetime(copy head, copy other)
    private static func text(
        _ piece: Piece?, of head: borrowing RequestHead, else other: Span<UInt8>
    ) -> Span<UInt8> {
        guard let piece else { return other }
        let value = head.fieldValue(at: piece.field)
        return value.extracting(piece.range)
    }

    /// The first address from the end that is not a trusted proxy's, or the last one that can be
    /// read.
    private static func client(
        _ head: borrowing RequestHead, _ trusted: TrustedProxies, _ name: StaticString,
        _ address: (Span<UInt8>, Range<Int>) -> Range<Int>?
    ) -> Piece? {
        var found: Piece?
        elements(of: head, name) { field, range in
            let value = head.fieldValue(at: field)
            guard let place = address(value, range),
                let hop = IPAddress(text: value.extracting(place))
            else { return false }
            found = Piece(field: field, range: place)
            return trusted.contains(hop)
        }
        return found
    }

    /// What the nearest proxy wrote: the last element of a field, or that parameter of the last
    /// element of `Forwarded`.
    private static func nearest(
        _ head: borrowing RequestHead, _ name: StaticString, _ parameter: StaticString
    ) -> Piece? {
        var found: Piece?
        elements(of: head, name) { field, range in
            found = range.isEmpty ? nil : Piece(field: field, range: range)
            return false
        }
        if found != nil { return found }
        elements(of: head, "forwarded") { field, range in
            found = forwarded(parameter, head.fieldValue(at: field), range).map {
                Piece(field: field, range: $0)
            }
            return false
        }
        return found
    }

    /// Calls `visit` with the elements of a list, from the last one of the last field of that name
    /// on, until it answers false. Whether there is any. A quoted comma divides them too: otherwise
    /// an open quote could hide what the proxies have appended.
    @discardableResult
    private static func elements(
        of head: borrowing RequestHead, _ name: StaticString, _ visit: (Int, Range<Int>) -> Bool
    ) -> Bool {
        var hasAny = false
        for field in (0..<head.fieldCount).reversed() {
            guard head.fieldName(at: field).isEqual(to: name) else { continue }
            hasAny = true
            let value = head.fieldValue(at: field)
            var end = value.count
            while end >= 0 {
                var start = end
                while start > 0, value[start - 1] != UInt8(ascii: ",") { start -= 1 }
                if !visit(field, value.trimmed(start..<end)) { return true }
                end = start - 1
            }
        }
        return hasAny
    }

    /// The value of a parameter of an element of `Forwarded`.
    private static func forwarded(
        _ name: StaticString, _ value: Span<UInt8>, _ element: Range<Int>
    ) -> Range<Int>? {
        var start = element.lowerBound
        while start < element.upperBound {
            var end = start
            while end < element.upperBound, value[end] != UInt8(ascii: ";") { end += 1 }
            let pair = value.trimmed(start..<end)
            start = end + 1
            let length = name.utf8CodeUnitCount
            guard pair.count > length, value[pair.lowerBound + length] == UInt8(ascii: "="),
                value.extracting(pair.prefix(length)).isEqual(to: name)
            else { continue }
            return value.unquoted(pair.dropFirst(length + 1))
        }
        return nil
    }

    /// The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` and
    /// `[2001:db8::1]:80`.
    private static func address(_ value: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        guard let first = range.first else { return nil }
        if value[first] == UInt8(ascii: "[") {
            guard let end = range.first(where: { value[$0] == UInt8(ascii: "]") }) else {
                return nil
            }
            return first + 1..<end
        }
        let colons = range.filter { value[$0] == UInt8(ascii: ":") }
        return colons.count == 1 ? first..<colons[0] : range
    }
}
