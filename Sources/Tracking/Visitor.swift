/// Whom a hit comes from, as far as a cookie tells.
public struct Visitor: Equatable, Sendable {
    /// The identifier that the visitor's cookie carries from now on.
    public let id: UUID
    /// Whether the visitor came without a usable identifier and was given this one.
    public let isNew: Bool

    /// The visitor that `cookies`, the value of the `Cookie` field, names. A valid UUID in `cookie`
    /// is kept (the first of several); anything else is as if it were absent, and a new one is
    /// made from `random`.
    public init(
        cookies: Span<UInt8>, cookie: VisitorCookie, random: @autoclosure () -> (UInt64, UInt64)
    ) {
        var known: UUID?
        CookieHeader.forEachValue(of: cookie.name.span, in: cookies) { value in
            known = UUID(text: value)
            return known == nil
        }
        id = known ?? .version4(random: random())
        isNew = known == nil
    }
}

/// The cookie that keeps a visitor's identifier.
public struct VisitorCookie: Sendable {
    /// The cookie's name.
    public let name: [UInt8]
    private let prefix: [UInt8]
    private let attributes: [UInt8]

    /// The lifetime in seconds: a year from the latest hit.
    public static let lifetimeSeconds = 31_536_000

    /// The cookie called `name`, a token (RFC 6265, section 4.1.1).
    public init(name: String = "id") {
        self.name = Array(name.utf8)
        prefix = Array("\(name)=".utf8)
        attributes = Array(
            "; Path=/; Max-Age=\(Self.lifetimeSeconds); HttpOnly; SameSite=Lax".utf8)
    }

    /// The length of a `Set-Cookie` value, in bytes.
    public var setCookieBytes: Int { prefix.count + UUID.textBytes + attributes.count }

    /// Appends the value of `Set-Cookie` for `visitor`, `setCookieBytes` long.
    public func appendSetCookie(for visitor: Visitor, to output: inout OutputSpan<UInt8>) {
        output.append(prefix.span)
        visitor.id.append(to: &output)
        output.append(attributes.span)
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
