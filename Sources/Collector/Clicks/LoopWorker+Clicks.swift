internal import EventHTTP
internal import POSIX
internal import Tracking

/// The way of a click. It redirects also when it cannot be stored: whoever follows a link wants to
/// arrive.
extension LoopWorker {
    private static let fields: [Response.Field] = [
        .init("Cache-Control", "no-store"),
        // What the target may be told of the page with the link, at most. A browser never tells it
        // of the link itself, whose signature is nobody's business.
        .init("Referrer-Policy", "strict-origin-when-cross-origin"),
    ]
    private static let redirectReply = Response.plain(.found, fields)
    private static let badTargetReply = Response.plain(.badRequest, fields)
    private static let forbiddenReply = Response.plain(.forbidden, fields)
    private static let clickMethodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD")] + fields)

    /// Stores a click and lets it lead on, if it may.
    func redirect(_ head: borrowing RequestHead, _ exchange: consuming HTTPExchange) {
        guard head.method == .get || head.method == .head else {
            return answer(head, exchange, Self.clickMethodsReply)
        }
        let now = UInt64(max(0, Clock.microsecondsSinceEpoch() / 1_000_000))
        switch configuration.clicks.verdict(
            on: head.query, configuration.parameterAliases, now: now)
        {
        case .badTarget: answer(head, exchange, Self.badTargetReply)
        case .forbidden: answer(head, exchange, Self.forbiddenReply)
        case .redirect(let target):
            var exchange = exchange
            exchange.addField("Location", nulTerminated: (target.bytes + [0]).span)
            let identity = identify(head)
            if identity.isDropped { return drop(head, exchange, identity, Self.redirectReply) }
            let hit = Hit(head, identity, kind: .click, capturing: configuration.privacy)
            let (isStored, cookies) = appendEvent(head, hit)
            if isStored { return hold(head, exchange, hit, cookies, .click) }
            counts.addRejected(.tooLarge)
            countUnstoredClick()
            answer(head, exchange, Self.redirectReply)
        }
    }

    /// The reply to a click that may lead on, stored or not.
    var redirectReply: Response { Self.redirectReply }

    /// Counts a click that redirects and is not stored, and warns of it now and then.
    func countUnstoredClick() {
        counts.unstoredClicks += 1
        let now = Clock.monotonicSeconds()
        guard now >= nextClickWarning else { return }
        nextClickWarning = now + Self.clickWarningSeconds
        warn("clicks redirect but cannot be stored: \(counts.unstoredClicks) on one loop so far")
    }

    /// Seconds between two warnings.
    private static var clickWarningSeconds: Double { 60 }
}
