internal import CLibevent

/// A request that waits for its reply.
///
/// It is answered exactly once: every reply consumes it, and to forget one is a trap in a debug
/// build and a 500 otherwise (the connection would wait for ever). It may wait for as long as the
/// handler's limit allows, also when the client has gone meanwhile. On its loop's thread.
public struct HTTPExchange: ~Copyable {
    /// Who sends the reply. Handles only: an exchange can be discarded without a release.
    enum Sender {
        /// The gate; the request has this number on its connection.
        case gate(GateConnection.Pointer, number: Int)
        case evhttp(UnsafeMutablePointer<evhttp_request>, GateConnection.Pointer)
    }

    /// What becomes of the connection after the reply (RFC 9112, section 9.3).
    enum Persistence {
        case keeps
        /// It has to be said to a client of HTTP/1.0.
        case keepsOldClient
        case closes
    }

    private let sender: Sender
    private let state: UnsafeMutablePointer<ServerState>
    private let method: HTTPMethod
    private let persistence: Persistence
    private var fields = FieldText()

    init(
        _ sender: Sender, _ state: UnsafeMutablePointer<ServerState>, method: HTTPMethod,
        _ persistence: Persistence
    ) {
        self.sender = sender
        self.state = state
        self.method = method
        self.persistence = persistence
        state.pointee.openExchanges += 1
    }

    deinit {
        assertionFailure("an exchange was forgotten")
        send(Self.forgotten)
    }

    private static let forgotten = Response.plain(.internalServerError)

    /// Bytes of all the fields, with their names and line ends, that can be added to a reply which
    /// the gate sends.
    public static let gateFieldBytesMax = FieldText.capacityBytes

    /// Adds a header field to the reply. `value` ends in a NUL byte and has no other.
    public mutating func addField(_ name: StaticString, nulTerminated value: Span<UInt8>) {
        precondition(value.count > 0 && value[value.count - 1] == 0, "a C string ends in NUL")
        switch sender {
        case .gate: fields.append(name, value.extracting(0..<value.count - 1))
        case .evhttp(let request, _):
            value.withUnsafeBytes { bytes in
                let text = bytes.assumingMemoryBound(to: CChar.self).baseAddress
                let added = evhttp_add_header(
                    evhttp_request_get_output_headers(request), name.cString, text)
                precondition(added == 0, "a header field of ours has no line break")
            }
        }
    }

    /// Takes back a field that was added: the reply will be another one.
    public mutating func removeField(_ name: StaticString) {
        switch sender {
        case .gate: fields.remove(name)
        case .evhttp(let request, _):
            // It removes one at a time.
            let fields = evhttp_request_get_output_headers(request)
            while evhttp_remove_header(fields, name.cString) == 0 {}
        }
    }

    /// Answers.
    public consuming func reply(_ response: borrowing Response) {
        send(response)
        discard self
    }

    /// Begins a reply that is sent piece by piece, behind the head of `response`, which has no
    /// content of its own. `whenGone` is called once, when nothing more can be sent though the owner
    /// has not ended the stream. Not at the gate, and not for HEAD, to which no content is sent.
    public consuming func startStream(
        _ response: borrowing Response, whenGone: @escaping () -> Void
    ) -> HTTPStream {
        precondition(response.body.isEmpty && method != .head, "the content is what is streamed")
        guard case .evhttp(let request, let connection) = sender else {
            preconditionFailure("the gate sends whole replies")
        }
        state.pointee.openExchanges -= 1
        discard self
        let fields = evhttp_request_get_output_headers(request)
        for field in response.fields {
            let added = evhttp_add_header(fields, field.name.cString, field.value)
            precondition(added == 0, "a header field of ours has no line break")
        }
        evhttp_add_header(fields, "Connection", "close")
        return HTTPStream(request, connection, response.status, whenGone: whenGone)
    }

    private borrowing func send(_ response: borrowing Response) {
        state.pointee.openExchanges -= 1
        switch sender {
        case .gate(let connection, let number):
            connection.pointee.gate.reply(
                connection, number: number, response, fields: fields, method: method, persistence)
        case .evhttp(let request, let connection): send(response, request, connection)
        }
    }

    private borrowing func send(
        _ response: borrowing Response, _ request: UnsafeMutablePointer<evhttp_request>,
        _ gateConnection: GateConnection.Pointer
    ) {
        let fields = evhttp_request_get_output_headers(request)
        for field in response.fields {
            let added = evhttp_add_header(fields, field.name.cString, field.value)
            precondition(added == 0, "a header field of ours has no line break")
        }
        switch state.pointee.isDraining ? .closes : persistence {
        case .keeps: break
        case .keepsOldClient: evhttp_add_header(fields, "Connection", "keep-alive")
        case .closes: evhttp_add_header(fields, "Connection", "close")
        }
        let status = response.status
        if method == .head, status.hasContent {
            // evhttp sends what is in the buffer whatever the method, and no length without it.
            evhttp_add_header(fields, "Content-Length", String(response.body.count))
        } else {
            evbuffer_add(
                evhttp_request_get_output_buffer(request), response.body, response.body.count)
        }
        // The connection is asked for first: sending may free the request.
        let connection = evhttp_request_get_connection(request)
        evhttp_send_reply(request, status.rawValue, status.reason.cString, nil)
        guard let connection else { return }
        Self.writeNow(connection)
        gateConnection.pointee.gate.isReplying(gateConnection)
    }

    /// Writes what evhttp has queued instead of waiting for a turn in which the socket is reported
    /// writable. Saves a turn and two epoll_ctl a reply; what the socket does not take at once
    /// stays queued and goes out as usual.
    static func writeNow(_ connection: OpaquePointer) {
        guard let stream = evhttp_connection_get_bufferevent(connection) else { return }
        let output = bufferevent_get_output(stream)
        let descriptor = bufferevent_getfd(stream)
        guard descriptor >= 0 else { return }
        // A bufferevent freezes the start of its output against everybody but itself.
        evbuffer_unfreeze(output, 1)
        evbuffer_write(output, descriptor)
        evbuffer_freeze(output, 1)
        guard evbuffer_get_length(output) == 0 else { return }
        bufferevent_disable(stream, Int16(EV_WRITE))
        // evhttp's write callback sees an empty output and finishes the request.
        bufferevent_trigger(stream, Int16(EV_WRITE), Int32(BEV_TRIG_IGNORE_WATERMARKS.rawValue))
    }
}

/// What a server, its gate and its open exchanges share.
struct ServerState {
    var openExchanges = 0
    var isDraining = false
    /// Connections that were accepted.
    var connections: UInt64 = 0
    /// Requests that were refused, by reason, in the order of `RequestRefusal.allCases`.
    var refusals = [UInt64](repeating: 0, count: RequestRefusal.allCases.count)

    mutating func refused(_ refusal: RequestRefusal) {
        guard let index = RequestRefusal.allCases.firstIndex(of: refusal) else { return }
        refusals[index] += 1
    }
}

extension StaticString {
    /// The text as a C string; a `StaticString` ends in NUL.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
