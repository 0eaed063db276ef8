internal import CLibevent
internal import Glibc

/// Answers requests. Called on the loop's thread.
public protocol HTTPHandler: AnyObject {
    /// A request has arrived. The head is gone when this returns; the exchange may be kept.
    func handle(_ head: borrowing RequestHead, _ exchange: consuming HTTPExchange)
}

/// evhttp on one listening socket of one loop.
///
/// Made and used on the loop's thread. Free it only when no exchange is open.
public final class HTTPServer {
    private let server: OpaquePointer
    private let listener: OpaquePointer
    private let loop: EventLoop
    private let head: EvhttpHead
    private let state: UnsafeMutablePointer<ServerState>
    private let hasPeerAddresses: Bool
    // One witness call a request; a class existential allocates nothing.
    private unowned let handler: any HTTPHandler

    /// Serves `socket`, which now belongs to the server. `handler` outlives it.
    public init(
        loop: EventLoop, socket: ListeningSocket, limits: HTTPLimits, handler: any HTTPHandler
    ) {
        guard let server = evhttp_new(loop.base) else {
            preconditionFailure("libevent could not make a server")
        }
        let flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC
        guard
            let listener = evconnlistener_new(
                loop.base, nil, nil, UInt32(flags), 0, socket.descriptor)
        else { preconditionFailure("libevent could not make a listener") }
        self.server = server
        self.listener = listener
        self.loop = loop
        self.handler = handler
        head = EvhttpHead(limits: limits)
        state = .allocate(capacity: 1)
        state.initialize(to: ServerState())
        hasPeerAddresses = if case .tcp = socket.address { true } else { false }

        evhttp_set_max_headers_size(server, limits.headBytesMax)
        evhttp_set_max_body_size(server, limits.bodyBytesMax)
        var idle = timeval(seconds: limits.idleSeconds)
        evhttp_set_timeout_tv(server, &idle)
        // Every method reaches the handler, which says 405 and what is allowed.
        evhttp_set_allowed_methods(server, .max)
        // evhttp would add text/html to every reply without a type.
        evhttp_set_default_content_type(server, nil)
        evhttp_set_gencb(server, requestReceived, callbackContext(self))
        let bound = evhttp_bind_listener(server, listener)
        precondition(bound != nil, "libevent could not bind a listener to its server")
    }

    deinit {
        precondition(state.pointee.openExchanges == 0, "a server goes after its last exchange")
        evhttp_free(server)
        state.deallocate()
    }

    /// Requests that wait for their reply.
    public var openExchanges: Int { state.pointee.openExchanges }

    /// Accepts no more connections, and closes each after its next reply.
    public func drain() {
        state.pointee.isDraining = true
        evconnlistener_disable(listener)
    }

    func received(_ request: UnsafeMutablePointer<evhttp_request>) {
        var address: UnsafeMutablePointer<CChar>?
        if hasPeerAddresses, let connection = evhttp_request_get_connection(request) {
            var port: UInt16 = 0
            evhttp_connection_get_peer(connection, &address, &port)
        }
        let method = HTTPMethod(evhttp_request_get_command(request))
        let refusal = head.read(request, peer: address) { head in
            handler.handle(head, HTTPExchange(request: request, state: state, method: method))
        }
        if let refusal {
            let exchange = HTTPExchange(request: request, state: state, method: method)
            // What follows on this connection cannot be trusted.
            exchange.addField("Connection", nulTerminated: [0x63, 0x6c, 0x6f, 0x73, 0x65, 0].span)
            exchange.reply(.plain(refusal))
        }
    }
}
