internal import EventHTTP

/// Which pages of other origins may see the replies to their hits (Fetch Standard, "CORS
/// protocol"). Their hits are stored either way.
struct CrossOrigin {
    /// The origins; nil for any.
    private let allowed: Set<[UInt8]>?

    /// Bytes of an origin that is answered.
    private static let originBytesMax = 512

    /// The reply to a preflight, beside what `addFields` adds.
    static let preflight = Response(
        .noContent,
        [
            .init("Access-Control-Allow-Methods", "GET, HEAD, POST"),
            .init("Access-Control-Allow-Headers", "content-type, content-encoding"),
            // Chromium remembers it for two hours at most.
            .init("Access-Control-Max-Age", "7200"),
        ])

    /// Allows the origins of the setting, of which `*` is any.
    init(allowed origins: [String]) {
        allowed = origins.contains("*") ? nil : Set(origins.map { Array($0.utf8) })
    }

    /// Whether `text` is an origin as browsers write it (RFC 6454, section 6.2).
    static func isOrigin(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://") else { return false }
        let host = text[scheme.upperBound...]
        return scheme.lowerBound > text.startIndex && !host.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            && host.allSatisfy { !"/?#@*".contains($0) } && text == text.lowercased()
    }

    /// Whether a page of `origin` may send a visitor's choice to `host`. To opt out is everybody's to
    /// offer; to opt in again only this site's, and that of the origins that are named.
    func mayChoose(_ choice: OptOut.Choice, origin: Span<UInt8>, host: Span<UInt8>) -> Bool {
        if choice == .out || origin.count == 0 { return true }
        let text = String(decoding: Array(origin), as: UTF8.self)
        let own = String(decoding: Array(host), as: UTF8.self).lowercased()
        let asking = text.firstRange(of: "://").map { String(text[$0.upperBound...]) }
        // A proxy may have left the port out of the host.
        return asking.map { Self.withoutPort($0) == Self.withoutPort(own) } ?? false
            || allowed?.contains(Array(text.utf8)) ?? false
    }

    private static func withoutPort(_ host: String) -> Substring {
        host.hasSuffix("]") ? host[...] : host[..<(host.lastIndex(of: ":") ?? host.endIndex)]
    }

    /// Adds what lets the page of `origin` see the reply, with its cookies: never `*`.
    func addFields(for origin: Span<UInt8>, to exchange: inout HTTPExchange) {
        if origin.count == 0 { return }
        add("Vary", "Origin", to: &exchange)
        let bytes = Array(origin)
        guard bytes.count <= Self.originBytesMax, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
            allowed?.contains(bytes) ?? true
        else { return }
        exchange.addField("Access-Control-Allow-Origin", nulTerminated: (bytes + [0]).span)
        add("Access-Control-Allow-Credentials", "true", to: &exchange)
    }

    private func add(
        _ name: StaticString, _ value: StaticString, to exchange: inout HTTPExchange
    ) {
        let bytes = Array("\(value)".utf8) + [0]
        exchange.addField(name, nulTerminated: bytes.span)
    }
}
