internal import EventHTTP
internal import Tracking

/// Who may ask the admin side what.
///
/// Without a token, a listener on loopback trusts every program of the machine, and a browser is one
/// of them: a page of anybody's whose name has been made to mean 127.0.0.1 (DNS rebinding) would be of
/// the same origin as the admin side. So it is answered only under names that mean this machine to
/// everybody. Credentials a browser does not give to such a page.
struct AdminAccess: Sendable {
    private let token: AdminToken?
    /// The names under which it may be asked, in lower case; nil for any.
    private let hosts: [String]?

    /// What becomes of a request.
    enum Verdict {
        case granted
        /// It does not show the token.
        case anonymous
        /// It came under a foreign name.
        case foreignHost
    }

    /// What holds for an admin side at `address`.
    init(_ address: ListenAddress?, _ token: AdminToken?) {
        self.token = token
        if token == nil, case .tcp(let host, _)? = address, Self.isLoopback(host) {
            hosts = [host.lowercased(), "localhost"]
        } else {
            hosts = nil
        }
    }

    func verdict(on head: borrowing RequestHead) -> Verdict {
        if let token { return token.isShown(by: head) ? .granted : .anonymous }
        guard let hosts, head[.host].count > 0 else { return .granted }
        let host = Self.name(String(decoding: Array(head[.host]), as: UTF8.self))
        return hosts.contains(host) || Self.isLoopback(host) ? .granted : .foreignHost
    }

    /// The host of a `Host` field, in lower case, without its port and brackets.
    private static func name(_ field: String) -> String {
        let field = field.lowercased()
        if field.hasPrefix("[") { return String(field.dropFirst().prefix { $0 != "]" }) }
        return String(field.prefix { $0 != ":" })
    }

    /// Whether a host is this machine to everybody: `localhost`, or a loopback address.
    static func isLoopback(_ host: String) -> Bool {
        if host.lowercased() == "localhost" || host == "::1" { return true }
        return host.hasPrefix("127.") && IPAddress(text: Array(host.utf8).span) != nil
    }
}
