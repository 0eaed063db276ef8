internal import EventHTTP
internal import EventLog
internal import POSIX
internal import Tracking

/// The way of a hit from its request to the batch.
extension LoopWorker {
    private static let pixelMethodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "GET, HEAD, OPTIONS")])
    private static let beaconMethodsReply = Response.plain(
        .methodNotAllowed, [.init("Allow", "OPTIONS, POST")])
    private static let tooLargeReply = Response.plain(.contentTooLarge)

    /// Handles a request for a hit that the gate has not answered.
    func handleHit(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange,
        _ route: Route
    ) {
        var exchange = exchange
        crossOrigin.addFields(for: head[.origin], to: &exchange)
        switch (route, head.method) {
        case (_, .options): answer(head, exchange, CrossOrigin.preflight)
        case (.pixel(let pixel), .get), (.pixel(let pixel), .head): track(head, exchange, pixel)
        case (.beacon, .post): receiveBeacon(head, content, exchange)
        case (.beacon, _): answer(head, exchange, Self.beaconMethodsReply)
        default: answer(head, exchange, Self.pixelMethodsReply)
        }
    }

    /// Stores the hit of a pixel.
    func track(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ pixel: Pixel
    ) {
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        let visitor = visitor(of: head)
        guard append(head, kind: pixel.kind, visitor, time, data: Span()) else {
            return answer(head, exchange, Self.tooLargeReply)
        }
        hold(head, exchange, visitor, time, pixel.reply)
    }

    /// Stores the events of a beacon: all that are valid.
    private func receiveBeacon(
        _ head: borrowing RequestHead, _ content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        let visitor = visitor(of: head)
        let outcome: BeaconOutcome
        do throws(BeaconBody.Refusal) {
            outcome = try BeaconBody.withJSON(head, content) { json in
                store(BeaconContent(json), of: json, head, visitor, time)
            }
        } catch {
            return answer(head, exchange, .plain(error.status))
        }
        switch outcome {
        case .tooLarge: answer(head, exchange, Self.tooLargeReply)
        case .invalid(let report): answer(head, exchange, report.response)
        case .stored(let reply): hold(head, exchange, visitor, time, reply)
        }
    }

    private enum BeaconOutcome {
        case tooLarge
        case invalid(BatchReport)
        case stored(HitReply)
    }

    private func store(
        _ beacon: BeaconContent, of json: Span<UInt8>, _ head: borrowing RequestHead,
        _ visitor: Visitor, _ time: Timestamp
    ) -> BeaconOutcome {
        if beacon.items.count > BeaconContent.itemsMax { return .tooLarge }
        var stored = 0
        var invalid: [(index: Int, reason: String)] = []
        for (index, item) in beacon.items.enumerated() {
            switch item {
            case .object(let range):
                let data = json.extracting(range)
                if append(head, kind: .beacon, visitor, time, data: data) {
                    stored += 1
                } else if beacon.isBatch {
                    invalid.append((index, "the event is too large"))
                } else {
                    return .tooLarge
                }
            case .invalid(let reason): invalid.append((index, reason))
            }
        }
        let report = BatchReport(stored: stored, invalid: invalid)
        if stored == 0 { return .invalid(report) }
        return .stored(beacon.isBatch ? .batch(report) : .beacon)
    }

    func visitor(of head: borrowing RequestHead) -> Visitor {
        Visitor(
            cookies: head[.cookie], cookie: cookie, random: (random.next(), random.next()))
    }

    /// Adds an event to the batch. False, and it is not added, if it is too long.
    func append(
        _ head: borrowing RequestHead, kind: Event.Kind, _ visitor: Visitor, _ time: Timestamp,
        data: Span<UInt8>
    ) -> Bool {
        let bytes = Client.with(head, configuration.trustedProxies) { address, host in
            let event = Event(
                kind: kind, id: .version7(time: time, random: random.next()), time: time,
                visitor: visitor,
                request: Event.Request(
                    method: head.method.name, path: head.path, query: head.query, address: address,
                    userAgent: head[.userAgent], referrer: head[.referrer],
                    language: head[.acceptLanguage], host: host, origin: head[.origin]),
                data: data)
            return batch.append(bytesMax: event.encodedBytesMax) { event.encode(into: &$0) }
        }
        if bytes <= configuration.log.eventBytesMax { return true }
        batch.removeLast()
        return false
    }

    /// Lets the reply wait for the batch that is being filled.
    func hold(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ visitor: Visitor,
        _ time: Timestamp, _ reply: HitReply
    ) {
        var exchange = exchange
        setCookie(visitor, on: &exchange)
        let printed =
            printer == nil
            ? nil
            : PrintedRequest(hit: head, visitor: visitor, time: time, mode: configuration.print)
        held.append(HeldReply(exchange: exchange, reply: reply, printed: printed))
    }

    private func setCookie(_ visitor: Visitor, on exchange: inout HTTPExchange) {
        var output = OutputSpan(buffer: cookieText, initializedCount: 0)
        cookie.appendSetCookie(for: visitor, to: &output)
        output.append(0)
        let count = output.finalize(for: cookieText)
        exchange.addField(
            "Set-Cookie", nulTerminated: UnsafeBufferPointer(rebasing: cookieText[..<count]).span)
    }
}
