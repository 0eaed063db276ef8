internal import DequeModule
internal import EventHTTP
internal import EventLog
internal import Measuring
internal import POSIX
internal import Tracking

/// What other threads tell a loop.
enum LoopMessage: Sendable {
    /// The log has news of lines that wait.
    case progress(EventLog.Progress)
    /// Go on under another configuration. Indirect, so that the messages that come with hits are small.
    indirect case update(LoopUpdate)
    /// Accept nothing more, answer what is held, end.
    case drain
    /// Say what was counted.
    case report
    /// The answer to the oldest question for a demo hit: its line, if there is one.
    case demoHit([UInt8]?)
}

/// What a loop goes by from now on.
struct LoopUpdate: Sendable {
    let configuration: Configuration
    let outputs: Outputs
}

/// What loops tell the control loop.
enum ControlMessage: Sendable {
    // Far larger than the others, and seldom sent.
    indirect case counted(loop: Int, LoopCounts)
    indirect case workerEnded(loop: Int, LoopCounts)
    case warning(String)
    /// News for those who watch the dashboard.
    case live(LiveFollower.Update)
    indirect case reloaded(Reloader.Outcome)
}

/// One loop with its servers and its handlers: everything between a request and the log.
///
/// Made and used on the loop's thread. All that comes from the configuration is fixed: under another
/// one a successor goes on with the loop, its servers and what waits.
final class LoopWorker: HTTPHandler {
    /// The number of its loop.
    private let index: Int
    private let loop: EventLoop
    let configuration: Configuration
    private let log: EventLog
    let printer: Printer?
    private let router: Router
    private let pages: Pages
    let cookie: VisitorCookie
    let identification: Identification
    private let optOut: OptOut
    let crossOrigin: CrossOrigin
    let bots: BotDetector
    private var servers: [HTTPServer] = []
    private var sources: [EventSource] = []
    // No access to one of these lies within another: what they call does not come back here. To
    // check that again for each hit takes 5 % of its instructions.
    @exclusivity(unchecked) var random = RandomBytes()
    @exclusivity(unchecked) var batch = Batch()
    @exclusivity(unchecked) var held = HeldReplies()
    @exclusivity(unchecked) var counts = LoopCounts()
    /// What the request that is being handled is for.
    @exclusivity(unchecked) var route = LoopCounts.RouteName.none
    /// When the next unstored click is to be warned of, on the monotonic clock.
    var nextClickWarning = 0.0
    /// When the timer is due next, on the monotonic clock.
    private var timerDue = 0.0
    private var drain: Drain?
    /// What its successor is to go by.
    private var update: LoopUpdate?
    let mailbox: LoopMailbox<LoopMessage>
    private let control: LoopMailbox<ControlMessage>
    private let crawlers: CrawlerList
    /// Looks for hits of the demo pages. Its answers come to the mailbox, in the order of the
    /// questions.
    let demoHits: DemoHits
    var demoQuestions = UniqueDeque<HTTPExchange>()
    var solePeer: SolePeer
    /// Where answered requests are listed; nil for nowhere.
    let accessLog: AccessLog?
    /// Whether the gate can send the reply to every hit: it has room for so many fields.
    private let fitsGate: Bool
    /// Text of the `Set-Cookie` field that is being made.
    let cookieText: UnsafeMutableBufferPointer<UInt8>

    let responses: HitResponses
    private let pageMethodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD")])
    private let notFoundReply = Response.plain(.notFound)
    private let crossSiteReply = Response.plain(.forbidden)
    private let gpcStatement: Response

    /// A worker for `sockets`, which it takes over, on a loop of its own.
    convenience init(
        index: Int, _ configuration: Configuration, sockets: [ListeningSocket], log: EventLog,
        mailbox: LoopMailbox<LoopMessage>, control: LoopMailbox<ControlMessage>, outputs: Outputs,
        crawlers: CrawlerList, demoHits: DemoHits
    ) {
        self.init(
            index: index, LoopUpdate(configuration: configuration, outputs: outputs),
            loop: EventLoop(), log: log, mailbox: mailbox, control: control, crawlers: crawlers,
            demoHits: demoHits)
        servers = sockets.map {
            HTTPServer(
                loop: loop, socket: $0, limits: configuration.limits,
                handsOverAll: configuration.http == .evhttp, sendsProxyHeader: sendsProxyHeader,
                handler: self)
        }
    }

    /// The worker that goes on in place of `old`, whose run has ended with `update`.
    convenience init(succeeding old: LoopWorker, _ update: LoopUpdate) {
        self.init(
            index: old.index, update, loop: old.loop, log: old.log, mailbox: old.mailbox,
            control: old.control, crawlers: old.crawlers, demoHits: old.demoHits)
        swap(&held, &old.held)
        swap(&batch, &old.batch)
        swap(&servers, &old.servers)
        swap(&demoQuestions, &old.demoQuestions)
        counts = old.counts
        nextClickWarning = old.nextClickWarning
        if solePeer.isPossible { solePeer = old.solePeer }
        for server in servers {
            server.update(
                limits: configuration.limits, handsOverAll: configuration.http == .evhttp,
                sendsProxyHeader: sendsProxyHeader, handler: self)
        }
        if old.drain != nil { beginDraining() }
    }

    private init(
        index: Int, _ update: LoopUpdate, loop: EventLoop, log: EventLog,
        mailbox: LoopMailbox<LoopMessage>, control: LoopMailbox<ControlMessage>,
        crawlers: CrawlerList, demoHits: DemoHits
    ) {
        let configuration = update.configuration
        self.index = index
        self.configuration = configuration
        self.loop = loop
        self.log = log
        self.mailbox = mailbox
        self.control = control
        self.crawlers = crawlers
        self.demoHits = demoHits
        printer = configuration.print == .none ? nil : update.outputs.printer
        accessLog = update.outputs.accessLog.map { file in
            AccessLog(file, configuration.privacy.addressDetail) { control.post(.warning($0)) }
        }
        solePeer = SolePeer(trusted: configuration.trustedProxies)
        router = Router(
            configuration.paths, servesDemo: configuration.servesDemo,
            redirectsClicks: configuration.clicks.isOn)
        pages = Pages(configuration)
        bots = BotDetector(crawlers)
        crossOrigin = CrossOrigin(allowed: configuration.allowedOrigins)
        responses = HitResponses(configuration.privacy)
        cookie = configuration.cookies.cookie
        identification = Identification(configuration.privacy, cookie)
        optOut = OptOut(configuration, cookie)
        let today = Timestamp(microseconds: Clock.microsecondsSinceEpoch()).description.prefix(10)
        gpcStatement = optOut.statement(date: String(today))
        let fieldBytes = "Set-Cookie: \r\n".utf8.count + cookie.setCookieBytesMax
        fitsGate = cookie.names.count * fieldBytes <= HTTPExchange.gateFieldBytesMax
        cookieText = .allocate(capacity: cookie.setCookieBytesMax + 1)
        sources.append(mailbox.attach(to: loop) { [unowned self] in receive($0) })
        sources.append(loop.every(seconds: Self.timerSeconds) { [unowned self] in timerFired() })
        timerDue = Clock.monotonicSeconds() + Self.timerSeconds
    }

    deinit {
        cookieText.deallocate()
    }

    private static let timerSeconds = 1.0

    /// How a run ends.
    enum End {
        /// Another configuration has come: a successor is to go on.
        case update(LoopUpdate)
        /// The worker is drained, and has counted this.
        case drained(LoopCounts)
    }

    /// Serves until the worker is drained, or another configuration comes.
    func run() -> End {
        loop.run(endOfTurn: endOfTurn)
        let counts = countsNow
        if let accessLog { accessLog.write() }
        sources = []
        drain?.source = nil
        if let update { return .update(update) }
        servers = []
        return .drained(counts)
    }

    /// Whether a peer has to begin its connections with a PROXY header.
    private var sendsProxyHeader: (Span<UInt8>) -> Bool {
        let (hasHeaders, proxies) = (configuration.proxyProtocol, configuration.trustedProxies)
        return { hasHeaders && proxies.trusts(peer: $0) }
    }

    /// Tells an operator something.
    func warn(_ text: String) {
        control.post(.warning(text))
    }

    // MARK: - Requests

    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        guard let route = router.route(head.path) else {
            self.route = .none
            return answer(head, exchange, notFoundReply)
        }
        self.route = LoopCounts.RouteName(route)
        switch route {
        case .pixel, .beacon: handleHit(head, content: content, exchange, route)
        case .click: redirect(head, exchange)
        case .buster: answerPage(head, exchange, pages.buster(head))
        case .tag: answerPage(head, exchange, pages.tag(head))
        case .optOut(let choice): answerChoice(head, exchange, choice)
        case .gpcStatement: answerPage(head, exchange, gpcStatement)
        case .favicon: answerPage(head, exchange, pages.favicon)
        case .robots: answerPage(head, exchange, pages.robots)
        case .demoHit: answerDemoHit(head, exchange)
        case .demo(let page):
            answerPage(
                head, exchange,
                pages.demo(
                    page, query: head.query, random: (random.next(), random.next()),
                    applied: identification.applied(head)))
        }
    }

    func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool {
        // The reply to a page that asks for it by name has more fields than the gate has room for.
        guard head.method == .get || head.method == .head, fitsGate, head[.origin].count == 0,
            case .pixel(let pixel) = router.route(head.path)
        else { return false }
        route = pixel == .script ? .script : .image
        track(head, accept(), pixel)
        return true
    }

    private func answerPage(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ page: Response
    ) {
        let isRead = head.method == .get || head.method == .head
        answer(head, exchange, isRead ? page : pageMethodsReply)
    }

    /// The page of a choice, or the choice itself.
    private func answerChoice(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ choice: OptOut.Choice
    ) {
        guard head.method == .post else {
            return answerPage(
                head, exchange,
                optOut.page(
                    hasOptedOut: identification.hasOptedOut(head[.cookie]),
                    sendsGPC: head[.globalPrivacyControl].count > 0, paths: configuration.paths))
        }
        let (mayChoose, cookies) = Client.with(head, configuration.trustedProxies) {
            _, host, isSecure in
            (
                crossOrigin.mayChoose(choice, origin: head[.origin], host: host),
                optOut.cookies(for: choice, host: host, isSecure: isSecure)
            )
        }
        guard mayChoose else { return answer(head, exchange, crossSiteReply) }
        var exchange = exchange
        for cookie in cookies {
            exchange.addField("Set-Cookie", nulTerminated: (cookie + [0]).span)
        }
        // The page says what holds now.
        let path = String(decoding: Array(head.path), as: UTF8.self)
        answer(
            head, exchange,
            Response(.seeOther, [.init("Location", path), .init("Cache-Control", "no-store")]))
    }

    func answer(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ response: Response
    ) {
        counts.addRequest(route, response.status)
        exchange.reply(response)
        let printer = configuration.print == .requests ? printer : nil
        if printer == nil, accessLog == nil { return }
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        if let accessLog {
            accessLog.append(
                accessLine(accessLog, head, time: time), status: response.status,
                bytes: response.body.count)
        }
        guard let printer else { return }
        printer.print(
            PrintedRequest(head, time: time, mode: configuration.print)
                .text(status: response.status, bytes: response.body.count))
    }

    func refused(begun: Span<UInt8>, peer: Span<UInt8>, _ response: borrowing Response) {
        accessLog?.appendRefusal(
            begun: begun, address: peer,
            time: Timestamp(microseconds: Clock.microsecondsSinceEpoch()),
            status: response.status, bytes: response.body.count)
    }

    // MARK: - The log

    private func endOfTurn() {
        if batch.count > 0 { appendBatch() }
        if let accessLog { accessLog.write() }
    }

    private func appendBatch() {
        let lines = batch.count
        let begin = Clock.monotonicSeconds()
        counts.appendLines.observe(UInt64(lines))
        switch log.append(&batch) {
        case .stored:
            counts.accepted += UInt64(lines)
            counts.commitLatency.observe(
                Clock.monotonicSeconds() - begin, count: held.fillingCount)
            held.takeBatch(answerStored)
        case .pending(let through):
            counts.accepted += UInt64(lines)
            held.closeBatch(through: through, lines: lines, at: begin)
        case .refused(let refusal):
            counts.addRejected(LoopCounts.Rejection(refusal), lines)
            held.takeBatch(answerRefused)
        }
    }

    private func receive(_ message: LoopMessage) {
        switch message {
        case .progress(.stored(let through)):
            let now = Clock.monotonicSeconds()
            held.take(through: through) { group in
                counts.commitLatency.observe(now - group.since, count: group.count)
            } _: {
                answerStored($0)
            }
        case .progress(.lost):
            held.take(through: .max) { group in
                counts.addRejected(.failing, group.lines)
            } _: {
                answerRefused($0)
            }
        case .update(let update):
            self.update = update
            loop.stop()
        case .drain: beginDraining()
        case .report: control.post(.counted(loop: index, countsNow))
        case .demoHit(let line): receiveDemoHit(line)
        }
    }

    /// What was counted, also by the servers.
    private var countsNow: LoopCounts {
        var counts = counts
        for server in servers { counts.server += server.counts }
        return counts
    }

    private func timerFired() {
        let now = Clock.monotonicSeconds()
        // libevent's clock is coarser.
        counts.delay.observe(max(0, now - timerDue))
        // As libevent sets it anew.
        timerDue += Self.timerSeconds
        if timerDue < now { timerDue = now + Self.timerSeconds }
        answerOverdue(now)
    }

    // MARK: - The end

    /// A drain that has begun.
    private struct Drain {
        let begunAt: Double
        var source: EventSource?

        /// Seconds between two looks whether it is done.
        static let lookSeconds = 0.02
        /// Seconds for which connections without a request are kept: one may be on its way.
        static let lingerSeconds = 0.5
        /// The part of the shutdown's time for which requests that have begun are waited for.
        static let busyPart = 0.5
    }

    private func beginDraining() {
        for server in servers { server.drain() }
        drain = Drain(begunAt: Clock.monotonicSeconds())
        drain?.source = loop.every(seconds: Drain.lookSeconds) { [unowned self] in
            for server in servers { server.stopListening() }
            if isDrained { loop.stop() }
        }
    }

    private var isDrained: Bool {
        guard let drain, held.count == 0, demoQuestions.isEmpty else { return false }
        let seconds = Clock.monotonicSeconds() - drain.begunAt
        if servers.allSatisfy({ $0.busyConnections == 0 }) {
            return seconds >= Drain.lingerSeconds || servers.allSatisfy { $0.connections == 0 }
        }
        return seconds >= configuration.shutdownSeconds * Drain.busyPart
    }

    /// A reply that waits for longer than a handler may is given up; its hit may yet be stored.
    private func answerOverdue(_ now: Double) {
        held.take(waitingSince: now - configuration.limits.handlerSeconds) { group in
            counts.overdue += UInt64(group.count)
        } _: {
            answerRefused($0)
        }
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
        counts.addRequest(LoopCounts.RouteName(reply.reply), response.status)
        let (printed, logged) = (reply.printed, reply.logged)
        reply.exchange.reply(response)
        if let logged {
            accessLog?.append(logged, status: response.status, bytes: response.body.count)
        }
        guard let printer, let printed else { return }
        printer.print(printed.text(status: response.status, bytes: response.body.count))
    }
}
