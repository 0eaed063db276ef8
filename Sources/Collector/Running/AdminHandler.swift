internal import EventHTTP
internal import EventLog
internal import Tracking

/// Answers the operator's side: whether the process lives, whether it takes hits, and whom it takes
/// the sender of a request for.
///
/// On the control loop.
final class AdminHandler: HTTPHandler {
    private let log: EventLog
    /// What is in force.
    var configuration: Configuration
    /// Set when the collector begins to shut down.
    var isDraining = false

    init(log: EventLog, _ configuration: Configuration) {
        self.log = log
        self.configuration = configuration
    }

    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        let response: Response
        switch String(decoding: Array(head.path), as: UTF8.self) {
        case "/health": response = .plain(.ok)
        case "/ready": response = readiness()
        case "/debug/whoami": response = identity(head)
        default: return exchange.reply(.plain(.notFound))
        }
        guard head.method == .get || head.method == .head else {
            return exchange.reply(.plain(.methodNotAllowed, [.init("Allow", "GET, HEAD")]))
        }
        exchange.reply(response)
    }

    private static func json(_ status: HTTPStatus, _ members: [(key: String, json: String)])
        -> Response
    {
        let text = members.map { "\"\($0.key)\":\($0.json)" }.joined(separator: ",")
        return Response(
            status,
            [.init("Content-Type", "application/json"), .init("Cache-Control", "no-store")],
            body: "{\(text)}\n")
    }

    /// Whether hits are taken, the durability class, and if not, why not.
    private func readiness() -> Response {
        let reason = isDraining ? "draining" : log.refusal.map { "\($0)" }
        var members = [
            ("ready", "\(reason == nil)"),
            ("durability", JSONText.string(configuration.log.durability.name)),
        ]
        if let reason { members.append(("reason", JSONText.string(reason))) }
        return Self.json(reason == nil ? .ok : .serviceUnavailable, members)
    }

    // MARK: - Who is the client

    private static let forwardingFields = [
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    ]

    /// Whom the collector would take for the client of this request, had it been a hit, and why.
    private func identity(_ head: borrowing RequestHead) -> Response {
        let proxies = configuration.trustedProxies
        let sources = Client.sources(head, proxies)
        func source(_ field: String?, _ other: String) -> String { JSONText.string(field ?? other) }
        let peer = head.peer.count == 0 ? #""unix""# : JSONText.string(head.peer)
        var fields: [String] = []
        for index in 0..<head.fieldCount {
            let name = String(decoding: Array(head.fieldName(at: index)), as: UTF8.self)
                .lowercased()
            guard Self.forwardingFields.contains(name) else { continue }
            fields.append(
                "[\(JSONText.string(name)),\(JSONText.string(head.fieldValue(at: index)))]")
        }
        let isTrusted = proxies.trusts(peer: head.peer)
        let members = Client.with(head, proxies) { address, host, isSecure in
            [
                ("peer", peer), ("peer_is_trusted", "\(isTrusted)"),
                ("forwarding_fields", "[\(fields.joined(separator: ","))]"),
                ("address", JSONText.string(address)),
                ("address_from", source(sources.address, "peer")),
                ("stored_ip", JSONText.string(configuration.privacy.stored(address))),
                ("host", JSONText.string(host)), ("host_from", source(sources.host, "host")),
                ("scheme", isSecure ? #""https""# : #""http""#),
                ("scheme_from", source(sources.scheme, "peer")),
            ]
        }
        return Self.json(.ok, members)
    }
}

extension PrivacyOptions {
    /// What an event would have of that address.
    fileprivate func stored(_ address: Span<UInt8>) -> String {
        switch addressDetail {
        case .none: ""
        case .network: IPAddress(text: address)?.network ?? ""
        case .full: String(decoding: Array(address), as: UTF8.self)
        }
    }
}
