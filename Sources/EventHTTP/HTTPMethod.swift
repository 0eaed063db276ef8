internal import Glibc

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

extension HTTPMethod {
    /// The methods that have a name, in order of how often they come.
    private static let named: [HTTPMethod] = [
        .get, .post, .head, .options, .put, .delete, .trace, .connect, .patch,
    ]

    /// The method of that name. Names are compared with regard to case (RFC 9110, section 9.1).
    init(name: UnsafeBufferPointer<UInt8>) {
        let found = Self.named.first { method in
            guard method.name.utf8CodeUnitCount == name.count, let start = name.baseAddress else {
                return false
            }
            return memcmp(method.name.utf8Start, start, name.count) == 0
        }
        self = found ?? .other
    }
}
