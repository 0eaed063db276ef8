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
        let identity = identify(head)
        if identity.isDropped {
            return drop(
                head, exchange, identity, pixel == .script ? responses.script : responses.image)
        }
        let hit = Hit(head, identity, kind: pixel.kind, capturing: configuration.privacy)
        let (isStored, cookies) = appendEvent(head, hit)
        if !isStored {
            counts.addRejected(.tooLarge)
            return answer(head, exchange, Self.tooLargeReply)
        }
        hold(head, exchange, hit, cookies, pixel.reply)
    }

    /// Stores the events of a beacon: all that are valid.
    private func receiveBeacon(
        _ head: borrowing RequestHead, _ content: Span<UInt8>, _ exchange: consuming HTTPExchange
    ) {
        let identity = identify(head)
        if identity.isDropped { return drop(head, exchange, identity, responses.beacon) }
        let hit = Hit(head, identity, kind: .beacon, capturing: configuration.privacy)
        let outcome: BeaconOutcome
        do throws(BeaconBody.Refusal) {
            outcome = try BeaconBody.withJSON(head, content) { json in
                store(BeaconContent(json), of: json, head, hit)
            }
        } catch {
            counts.addRejected(error == .tooLarge ? .tooLarge : .invalid)
            return answer(head, exchange, .plain(error.status))
        }
        switch outcome {
        case .tooLarge: answer(head, exchange, Self.tooLargeReply)
        case .invalid(let report): answer(head, exchange, report.response)
        case .stored(let reply, let cookies): hold(head, exchange, hit, cookies, reply)
        }
    }

    private enum BeaconOutcome {
        case tooLarge
        case invalid(BatchReport)
        case stored(HitReply, VisitorCookie.Variant)
    }

    private func store(
        _ beacon: BeaconContent, of json: Span<UInt8>, _ head: borrowing RequestHead, _ hit: Hit
    ) -> BeaconOutcome {
        if beacon.items.count > BeaconContent.itemsMax {
            // How many they are nobody has counted.
            counts.addRejected(.tooLarge)
            return .tooLarge
        }
        let (template, cookies) = withEvent(head, hit) { event, cookies in
            (EventTemplate(event, aliases: configuration.parameterAliases), cookies)
        }
        var stored = 0
        var invalid: [(index: Int, reason: String)] = []
        for (index, item) in beacon.items.enumerated() {
            switch item {
            case .object(let range):
                let isStored = append(bytesMax: template.encodedBytesMax(dataBytes: range.count)) {
                    template.encode(id: newID(hit), data: json.extracting(range), into: &$0)
                }
                if isStored {
                    stored += 1
                    continue
                }
                counts.addRejected(.tooLarge)
                if beacon.isBatch {
                    invalid.append((index, "the event is too large"))
                } else {
                    return .tooLarge
                }
            case .invalid(let reason):
                counts.addRejected(.invalid)
                invalid.append((index, reason))
            }
        }
        let report = BatchReport(stored: stored, invalid: invalid)
        if stored == 0 { return .invalid(report) }
        return .stored(beacon.isBatch ? .batch(report) : .beacon, cookies)
    }

    func identify(_ head: borrowing RequestHead) -> Identity {
        if solePeer.isPossible, solePeer.isCertain(after: head) { warn(solePeer.warning) }
        return identification.identify(head) { (random.next(), random.next()) }
    }

    /// Answers a hit that the visitor does not want to be stored, as if it were.
    func drop(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ identity: Identity,
        _ response: Response
    ) {
        if let signal = identity.privacy { counts.addDropped(signal) }
        var exchange = exchange
        let cookies = Client.with(head, configuration.trustedProxies) { _, host, isSecure in
            cookie.variant(host: host, isSecure: isSecure)
        }
        changeCookie(identity, cookies, on: &exchange)
        answer(head, exchange, response)
    }

    /// Adds the event of a hit to the batch. Whether it could, and the cookies for its client.
    func appendEvent(
        _ head: borrowing RequestHead, _ hit: Hit
    ) -> (isStored: Bool, cookies: VisitorCookie.Variant) {
        withEvent(head, hit) { event, cookies in
            let isStored = append(bytesMax: event.encodedBytesMax) {
                event.encode(into: &$0, aliases: configuration.parameterAliases)
            }
            return (isStored, cookies)
        }
    }

    /// Calls `body` with the event of a hit, and with the cookies for its client.
    private func withEvent<Result>(
        _ head: borrowing RequestHead, _ hit: Hit,
        _ body: (borrowing Event, VisitorCookie.Variant) -> Result
    ) -> Result {
        let bot = bots.reason(for: head)
        return Client.with(head, configuration.trustedProxies) { address, host, isSecure in
            let event = Event(
                kind: hit.kind, id: newID(hit), time: hit.time, visitor: hit.identity.visitor,
                request: Event.Request(
                    method: head.method.name, path: head.path, query: head.query, address: address,
                    userAgent: head[.userAgent], referrer: head[.referrer],
                    language: head[.acceptLanguage], host: host, origin: head[.origin]),
                addressDetail: configuration.privacy.addressDetail, privacy: hit.identity.privacy,
                bot: bot.bytes, headers: hit.headers.span)
            return body(event, cookie.variant(host: host, isSecure: isSecure))
        }
    }

    private func newID(_ hit: Hit) -> UUID {
        .version7(time: hit.time, random: random.next())
    }

    /// Adds a line to the batch. Whether it could: it may be too long.
    private func append(
        bytesMax: Int, _ encode: (inout OutputSpan<UInt8>) -> Void
    ) -> Bool {
        if batch.append(bytesMax: bytesMax, encode) <= configuration.log.eventBytesMax {
            return true
        }
        batch.removeLast()
        return false
    }

    /// Lets the reply wait for the batch that is being filled.
    func hold(
        _ head: borrowing RequestHead, _ exchange: consuming HTTPExchange, _ hit: Hit,
        _ cookies: VisitorCookie.Variant, _ reply: HitReply
    ) {
        var exchange = exchange
        changeCookie(hit.identity, cookies, on: &exchange)
        let printed =
            printer == nil
            ? nil
            : PrintedRequest(
                hit: head, hit.identity, configuration.parameterAliases, time: hit.time,
                mode: configuration.print)
        let logged = accessLog.map { accessLine($0, head, time: hit.time) }
        held.append(
            HeldReply(exchange: exchange, reply: reply, printed: printed, logged: logged))
    }

    /// The line of a request in the access log. It says no more of who sent it than an event of it
    /// would.
    func accessLine(
        _ log: AccessLog, _ head: borrowing RequestHead, time: Timestamp
    ) -> AccessLog.Line {
        let privacy: AccessLog.Privacy =
            switch identification.policy(head) {
            case .record: .plain
            case .anonymize: .anonymous
            case .drop: .nothing
            }
        return Client.with(head, configuration.trustedProxies) { address, _, _ in
            log.line(head, address: address, privacy, time: time)
        }
    }

    private func changeCookie(
        _ identity: Identity, _ cookies: VisitorCookie.Variant, on exchange: inout HTTPExchange
    ) {
        switch identity.cookieChange {
        case .none: break
        case .set:
            guard let visitor = identity.visitor else { return }
            var output = OutputSpan(buffer: cookieText, initializedCount: 0)
            cookie.appendSetCookie(for: visitor, cookies, to: &output)
            output.append(0)
            let count = output.finalize(for: cookieText)
            exchange.addField(
                "Set-Cookie",
                nulTerminated: UnsafeBufferPointer(rebasing: cookieText[..<count]).span)
        case .expire:
            for value in cookie.expiries(cookies) {
                exchange.addField("Set-Cookie", nulTerminated: (value + [0]).span)
            }
        }
    }
}
