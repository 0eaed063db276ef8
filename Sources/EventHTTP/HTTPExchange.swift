internal import CLibevent

/// A request that waits for its reply.
///
/// It is answered exactly once: every reply consumes it, and to forget one is a trap in a debug
/// build and a 500 otherwise (evhttp would hold the connection for ever). It may wait for as long
/// as the handler's limit allows, also when the client has gone meanwhile. On its loop's thread.
public struct HTTPExchange: ~Copyable {
    private let request: UnsafeMutablePointer<evhttp_request>
    private let state: UnsafeMutablePointer<ServerState>
    private let method: HTTPMethod

    init(
        request: UnsafeMutablePointer<evhttp_request>, state: UnsafeMutablePointer<ServerState>,
        method: HTTPMethod
    ) {
        self.request = request
        self.state = state
        self.method = method
        state.pointee.openExchanges += 1
    }

    deinit {
        assertionFailure("an exchange was forgotten")
        Self.send(Self.forgotten, to: request, state, method)
    }

    private static let forgotten = Response.plain(.internalServerError)

    /// Adds a header field to the reply. `value` ends in a NUL byte and has no other.
    public func addField(_ name: StaticString, nulTerminated value: Span<UInt8>) {
        precondition(value.count > 0 && value[value.count - 1] == 0, "a C string ends in NUL")
        value.withUnsafeBytes { bytes in
            let text = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            let added = evhttp_add_header(
                evhttp_request_get_output_headers(request), name.cString, text)
            precondition(added == 0, "a header field of ours has no line break")
        }
    }

    /// Takes back every field added so far: the reply will be another one.
    public func discardFields() {
        evhttp_clear_headers(evhttp_request_get_output_headers(request))
    }

    /// Answers.
    public consuming func reply(_ response: borrowing Response) {
        let (request, state, method) = (self.request, self.state, self.method)
        discard self
        Self.send(response, to: request, state, method)
    }

    private static func send(
        _ response: borrowing Response, to request: UnsafeMutablePointer<evhttp_request>,
        _ state: UnsafeMutablePointer<ServerState>, _ method: HTTPMethod
    ) {
        state.pointee.openExchanges -= 1
        let fields = evhttp_request_get_output_headers(request)
        for field in response.fields {
            let added = evhttp_add_header(fields, field.name.cString, field.value)
            precondition(added == 0, "a header field of ours has no line break")
        }
        if state.pointee.isDraining { evhttp_add_header(fields, "Connection", "close") }
        let status = response.status
        if status == .noContent {
            precondition(response.body.isEmpty, "204 has neither content nor a length (RFC 9110)")
        } else if method == .head {
            // evhttp sends what is in the buffer whatever the method, and no length without it.
            evhttp_add_header(fields, "Content-Length", String(response.body.count))
        } else {
            evbuffer_add(
                evhttp_request_get_output_buffer(request), response.body, response.body.count)
        }
        // The connection is asked for first: sending may free the request.
        let connection = evhttp_request_get_connection(request)
        evhttp_send_reply(request, status.rawValue, status.reason.cString, nil)
        if let connection { writeNow(connection) }
    }

    /// Writes what evhttp has queued instead of waiting for a turn in which the socket is reported
    /// writable. Saves a turn and two epoll_ctl a reply; what the socket does not take at once
    /// stays queued and goes out as usual.
    private static func writeNow(_ connection: OpaquePointer) {
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

/// What a server and its open exchanges share.
struct ServerState {
    var openExchanges = 0
    var isDraining = false
}

extension StaticString {
    /// The text as a C string; a `StaticString` ends in NUL.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
