/// A request method (RFC 9110, section 9, and PATCH of RFC 5789).
public enum HTTPMethod: UInt8, Sendable {
    case get, head, post, put, delete, options, trace, connect, patch
    /// A method of some other specification.
    case other

    /// The method as it is written on the wire; `other` has no name of its own.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .patch: "PATCH"
        case .other: "OTHER"
        }
    }
}
