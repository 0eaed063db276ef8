internal import CLibevent
internal import Glibc
internal import POSIX

/// Stands between the sockets of a server and evhttp: no byte from the network reaches evhttp's
/// parser.
///
/// evhttp accepts and owns each connection. The gate takes `EV_READ` away from it before the first
/// poll, receives the bytes itself, and parses them where they lie. A hit without content is
/// answered straight to the socket; any other request is given to evhttp whole, behind a head that
/// the gate has written, and afterwards the gate takes the connection back. On the loop's thread.
final class Gate {
    typealias Connection = GateConnection.Pointer

    /// A request that evhttp has been given and dispatches just now.
    struct Handover {
        let connection: Connection
        let head: HeadParser.Head
        let bytes: UnsafeBufferPointer<UInt8>
    }

    // These change only between two turns; to check that for each hit takes 1 % of its instructions.
    @exclusivity(unchecked) private var limits: HTTPLimits
    @exclusivity(unchecked) private var parser: HeadParser
    @exclusivity(unchecked) private unowned var handler: any HTTPHandler
    /// Where bytes are received; what is left of them is copied to the connection.
    @exclusivity(unchecked) private var scratch: UnsafeMutableBufferPointer<UInt8>
    private let base: OpaquePointer
    private let state: UnsafeMutablePointer<ServerState>
    /// Set while evhttp dispatches a request.
    private(set) var handover: Handover?
    /// Whether every request goes through evhttp.
    private var handsOverAll: Bool
    /// Not so on a unix socket, for which evhttp has a host name that is not the peer's.
    private let hasPeerAddresses: Bool
    /// Whether a peer begins its connections with a PROXY header.
    private var sendsProxyHeader: (_ peer: Span<UInt8>) -> Bool
    private var first: Connection?
    // No access lies within another; to check that for each hit takes 1 % of its instructions.
    @exclusivity(unchecked) private var dirty: [Connection] = []
    /// An event will give up more connections.
    private var isExpiring = false
    private var turn = 0
    /// Requests that went to the handler at the gate.
    private var taken = 0
    private var now: Double
    private var date = DateField()
    /// Connections that are open.
    private(set) var count = 0
    /// Called when `count` has changed.
    var countChanged: (Int) -> Void = { _ in }

    /// Bytes that are received at a time.
    private static let receiveBytes = 64 << 10
    /// Bytes of replies that may wait for a peer before no more is read from it.
    private static let outputBytesMax = 64 << 10
    /// Bytes that are read from a refused peer and thrown away, so that the reply is not lost to a
    /// reset, and the seconds that this may take.
    private static let discardBytesMax = 64 << 10
    private static let discardSeconds = 1.0
    /// Connections that are given up at a time, and the seconds until the next ones are: thousands
    /// that came together go together, and hits are not to wait for all of them.
    private static let expiredMax = 32
    private static let expirySeconds = 0.01

    init(
        base: OpaquePointer, limits: HTTPLimits, handsOverAll: Bool, hasPeerAddresses: Bool,
        sendsProxyHeader: @escaping (_ peer: Span<UInt8>) -> Bool,
        state: UnsafeMutablePointer<ServerState>, handler: any HTTPHandler
    ) {
        self.base = base
        self.limits = limits
        self.handsOverAll = handsOverAll
        self.hasPeerAddresses = hasPeerAddresses
        self.sendsProxyHeader = sendsProxyHeader
        self.state = state
        self.handler = handler
        parser = HeadParser(limits: limits)
        scratch = .allocate(capacity: limits.headBytesMax + Self.receiveBytes)
        now = Clock.monotonicSeconds()
    }

    deinit {
        precondition(first == nil, "evhttp is freed first, and closes every connection")
        scratch.deallocate()
    }

    /// Goes by these from now on; connections that are open keep their deadlines.
    func update(
        limits: HTTPLimits, handsOverAll: Bool,
        sendsProxyHeader: @escaping (_ peer: Span<UInt8>) -> Bool, handler: any HTTPHandler
    ) {
        self.limits = limits
        self.handsOverAll = handsOverAll
        self.sendsProxyHeader = sendsProxyHeader
        self.handler = handler
        parser = HeadParser(limits: limits)
        // Never smaller: connections may hold as much as they could before.
        guard scratch.count < limits.headBytesMax + Self.receiveBytes else { return }
        scratch.deallocate()
        scratch = .allocate(capacity: limits.headBytesMax + Self.receiveBytes)
    }

    /// Connections of which a request has begun, or that wait for a reply or for its last bytes.
    var busyCount: Int {
        var busy = 0
        var next = first
        while let connection = next {
            next = connection.pointee.next
            if isBusy(connection) { busy += 1 }
        }
        return busy
    }

    private func isBusy(_ connection: Connection) -> Bool {
        switch connection.pointee.phase {
        case .content, .chunks, .refused: true
        case .proxyHeader, .head:
            connection.pointee.seen > 0 || connection.pointee.waits
                || connection.pointee.isHandedOver || connection.pointee.output.count > 0
        }
    }

    // MARK: - Connections

    /// A stream for a connection that evhttp is about to accept.
    func makeStream() -> OpaquePointer? {
        guard let stream = bufferevent_socket_new(base, -1, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
        else { return nil }
        let connection = Connection.allocate(capacity: 1)
        connection.initialize(to: GateConnection(gate: self, stream: stream))
        count += 1
        state.pointee.connections += 1
        countChanged(count)
        // Due at once: it runs in this turn, before anything can be read.
        var atOnce = timeval()
        event_base_once(base, -1, Int16(EV_TIMEOUT), gateAttach, connection, &atOnce)
        return stream
    }

    func attach(_ connection: Connection) {
        let stream = connection.pointee.stream
        var context: UnsafeMutableRawPointer?
        bufferevent_getcb(stream, nil, nil, nil, &context)
        // evhttp's callbacks have its connection as their context.
        let owner = OpaquePointer(context)
        connection.pointee.connection = owner
        evhttp_connection_set_closecb(owner, gateClosed, connection)
        bufferevent_disable(stream, Int16(EV_READ))
        let descriptor = bufferevent_getfd(stream)
        connection.pointee.descriptor = descriptor
        connection.pointee.readEvent = event_new(
            base, descriptor, Int16(EV_READ | EV_PERSIST), gateReadable, connection)
        connection.pointee.deadline = now + min(limits.headSeconds, limits.idleSeconds)
        readPeer(connection, owner)
        if sendsProxyHeader(connection.pointee.peer.bytes.span) {
            connection.pointee.phase = .proxyHeader
        }
        connection.pointee.next = first
        first?.pointee.previous = connection
        first = connection
        setReading(connection, true)
    }

    private func readPeer(_ connection: Connection, _ owner: OpaquePointer?) {
        guard hasPeerAddresses else { return }
        var address: UnsafeMutablePointer<CChar>?
        var port: UInt16 = 0
        evhttp_connection_get_peer(owner, &address, &port)
        guard let address else { return }
        let text = UnsafePointer(address).withoutMappedPrefix
        connection.pointee.peer.append(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    /// evhttp has closed the connection, and its socket with it.
    func closed(_ connection: Connection) {
        connection.pointee.connection = nil
        connection.pointee.isClosed = true
        event_free(connection.pointee.readEvent)
        if let event = connection.pointee.writeEvent { event_free(event) }
        connection.pointee.readEvent = nil
        connection.pointee.writeEvent = nil
        let (previous, next) = (connection.pointee.previous, connection.pointee.next)
        if let previous { previous.pointee.next = next } else { first = next }
        next?.pointee.previous = previous
        count -= 1
        countChanged(count)
        if let stream = connection.pointee.streaming {
            connection.pointee.streaming = nil
            stream.closed()
        }
        forgetIfUnknown(connection)
    }

    /// Frees the memory of a closed connection that nobody will ask for again.
    private func forgetIfUnknown(_ connection: Connection) {
        guard connection.pointee.isClosed, !connection.pointee.isBusy,
            !connection.pointee.waits || connection.pointee.isHandedOver,
            !connection.pointee.isReturning, !connection.pointee.isDirty
        else { return }
        connection.deinitialize(count: 1)
        connection.deallocate()
    }

    /// Closes a connection. Never while evhttp has a request of it.
    private func close(_ connection: Connection) {
        guard let owner = connection.pointee.connection else { return }
        precondition(!connection.pointee.isHandedOver, "evhttp would use the request afterwards")
        evhttp_connection_free(owner)
    }

    private func setReading(_ connection: Connection, _ isReading: Bool) {
        guard connection.pointee.isReading != isReading, let event = connection.pointee.readEvent
        else { return }
        connection.pointee.isReading = isReading
        if isReading { event_add(event, nil) } else { event_del(event) }
    }

    // MARK: - Receiving

    func readable(_ connection: Connection) {
        if connection.pointee.isHandedOver { return readableDuringReply(connection) }
        let heldBytes = connection.pointee.held.count
        guard let start = scratch.baseAddress else { return }
        let received = recv(
            connection.pointee.descriptor, start + heldBytes, scratch.count - heldBytes, 0)
        if received < 0 {
            if errno == EAGAIN || errno == EINTR { return }
            return close(connection)
        }
        if received == 0 {
            connection.pointee.hasEnded = true
            setReading(connection, false)
            return closeIfDone(connection)
        }
        if heldBytes > 0 {
            connection.pointee.held.copy(to: start)
            connection.pointee.held.removeAll(keeping: 4096)
        }
        advance(
            connection, UnsafeBufferPointer(start: start, count: heldBytes + received))
    }

    /// Something has come while evhttp has a request.
    private func readableDuringReply(_ connection: Connection) {
        // Few clients send more before they have the reply, so this is better than to stop each time.
        guard let stream = connection.pointee.streaming else {
            return setReading(connection, false)
        }
        // After a stream the connection is closed, so all that matters is whether the client is there.
        let received = recv(connection.pointee.descriptor, scratch.baseAddress, scratch.count, 0)
        if received < 0, errno == EAGAIN || errno == EINTR { return }
        if received <= 0 || !stream.ignores(received) { cut(connection) }
    }

    /// Uses as many of `bytes`, which are in `scratch`, as it may, and holds the rest.
    private func advance(_ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>) {
        var used = 0
        connection.pointee.isBusy = true
        while used < bytes.count, !connection.pointee.isClosed {
            let count = take(connection, UnsafeBufferPointer(rebasing: bytes[used...]))
            if count == 0 { break }
            used += count
        }
        connection.pointee.isBusy = false
        if connection.pointee.isClosed { return forgetIfUnknown(connection) }
        if used < bytes.count {
            connection.pointee.held.append(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[used...])))
        }
        setReading(connection, mayRead(connection))
        closeIfDone(connection)
    }

    private func mayRead(_ connection: Connection) -> Bool {
        if case .refused(let discarded) = connection.pointee.phase,
            discarded > Self.discardBytesMax
        {
            return false
        }
        return !connection.pointee.hasEnded
            && connection.pointee.held.count < limits.headBytesMax
            && connection.pointee.output.count < Self.outputBytesMax
    }

    /// Uses bytes of one thing: a head, some content. How many; none if more has to come, or if
    /// something else has to be done first.
    private func take(_ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        if connection.pointee.isHandedOver { return 0 }
        switch connection.pointee.phase {
        case .refused(let discarded):
            connection.pointee.phase = .refused(discarded: discarded + bytes.count)
            if discarded + bytes.count > Self.discardBytesMax { connection.pointee.deadline = 0 }
            return bytes.count
        case .proxyHeader: return takeProxyHeader(connection, bytes)
        case .head: return takeHead(connection, bytes)
        // evhttp is going to write to the socket, so 100 Continue has to be out.
        case .content where connection.pointee.output.count > 0,
            .chunks where connection.pointee.output.count > 0:
            return 0
        case .content(let left):
            let count = min(left, bytes.count)
            connection.pointee.content.append(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<count])))
            connection.pointee.phase = .content(left: left - count)
            if left == count { handOverWithContent(connection) }
            return count
        case .chunks(var reader):
            do throws(RequestRefusal) {
                let count = try reader.read(bytes) {
                    connection.pointee.content.append(UnsafeRawBufferPointer($0))
                }
                connection.pointee.phase = .chunks(reader)
                if reader.isComplete { handOverWithContent(connection) }
                return count
            } catch {
                refuse(connection, error, begun: connection.pointee.head.bytes)
                return bytes.count
            }
        }
    }

    private func takeProxyHeader(
        _ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Int {
        do throws(RequestRefusal) {
            guard let header = try ProxyHeader(beginning: bytes) else {
                noteUnfinishedHead(connection, bytes)
                return 0
            }
            connection.pointee.seen = 0
            connection.pointee.phase = .head
            connection.pointee.isSecure = header.isSecure
            if var address = header.address {
                connection.pointee.peer.removeAll()
                address.withUTF8 { connection.pointee.peer.append(UnsafeRawBufferPointer($0)) }
            }
            return header.bytes
        } catch {
            refuse(connection, error)
            return bytes.count
        }
    }

    /// The rest of what has begun with `bytes` has to come in time.
    private func noteUnfinishedHead(
        _ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>
    ) {
        if connection.pointee.seen == 0 { connection.pointee.deadline = now + limits.headSeconds }
        connection.pointee.seen = bytes.count
    }

    private func takeHead(_ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        // What came in an earlier turn is answered first, and after the last request nothing is
        // looked at.
        let waits = connection.pointee.waits
        if connection.pointee.isLast || (waits && connection.pointee.turn != turn) { return 0 }
        let head: HeadParser.Head
        do throws(RequestRefusal) {
            guard let found = try parser.parse(bytes, seen: connection.pointee.seen) else {
                noteUnfinishedHead(connection, bytes)
                return 0
            }
            head = found
        } catch {
            // Its reply comes after those that wait.
            if waits { return 0 }
            refuse(connection, error, begun: bytes)
            return bytes.count
        }
        if !handsOverAll, head.framing == .length(0), answerHere(connection, head, bytes) {
            return head.bytes
        }
        // evhttp writes to the socket itself, so everything before it has to be out.
        if waits || connection.pointee.output.count > 0 { return 0 }
        noteRequest(connection, head)
        // evhttp answers it.
        connection.pointee.answered = connection.pointee.requests
        begin(connection, head, bytes)
        return head.bytes
    }

    /// Offers a request to the handler. Whether it took it.
    private func answerHere(
        _ connection: Connection, _ head: HeadParser.Head, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        withRequestHead(head, bytes, connection) { request in
            handler.handleAtGate(request) {
                noteRequest(connection, head)
                taken += 1
                connection.pointee.turn = turn
                return HTTPExchange(
                    .gate(connection, number: connection.pointee.requests), state,
                    method: head.parts.method, persistence(head, connection))
            }
        }
    }

    /// A request has come whole and is going to be answered.
    private func noteRequest(_ connection: Connection, _ head: HeadParser.Head) {
        connection.pointee.seen = 0
        connection.pointee.requests += 1
        connection.pointee.isLast =
            !head.keepsAlive || connection.pointee.requests >= limits.requestsMax
            || state.pointee.isDraining
        connection.pointee.deadline = .infinity
    }

    private func persistence(
        _ head: HeadParser.Head, _ connection: Connection
    ) -> HTTPExchange.Persistence {
        if connection.pointee.isLast { return .closes }
        return head.parts.minorVersion == 0 ? .keepsOldClient : .keeps
    }

    private func withRequestHead<Result>(
        _ head: HeadParser.Head, _ bytes: UnsafeBufferPointer<UInt8>, _ connection: Connection,
        _ body: (borrowing RequestHead) -> Result
    ) -> Result {
        body(
            RequestHead(
                bytes: bytes.span,
                fields: UnsafeBufferPointer(rebasing: parser.fields[..<head.fieldCount]).span,
                peer: connection.pointee.peer.bytes.span, isSecure: connection.pointee.isSecure,
                parts: head.parts))
    }

    // MARK: - Handing over

    private func begin(
        _ connection: Connection, _ head: HeadParser.Head, _ bytes: UnsafeBufferPointer<UInt8>
    ) {
        switch head.framing {
        case .length(0): handOver(connection, head, bytes)
        case .length(let length):
            connection.pointee.phase = .content(left: length)
            receiveContent(connection, head, bytes)
        case .chunked:
            connection.pointee.phase = .chunks(ChunkedReader(limits: limits))
            receiveContent(connection, head, bytes)
        }
    }

    private func receiveContent(
        _ connection: Connection, _ head: HeadParser.Head, _ bytes: UnsafeBufferPointer<UInt8>
    ) {
        connection.pointee.deadline = now + limits.bodySeconds
        connection.pointee.head.append(
            UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<head.bytes])))
        if head.expectsContinue, bytes.count == head.bytes {
            connection.pointee.output.append("HTTP/1.1 100 Continue\r\n\r\n")
            markDirty(connection)
        }
    }

    private func handOverWithContent(_ connection: Connection) {
        connection.pointee.phase = .head
        connection.pointee.deadline = .infinity
        let bytes = connection.pointee.head.bytes
        do throws(RequestRefusal) {
            guard let head = try parser.parse(bytes) else {
                preconditionFailure("it was a head when it came")
            }
            handOver(connection, head, bytes)
        } catch {
            // The limits are others by now.
            return refuse(connection, error)
        }
        if connection.pointee.isClosed { return }
        connection.pointee.head.removeAll()
        connection.pointee.content.removeAll()
    }

    /// Gives evhttp a whole request. It dispatches it before this returns.
    private func handOver(
        _ connection: Connection, _ head: HeadParser.Head, _ bytes: UnsafeBufferPointer<UInt8>
    ) {
        guard let request = evbuffer_new() else { preconditionFailure("no memory") }
        defer { evbuffer_free(request) }
        let content = connection.pointee.content.bytes
        let text = "POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: \(content.count)\r\n\r\n"
        evbuffer_add(request, text, text.utf8.count)
        evbuffer_add(request, content.baseAddress, content.count)
        connection.pointee.isHandedOver = true
        handover = Handover(connection: connection, head: head, bytes: bytes)
        // A bufferevent freezes the end of its input; its start is open.
        evbuffer_prepend_buffer(bufferevent_get_input(connection.pointee.stream), request)
        bufferevent_trigger(
            connection.pointee.stream, Int16(EV_READ), Int32(BEV_TRIG_IGNORE_WATERMARKS.rawValue))
        handover = nil
    }

    /// Calls `body` with the head of the request that evhttp dispatches, as the gate has parsed it,
    /// and its content.
    func dispatch(
        _ request: UnsafeMutablePointer<evhttp_request>,
        _ body: (
            borrowing RequestHead, Span<UInt8>, HTTPExchange.Sender, HTTPExchange.Persistence
        ) -> Void
    ) {
        guard let handover else { preconditionFailure("evhttp reads nothing but what it is given") }
        evhttp_request_set_on_complete_cb(request, gateCompleted, handover.connection)
        let head = handover.head
        handover.connection.pointee.isOldClient = head.parts.minorVersion == 0
        withRequestHead(head, handover.bytes, handover.connection) {
            body(
                $0, handover.connection.pointee.content.bytes.span,
                .evhttp(request, handover.connection), persistence(head, handover.connection))
        }
        if handover.connection.pointee.connection != nil {
            bufferevent_disable(handover.connection.pointee.stream, Int16(EV_READ))
        }
    }

    /// evhttp has sent its reply. It goes on with the connection when this returns, so the gate
    /// takes it back a moment later.
    func completed(_ connection: Connection) {
        connection.pointee.isReturning = true
        var atOnce = timeval()
        event_base_once(base, -1, Int16(EV_TIMEOUT), gateReturned, connection, &atOnce)
    }

    /// evhttp has been given the reply. What the socket did not take at once it writes by itself,
    /// for as long as it takes.
    func isReplying(_ connection: Connection) {
        if connection.pointee.isClosed || connection.pointee.isReturning { return }
        keepFromReading(connection)
        connection.pointee.writeDeadline = now + limits.writeSeconds
    }

    /// evhttp begins to read whenever it is given something to write (libevent's
    /// evhttp_write_buffer). What it read would come to its parser after the reply.
    private func keepFromReading(_ connection: Connection) {
        bufferevent_disable(connection.pointee.stream, Int16(EV_READ))
    }

    // MARK: - Streams

    /// evhttp has begun to send a reply piece by piece.
    func begin(_ stream: HTTPStream, on connection: Connection) {
        connection.pointee.isLast = true
        connection.pointee.streaming = stream
        keepFromReading(connection)
        // To learn that the client goes.
        setReading(connection, true)
    }

    /// evhttp has been given a piece.
    func hasSentChunk(_ connection: Connection) {
        keepFromReading(connection)
        let waiting = bufferevent_get_output(connection.pointee.stream)
        if evbuffer_get_length(waiting) > limits.streamBytesMax { cut(connection) }
    }

    /// Closes a connection to which a reply is being sent piece by piece. evhttp frees the request.
    private func cut(_ connection: Connection) {
        connection.pointee.isHandedOver = false
        close(connection)
    }

    /// Ends every stream.
    func endStreams() {
        var next = first
        while let connection = next {
            next = connection.pointee.next
            connection.pointee.streaming?.endByServer()
        }
    }

    func returned(_ connection: Connection) {
        connection.pointee.isReturning = false
        connection.pointee.isHandedOver = false
        connection.pointee.writeDeadline = .infinity
        if connection.pointee.isClosed { return forgetIfUnknown(connection) }
        bufferevent_disable(connection.pointee.stream, Int16(EV_READ))
        connection.pointee.deadline = now + limits.idleSeconds
        resume(connection)
    }

    /// Goes on with what was held back.
    private func resume(_ connection: Connection) {
        let count = connection.pointee.held.count
        guard count > 0, let start = scratch.baseAddress else {
            setReading(connection, mayRead(connection))
            return closeIfDone(connection)
        }
        connection.pointee.held.copy(to: start)
        connection.pointee.held.removeAll(keeping: 4096)
        advance(connection, UnsafeBufferPointer(start: start, count: count))
    }

    // MARK: - Replies

    /// Answers the request of that number, which waits at the gate.
    func reply(
        _ connection: Connection, number: Int, _ response: borrowing Response,
        fields: borrowing FieldText, method: HTTPMethod, _ persistence: HTTPExchange.Persistence
    ) {
        var persistence = persistence
        if state.pointee.isDraining {
            connection.pointee.isLast = true
            if number == connection.pointee.requests { persistence = .closes }
        }
        if connection.pointee.answered + 1 == number {
            connection.pointee.answered = number
            write(response, to: &connection.pointee.output, fields, method, persistence)
            writeEarly(connection)
        } else {
            let early = EarlyReply(number: number)
            write(response, to: &early.bytes, fields, method, persistence)
            connection.pointee.early.append(early)
        }
        if connection.pointee.isClosed { return forgetIfUnknown(connection) }
        markDirty(connection)
    }

    /// Writes the replies that have waited for the one before them.
    private func writeEarly(_ connection: Connection) {
        while let index = connection.pointee.early.firstIndex(
            where: { $0.number == connection.pointee.answered + 1 })
        {
            let early = connection.pointee.early.remove(at: index)
            connection.pointee.output.append(UnsafeRawBufferPointer(early.bytes.bytes))
            connection.pointee.answered += 1
        }
    }

    private func write(
        _ response: borrowing Response, to output: inout ByteBuffer, _ fields: borrowing FieldText,
        _ method: HTTPMethod, _ persistence: HTTPExchange.Persistence
    ) {
        response.statusLine.withUnsafeBytes { output.append($0) }
        fields.withBytes { output.append($0) }
        response.fieldLines.withUnsafeBytes { output.append($0) }
        date.withBytes { output.append($0) }
        response.lengthLine.withUnsafeBytes { output.append($0) }
        switch persistence {
        case .keeps: break
        case .keepsOldClient: output.append("Connection: keep-alive\r\n")
        case .closes: output.append("Connection: close\r\n")
        }
        output.append("\r\n")
        if method != .head { response.body.withUnsafeBytes { output.append($0) } }
    }

    /// Refuses what has begun with `begun`.
    private func refuse(
        _ connection: Connection, _ refusal: RequestRefusal,
        begun: UnsafeBufferPointer<UInt8> = UnsafeBufferPointer(start: nil, count: 0)
    ) {
        state.pointee.refused(refusal)
        let response = Response.plain(refusal.status)
        handler.refused(
            begun: begun.span, peer: connection.pointee.peer.bytes.span, response)
        write(response, to: &connection.pointee.output, FieldText(), .get, .closes)
        connection.pointee.isLast = true
        connection.pointee.phase = .refused(discarded: 0)
        connection.pointee.deadline = now + Self.discardSeconds
        markDirty(connection)
    }

    private func markDirty(_ connection: Connection) {
        if connection.pointee.isDirty { return }
        connection.pointee.isDirty = true
        dirty.append(connection)
    }

    /// Sends what was written in this turn, and goes on with the connections that waited for it.
    /// Whether that brought requests to the handler.
    func endTurn() -> Bool {
        turn += 1
        let before = taken
        // What is resumed may write again.
        while let connection = dirty.popLast() {
            connection.pointee.isDirty = false
            if connection.pointee.isClosed {
                forgetIfUnknown(connection)
            } else if send(connection) {
                resume(connection)
            }
        }
        return taken > before
    }

    /// Sends as much as the socket takes. False if the connection is closed.
    private func send(_ connection: Connection) -> Bool {
        while connection.pointee.output.count > 0 {
            let bytes = connection.pointee.output.bytes
            let sent = Glibc.send(
                connection.pointee.descriptor, bytes.baseAddress, bytes.count,
                Int32(MSG_NOSIGNAL))
            if sent < 0, errno == EINTR { continue }
            if sent < 0, errno != EAGAIN {
                close(connection)
                return false
            }
            if sent < 0 {
                waitForRoom(connection)
                return true
            }
            connection.pointee.output.removeFirst(sent)
            connection.pointee.bytesDue -= sent
            if connection.pointee.bytesDue <= 0 { connection.pointee.writeDeadline = .infinity }
        }
        connection.pointee.output.removeAll(keeping: 1024)
        if case .refused = connection.pointee.phase {
            // The peer may read the reply in peace.
            shutdown(connection.pointee.descriptor, Int32(SHUT_WR))
        } else if !connection.pointee.waits, connection.pointee.deadline == .infinity,
            !connection.pointee.isHandedOver
        {
            connection.pointee.deadline = now + limits.idleSeconds
        }
        return true
    }

    private func waitForRoom(_ connection: Connection) {
        if connection.pointee.isWriting { return }
        if connection.pointee.writeEvent == nil {
            connection.pointee.writeEvent = event_new(
                base, connection.pointee.descriptor, Int16(EV_WRITE), gateWritable, connection)
        }
        connection.pointee.isWriting = true
        // A peer that takes a little now and then does not put it off.
        if connection.pointee.writeDeadline == .infinity {
            connection.pointee.writeDeadline = now + limits.writeSeconds
            connection.pointee.bytesDue = connection.pointee.output.count
        }
        event_add(connection.pointee.writeEvent, nil)
    }

    func writable(_ connection: Connection) {
        connection.pointee.isWriting = false
        if send(connection) { resume(connection) }
    }

    /// Closes a connection from which no request and to which no reply will come any more.
    private func closeIfDone(_ connection: Connection) {
        guard !connection.pointee.isClosed, !connection.pointee.isHandedOver,
            !connection.pointee.waits, connection.pointee.output.count == 0,
            !connection.pointee.isDirty
        else { return }
        if case .refused = connection.pointee.phase {
            if connection.pointee.hasEnded { close(connection) }
        } else if connection.pointee.isLast || connection.pointee.hasEnded {
            close(connection)
        }
    }

    // MARK: - Time

    /// Closes what has passed its deadline. Once a second, and by itself again while there is more.
    func sweep() {
        now = Clock.monotonicSeconds()
        date.update()
        expireSome()
    }

    func expireSome() {
        var left = Self.expiredMax
        var next = first
        while let connection = next {
            next = connection.pointee.next
            let repliesLate = connection.pointee.writeDeadline <= now
            if !repliesLate && !isLate(connection) { continue }
            if left == 0 { return expireMoreSoon() }
            left -= 1
            if repliesLate {
                // While evhttp has a request, only its reply can be late: the gate's own output was
                // out before. With its reply, nobody will ask for the request again.
                connection.pointee.isHandedOver = false
                close(connection)
            } else {
                expire(connection)
            }
        }
    }

    private func expireMoreSoon() {
        if isExpiring { return }
        isExpiring = true
        var soon = timeval(seconds: Self.expirySeconds)
        event_base_once(base, -1, Int16(EV_TIMEOUT), gateExpiring, callbackContext(self), &soon)
    }

    func expiring() {
        isExpiring = false
        expireSome()
    }

    /// Whether the client has let its time pass; not while it is Footfall's turn.
    private func isLate(_ connection: Connection) -> Bool {
        connection.pointee.deadline <= now && !connection.pointee.isHandedOver
            && !connection.pointee.waits && connection.pointee.output.count == 0
    }

    private func expire(_ connection: Connection) {
        switch connection.pointee.phase {
        case .proxyHeader where connection.pointee.seen > 0: refuse(connection, .headTimeout)
        case .head where connection.pointee.seen > 0:
            refuse(connection, .headTimeout, begun: connection.pointee.held.bytes)
        case .content, .chunks:
            refuse(connection, .bodyTimeout, begun: connection.pointee.head.bytes)
        default: close(connection)
        }
    }
}

extension UnsafePointer<CChar> {
    /// The IPv4 address within `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2), or all of it.
    var withoutMappedPrefix: UnsafePointer<CChar> {
        strncmp(self, "::ffff:", 7) == 0 && strchr(self, Int32(UInt8(ascii: "."))) != nil
            ? self + 7 : self
    }
}
