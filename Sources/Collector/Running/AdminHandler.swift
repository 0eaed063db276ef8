internal import EventHTTP
internal import EventLog

/// Answers the operator's side: whether the process lives, and whether it takes hits.
///
/// On the control loop.
final class AdminHandler: HTTPHandler {
    private let log: EventLog
    private let durability: Durability
    /// Set when the collector begins to shut down.
    var isDraining = false

    init(log: EventLog, durability: Durability) {
        self.log = log
        self.durability = durability
    }

    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        let path = String(decoding: Array(head.path), as: UTF8.self)
        guard path == "/health" || path == "/ready" else {
            return exchange.reply(.plain(.notFound))
        }
        guard head.method == .get || head.method == .head else {
            return exchange.reply(.plain(.methodNotAllowed, [.init("Allow", "GET, HEAD")]))
        }
        exchange.reply(path == "/health" ? .plain(.ok) : readiness())
    }

    /// Whether hits are taken, the durability class, and if not, why not.
    private func readiness() -> Response {
        let reason = isDraining ? "draining" : log.refusal.map { "\($0)" }
        var body = #"{"ready":\#(reason == nil),"durability":"\#(durability.name)""#
        if let reason { body += #","reason":"\#(Self.jsonText(reason))""# }
        return Response(
            reason == nil ? .ok : .serviceUnavailable,
            [.init("Content-Type", "application/json"), .init("Cache-Control", "no-store")],
            body: body + "}\n")
    }

    private static func jsonText(_ text: String) -> String {
        TerminalText.escaped(text.utf8).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
