internal import Glibc

/// Where a server listens: a TCP address, or a unix socket.
public enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A numeric or named host and a port; port 0 lets the system choose.
    case tcp(host: String, port: UInt16)
    /// The path of a unix socket, at most 107 bytes (unix(7)).
    case unix(path: String)

    /// The longest path of a unix socket, in bytes (`sockaddr_un`, less the closing NUL).
    public static let unixPathBytesMax = 107

    /// Why a text is not an address.
    public struct ParseError: Error, Equatable, CustomStringConvertible {
        /// What is wrong, and what is expected.
        public let description: String
    }

    /// Reads `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000` or `unix:/path`.
    public init(parsing text: String) throws(ParseError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty, path.utf8.count <= Self.unixPathBytesMax else {
                throw ParseError(
                    description:
                        "'\(text)': a unix socket's path has 1 to \(Self.unixPathBytesMax) bytes")
            }
            self = .unix(path: path)
            return
        }
        let expected = "expected HOST:PORT, [IPV6]:PORT or unix:/PATH"
        guard let colon = text.lastIndex(of: ":") else {
            throw ParseError(description: "'\(text)': \(expected)")
        }
        guard let port = UInt16(text[text.index(after: colon)...]) else {
            throw ParseError(description: "'\(text)': a port is a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw ParseError(description: "'\(text)': an IPv6 address goes in brackets")
        }
        guard !host.isEmpty else { throw ParseError(description: "'\(text)': \(expected)") }
        self = .tcp(host: String(host), port: port)
    }

    /// The address as `init(parsing:)` reads it.
    public var description: String {
        switch self {
        case .tcp(let host, let port) where host.contains(":"): "[\(host)]:\(port)"
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
