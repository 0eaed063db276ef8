internal import EventHTTP
internal import EventLog
internal import Logging
internal import POSIX
internal import Tracking

/// What other threads tell a loop.
enum LoopMessage: Sendable {
    /// The log has news of lines that wait.
    case progress(EventLog.Progress)
    /// Accept nothing more, answer what is held, end.
    case drain
}

/// One loop with its servers and its handlers: everything between a request and the log.
///
/// Made and used on the loop's thread.
final class LoopWorker: HTTPHandler {
    private let loop = EventLoop()
    let configuration: Configuration
    private let log: EventLog
    let printer: Printer?
    let logger: Logger
    private let router: Router
    private let pages: Pages
    let cookie = VisitorCookie()
    let crossOrigin: CrossOrigin
    private var servers: [HTTPServer] = []
    private var sources: [EventSource] = []
    var random = RandomBytes()
    var batch = Batch()
    var held = HeldReplies()
    var unstoredClicks = UnstoredClicks()
    private var isDraining = false
    /// Text of the `Set-Cookie` field that is being made.
    let cookieText: UnsafeMutableBufferPointer<UInt8>

    private let responses = HitResponses()
    private let pageMethodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD")])
    private let notFoundReply = Response.plain(.notFound)
    private let faviconReply = Response(.noContent)

    /// A worker for `sockets`, which it takes over.
    init(
        _ configuration: Configuration, sockets: [ListeningSocket], log: EventLog,
        mailbox: LoopMailbox<LoopMessage>, printer: Printer?, logger: Logger
    ) {
        self.configuration = configuration
        self.log = log
        self.printer = printer
        self.logger = logger
        router = Router(
            servesDemo: configuration.servesDemo, redirectsClicks: configuration.clicks.isOn)
        pages = Pages()
        crossOrigin = CrossOrigin(allowed: configuration.allowedOrigins)
        cookieText = .allocate(capacity: cookie.setCookieBytes + 1)
        for socket in sockets {
            servers.append(
                HTTPServer(
                    loop: loop, socket: socket, limits: configuration.limits,
                    handsOverAll: configuration.http == .evhttp, handler: self))
        }
        sources.append(mailbox.attach(to: loop) { [unowned self] in receive($0) })
        sources.append(loop.every(seconds: 1) { [unowned self] in answerOverdue() })
    }

    deinit {
        cookieText.deallocate()
    }

    /// Serves until the worker is drained.
    func run() {
        loop.run(endOfTurn: endOfTurn)
        sources = []
        servers = []
    }

    // MARK: - Requests

    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        guard let route = router.route(head.path) else {
            return answer(head, exchange, notFoundReply)
        }
        switch route {
        case .pixel, .beacon: handleHit(head, content: content, exchange, route)
        case .click: redirect(head, exchange)
        case .buster: answerPage(head, exchange, pages.buster)
        case .favicon: answerPage(head, exchange, faviconReply)
        case .demo(let page): answerPage(head, exchange, pages.demo(page, query: head.query))
        }
    }

    func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool {
        // The reply to a page that asks for it by name has more fields than the gate has room for.
        guard head.method == .get || head.method == .head, head[.origin].count == 0,
            case .pixel(let pixel) = router.route(head.path)
        else { return false }
        track(head, accept(), pixel)
        return true
    }

    private func answerPage(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ page: Response
    ) {
        let isRead = head.method == .get || head.method == .head
        answer(head, exchange, isRead ? page : pageMethodsReply)
    }

    func answer(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ response: Response
    ) {
        exchange.reply(response)
        guard let printer, configuration.print == .requests else { return }
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        printer.print(
            PrintedRequest(head, time: time, mode: configuration.print)
                .text(status: response.status, bytes: response.body.count))
    }

    // MARK: - The log

    private func endOfTurn() {
        if batch.count > 0 { appendBatch() }
        if isDraining, held.count == 0 { loop.stop() }
    }

    private func appendBatch() {
        switch log.append(&batch) {
        case .stored: held.takeBatch(answerStored)
        case .pending(let through):
            held.closeBatch(through: through, at: Clock.monotonicSeconds())
        case .refused: held.takeBatch(answerRefused)
        }
    }

    private func receive(_ message: LoopMessage) {
        switch message {
        case .progress(.stored(let through)): held.take(through: through, answerStored)
        case .progress(.lost): held.take(through: .max, answerRefused)
        case .drain:
            isDraining = true
            for server in servers { server.drain() }
        }
    }

    /// A reply that waits for longer than a handler may is given up; its hit may yet be stored.
    private func answerOverdue() {
        let limit = Clock.monotonicSeconds() - configuration.limits.handlerSeconds
        held.take(waitingSince: limit, answerRefused)
    }

    private func answerStored(_ reply: consuming HeldReply) {
        switch reply.reply {
        case .script: finish(reply, responses.script)
        case .image: finish(reply, responses.image)
        case .beacon: finish(reply, responses.beacon)
        case .batch(let report): finish(reply, report.response)
        case .click: finish(reply, redirectReply)
        }
    }

    private func answerRefused(_ reply: consuming HeldReply) {
        var reply = reply
        reply.exchange.removeField("Set-Cookie")
        guard case .click = reply.reply else { return finish(reply, responses.refused) }
        countUnstoredClick()
        finish(reply, redirectReply)
    }

    private func finish(_ reply: consuming HeldReply, _ response: borrowing Response) {
        let printed = reply.printed
        reply.exchange.reply(response)
        guard let printer, let printed else { return }
        printer.print(printed.text(status: response.status, bytes: response.body.count))
    }
}
