internal import EventHTTP
internal import EventLog
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
    private let configuration: Configuration
    private let log: EventLog
    private let printer: Printer?
    private let router: Router
    private let pages: Pages
    private let cookie = VisitorCookie()
    private var servers: [HTTPServer] = []
    private var sources: [EventSource] = []
    private var random = RandomBytes()
    private var batch = Batch()
    private var held = HeldReplies()
    private var isDraining = false
    /// Text of the `Set-Cookie` field that is being made.
    private let cookieText: UnsafeMutableBufferPointer<UInt8>

    private let trackReply = Response(
        .ok,
        [.init("Content-Type", "application/javascript"), .init("Cache-Control", "no-store")])
    private let refusedReply = Response.plain(
        .serviceUnavailable, [.init("Retry-After", "1"), .init("Cache-Control", "no-store")])
    private let tooLargeReply = Response.plain(.contentTooLarge)
    private let notAllowedReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD")])
    private let notFoundReply = Response.plain(.notFound)
    private let faviconReply = Response(.noContent)

    /// A worker for `sockets`, which it takes over.
    init(
        _ configuration: Configuration, sockets: [ListeningSocket], log: EventLog,
        mailbox: LoopMailbox<LoopMessage>, printer: Printer?
    ) {
        self.configuration = configuration
        self.log = log
        self.printer = printer
        router = Router(servesDemo: configuration.servesDemo)
        pages = Pages()
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

    func handle(_ head: borrowing RequestHead, _ exchange: consuming HTTPExchange) {
        guard let route = router.route(head.path) else {
            return answer(head, exchange, notFoundReply)
        }
        guard head.method == .get || head.method == .head else {
            return answer(head, exchange, notAllowedReply)
        }
        switch route {
        case .track: track(head, exchange)
        case .buster: answer(head, exchange, pages.buster)
        case .favicon: answer(head, exchange, faviconReply)
        case .demo(let page): answer(head, exchange, pages.demo(page, query: head.query))
        }
    }

    func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool {
        guard head.method == .get || head.method == .head, router.route(head.path) == .track else {
            return false
        }
        track(head, accept())
        return true
    }

    private func track(_ head: borrowing RequestHead, _ exchange: consuming HTTPExchange) {
        var exchange = exchange
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        let visitor = Visitor(
            cookies: head[.cookie], cookie: cookie,
            random: (random.next(), random.next()))
        let event = Event(
            kind: .track, id: .version7(time: time, random: random.next()), time: time,
            visitor: visitor,
            request: Event.Request(
                method: head.method.name, path: head.path, query: head.query, address: head.peer,
                userAgent: head[.userAgent], referrer: head[.referrer],
                language: head[.acceptLanguage], host: head[.host], origin: head[.origin]))
        let bytes = batch.append(bytesMax: event.encodedBytesMax) { event.encode(into: &$0) }
        guard bytes <= configuration.log.eventBytesMax else {
            batch.removeLast()
            return answer(head, exchange, tooLargeReply)
        }
        setCookie(visitor, on: &exchange)
        let printed =
            printer == nil
            ? nil
            : PrintedRequest(hit: head, visitor: visitor, time: time, mode: configuration.print)
        held.append(HeldReply(exchange: exchange, printed: printed))
    }

    private func setCookie(_ visitor: Visitor, on exchange: inout HTTPExchange) {
        var output = OutputSpan(buffer: cookieText, initializedCount: 0)
        cookie.appendSetCookie(for: visitor, to: &output)
        output.append(0)
        let count = output.finalize(for: cookieText)
        exchange.addField(
            "Set-Cookie", nulTerminated: UnsafeBufferPointer(rebasing: cookieText[..<count]).span)
    }

    private func answer(
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
        finish(reply, trackReply)
    }

    private func answerRefused(_ reply: consuming HeldReply) {
        var reply = reply
        reply.exchange.discardFields()
        finish(reply, refusedReply)
    }

    private func finish(_ reply: consuming HeldReply, _ response: Response) {
        let printed = reply.printed
        reply.exchange.reply(response)
        guard let printer, let printed else { return }
        printer.print(printed.text(status: response.status, bytes: response.body.count))
    }
}
