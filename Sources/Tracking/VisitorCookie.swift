/// The cookie that keeps a visitor's identifier: its names, and the text of `Set-Cookie` for each
/// host and scheme.
public struct VisitorCookie: Sendable {
    /// How a cookie that a browser keeps is described (RFC 6265bis, section 4.1.2; CHIPS).
    public struct Attributes: Equatable, Sendable {
        /// Hosts whose subdomains share the cookie. That one is chosen which the request's host is,
        /// or ends in after a dot; of several the longest; otherwise the cookie is the host's alone.
        public var domains: [String] = []
        /// The path below which it is sent.
        public var path = "/"
        /// Seconds from the latest hit; 400 days at most, more a browser does not keep.
        public var lifetimeSeconds = 31_536_000.0
        /// Whether scripts cannot see it.
        public var isHTTPOnly = true
        /// Whether it is sent over https only.
        public var isSecure = false
        /// With which requests from other sites it is sent.
        public var sameSite = SameSite.lax
        /// Whether there is one for each site in whose pages it was set (CHIPS).
        public var isPartitioned = false

        /// A cookie of the page's own site.
        public init() {}
    }

    /// With which requests from other sites a cookie is sent.
    public enum SameSite: String, CaseIterable, Sendable {
        /// With none.
        case strict = "Strict"
        /// When a link was followed.
        case lax = "Lax"
        /// With all.
        case none = "None"
    }

    /// Which `Set-Cookie` a request gets.
    public struct Variant: Equatable, Sendable {
        fileprivate let index: Int
    }

    /// The names under which it is looked for; it is set under the first.
    public let names: [[UInt8]]
    private let domains: [[UInt8]]
    /// The attributes as text, for each domain and for none; those over http first, then https.
    private let texts: [[UInt8]]
    private let expiryTexts: [[UInt8]]

    /// The cookie called by the first of `names`, tokens (RFC 6265, section 4.1.1).
    public init(
        names: [String] = ["id"], overHTTP: Attributes = Attributes(),
        overHTTPS: Attributes = Attributes()
    ) {
        precondition(!names.isEmpty && overHTTP.domains == overHTTPS.domains, "checked before")
        self.names = names.map { Array($0.utf8) }
        let ordered = overHTTP.domains.sorted { $0.utf8.count > $1.utf8.count }
        domains = ordered.map { Array($0.utf8) }
        let hosts: [String?] = ordered.map { $0 } + [nil]
        texts = [overHTTP, overHTTPS].flatMap { attributes in
            hosts.map { Array(attributes.text(domain: $0, isExpiry: false).utf8) }
        }
        expiryTexts = [overHTTP, overHTTPS].flatMap { attributes in
            hosts.map { Array(attributes.text(domain: $0, isExpiry: true).utf8) }
        }
    }

    /// The variant for a request to `host`, as in its `Host` field, that came over https or not.
    public func variant(host: Span<UInt8>, isSecure: Bool) -> Variant {
        var domain = 0
        if !domains.isEmpty {
            let end = host.firstIndex(of: UInt8(ascii: ":"), in: 0..<host.count) ?? host.count
            while domain < domains.count, !host.isWithin(domains[domain], upTo: end) {
                domain += 1
            }
        }
        return Variant(index: domain + (isSecure ? domains.count + 1 : 0))
    }

    /// The identifier that `cookies`, the value of the `Cookie` field, carry: the first valid UUID
    /// under one of the names, of which the first count most. Anything else is as if it were absent.
    public func identifier(in cookies: Span<UInt8>) -> UUID? {
        if cookies.count == 0 { return nil }
        for name in names {
            var found: UUID?
            CookieHeader.forEachValue(of: name.span, in: cookies) { value in
                found = UUID(text: value)
                return found == nil
            }
            if let found { return found }
        }
        return nil
    }

    /// Whether `cookies` have a cookie of that name, whatever its value.
    public static func isPresent(_ name: [UInt8], in cookies: Span<UInt8>) -> Bool {
        var isPresent = false
        CookieHeader.forEachValue(of: name.span, in: cookies) { _ in
            isPresent = true
            return false
        }
        return isPresent
    }

    /// The length of the longest `Set-Cookie` value, in bytes.
    public var setCookieBytesMax: Int {
        let names = self.names.map(\.count).max() ?? 0
        let attributes = (texts + expiryTexts).map(\.count).max() ?? 0
        return names + 1 + UUID.textBytes + attributes
    }

    /// Appends the value of `Set-Cookie` for `visitor`, of `setCookieBytesMax` at most.
    public func appendSetCookie(
        for visitor: Visitor, _ variant: Variant, to output: inout OutputSpan<UInt8>
    ) {
        let (name, attributes) = (names[0], texts[variant.index])
        output.append(name.span)
        output.append(UInt8(ascii: "="))
        visitor.id.append(to: &output)
        output.append(attributes.span)
    }

    /// The value of `Set-Cookie` by which the cookie holds `value`.
    public func setCookie(value: String, _ variant: Variant) -> [UInt8] {
        names[0] + Array("=\(value)".utf8) + texts[variant.index]
    }

    /// The values of `Set-Cookie` by which the cookie is taken away, under each of its names (RFC
    /// 6265, section 3.1).
    public func expiries(_ variant: Variant) -> [[UInt8]] {
        names.map { $0 + [UInt8(ascii: "=")] + expiryTexts[variant.index] }
    }
}

extension VisitorCookie.Attributes {
    /// The attributes as they stand behind the value, for a domain or the host alone. A cookie is
    /// taken away with the attributes with which it was set.
    public func text(domain: String?, isExpiry: Bool) -> String {
        var text = "; Path=\(path)"
        if let domain { text += "; Domain=\(domain)" }
        text += "; Max-Age=\(isExpiry ? 0 : Int(lifetimeSeconds))"
        if isHTTPOnly { text += "; HttpOnly" }
        if isSecure { text += "; Secure" }
        text += "; SameSite=\(sameSite.rawValue)"
        if isPartitioned { text += "; Partitioned" }
        return text
    }
}

extension Span<UInt8> {
    /// Whether the bytes up to `end` are `domain`, in lower case, or end in it after a dot; letters
    /// in either case.
    fileprivate func isWithin(_ domain: [UInt8], upTo end: Int) -> Bool {
        let start = end - domain.count
        guard start >= 0, start == 0 || self[start - 1] == UInt8(ascii: ".") else { return false }
        for index in domain.indices {
            let byte = self[start + index]
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if (isUpper ? byte | 0x20 : byte) != domain[index] { return false }
        }
        return true
    }
}

extension OutputSpan<UInt8> {
    /// Appends bytes for which there is room.
    @_lifetime(self: copy self)
    mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= freeCapacity, "the caller reserved too little")
        unsafe withUnsafeMutableBufferPointer { buffer, count in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe _ = buffer[count...].update(fromContentsOf: bytes)
            }
            count += bytes.count
        }
    }
}
