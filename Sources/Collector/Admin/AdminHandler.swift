internal import DequeModule
internal import EventHTTP
internal import EventLog
internal import Tracking

/// Answers the operator's side: whether the process lives, whether it takes hits, what it has counted,
/// what is in force, and whom it takes the sender of a request for.
///
/// On the control loop.
final class AdminHandler: HTTPHandler {
    /// What is in force.
    var resolved: ResolvedConfiguration {
        didSet {
            access = AdminAccess(configuration.admin, configuration.adminToken)
            if !configuration.servesDashboard { live.end() }
        }
    }
    private var configuration: Configuration { resolved.configuration }
    private let gatherer: Gatherer
    private var access: AdminAccess
    /// Those who watch the dashboard.
    private let live: LiveStreams
    /// Requests for the metrics that wait for the loops to answer.
    private var scrapes = UniqueDeque<HTTPExchange>()

    init(_ resolved: ResolvedConfiguration, _ gatherer: Gatherer, _ live: LiveStreams) {
        self.live = live
        self.resolved = resolved
        self.gatherer = gatherer
        access = AdminAccess(resolved.configuration.admin, resolved.configuration.adminToken)
    }

    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        let path = String(decoding: Array(head.path), as: UTF8.self)
        let verdict = access.verdict(on: head)
        switch (verdict, path) {
        case (.granted, _): break
        // A probe has no token. It learns nothing but yes or no.
        case (.anonymous, "/health"), (.anonymous, "/ready"): break
        case (.anonymous, _): return exchange.reply(Self.unauthorizedReply)
        case (.foreignHost, _): return exchange.reply(Self.foreignHostReply)
        }
        guard head.method == .get || head.method == .head else {
            return exchange.reply(Self.methodsReply)
        }
        switch path {
        case "/health": exchange.reply(Self.healthReply)
        case "/ready": exchange.reply(readiness(isBrief: verdict != .granted))
        case "/metrics": answerMetrics(exchange)
        case "/debug/config": exchange.reply(configurationReply)
        case "/debug/whoami": exchange.reply(identity(head))
        case "/" where configuration.servesDashboard: exchange.reply(DashboardPage.response)
        case "/live" where configuration.servesDashboard:
            answerLive(exchange, isHead: head.method == .head)
        default: exchange.reply(Self.notFoundReply)
        }
    }

    private func answerLive(_ exchange: consuming HTTPExchange, isHead: Bool) {
        if isHead { return exchange.reply(LiveStreams.head) }
        live.open(exchange)
    }

    // MARK: - Replies

    /// Nothing of the admin side is for other pages, or is kept by anybody.
    static let fields: [Response.Field] = [
        .init("Cache-Control", "no-store"), .init("X-Content-Type-Options", "nosniff"),
        .init("Referrer-Policy", "no-referrer"),
        .init("Cross-Origin-Resource-Policy", "same-origin"),
        .init("X-Frame-Options", "DENY"),
    ]
    /// The same for what is no page: nothing in it is run or loaded.
    static let inertFields =
        fields + [.init("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]

    private static let healthReply = Response.plain(.ok, inertFields)
    private static let notFoundReply = Response.plain(.notFound, inertFields)
    private static let methodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD")] + inertFields)
    private static let unauthorizedReply = Response.plain(
        .unauthorized,
        [
            .init("WWW-Authenticate", #"Bearer realm="footfall""#),
            // By which a browser asks for it.
            .init("WWW-Authenticate", #"Basic realm="footfall", charset="UTF-8""#),
        ] + inertFields)
    private static let foreignHostReply = Response(
        .forbidden, [.init("Content-Type", "text/plain; charset=utf-8")] + inertFields,
        body: """
            403 Forbidden: without admin_token the admin side answers only to localhost, loopback \
            addresses and the host of --admin.

            """)

    private static func json(_ status: HTTPStatus, _ members: [(key: String, json: String)])
        -> Response
    {
        let text = members.map { "\"\($0.key)\":\($0.json)" }.joined(separator: ",")
        return Response(
            status, [.init("Content-Type", "application/json")] + inertFields, body: "{\(text)}\n")
    }

    /// Whether hits are taken, and unless it is to be brief the durability class, and why not.
    private func readiness(isBrief: Bool) -> Response {
        let readiness = gatherer.readiness
        var members = [("ready", "\(readiness.isReady)")]
        if !isBrief {
            members.append(
                ("durability", JSONText.string(configuration.log.durability.name)))
            if let reason = readiness.reason {
                members.append(("reason", JSONText.string(reason)))
            }
        }
        return Self.json(readiness.isReady ? .ok : .serviceUnavailable, members)
    }

    /// What is in force: each setting with its value and where that came from, without secrets.
    private var configurationReply: Response {
        let settings = resolved.entries.map { entry in
            let values = entry.values.map { JSONText.string($0) }
            let value = entry.isList ? "[\(values.joined(separator: ","))]" : values.first ?? "\"\""
            let key = JSONText.string(entry.key)
            let source = JSONText.string("\(entry.source)")
            return #"{"key":\#(key),"value":\#(value),"source":\#(source)}"#
        }
        return Self.json(.ok, [("settings", "[\(settings.joined(separator: ","))]")])
    }

    // MARK: - Metrics

    /// Answers when the loops have said what they have counted.
    private func answerMetrics(_ exchange: consuming HTTPExchange) {
        scrapes.append(exchange)
        gatherer.gather { [unowned self] figures in
            guard let exchange = scrapes.popFirst() else { return }
            let text = figures.metrics(
                .now(), durability: configuration.log.durability, .current)
            exchange.reply(
                Response(
                    .ok, [.init("Content-Type", MetricsText.mediaType)] + Self.inertFields,
                    body: text))
        }
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
