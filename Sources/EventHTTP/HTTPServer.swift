internal import CLibevent
internal import Glibc

/// Answers requests. Called on the loop's thread.
public protocol HTTPHandler: AnyObject {
    /// A request has arrived with its content, whole. Both are gone when this returns; the exchange
    /// may be kept.
    func handle(
        _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange)

    /// A request without content has arrived. A handler that wants it answered by the gate, without
    /// evhttp, calls `accept`, once, and answers the exchange that this returns, now or later.
    /// False if it has not: then the request comes again, to `handle`.
    func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool

    /// What a peer sent is no request that is taken, and was answered with `response`. `begun` is
    /// what had come of it, from its first line on; empty if that cannot be told.
    func refused(begun: Span<UInt8>, peer: Span<UInt8>, _ response: borrowing Response)
}

extension HTTPHandler {
    /// By default evhttp answers everything.
    public func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool {
        false
    }

    /// By default nobody is told.
    public func refused(begun: Span<UInt8>, peer: Span<UInt8>, _ response: borrowing Response) {}
}

/// evhttp on one listening socket of one loop, behind a gate that reads for it.
///
/// Made and used on the loop's thread. Free it only when no exchange is open.
public final class HTTPServer {
    private let server: OpaquePointer
    private let listener: Listener
    private let loop: EventLoop
    private let state: UnsafeMutablePointer<ServerState>
    private let gate: Gate
    private let clock: EventSource
    /// Whether this process is the only one that has the listening socket.
    private let ownsSocket: Bool
    /// evhttp's listening socket; nil when it is closed.
    private var bound: OpaquePointer?
    // One witness call a request; a class existential allocates nothing.
    private unowned var handler: any HTTPHandler

    /// Serves `socket`, which now belongs to the server. `handler` outlives it. With
    /// `handsOverAll` evhttp answers every request, those too that the gate could. A peer for whose
    /// address (empty for a unix socket) `sendsProxyHeader` says so has to begin each connection
    /// with a header of the PROXY protocol, and no other may; it is asked once a connection.
    public init(
        loop: EventLoop, socket: ListeningSocket, limits: HTTPLimits, handsOverAll: Bool = false,
        sendsProxyHeader: @escaping (_ peer: Span<UInt8>) -> Bool = { _ in false },
        handler: any HTTPHandler
    ) {
        guard let server = evhttp_new(loop.base) else {
            preconditionFailure("libevent could not make a server")
        }
        let listener = Listener(loop, socket, connectionsMax: limits.connectionsMax)
        self.server = server
        self.listener = listener
        self.loop = loop
        self.handler = handler
        ownsSocket = !socket.isInherited
        state = .allocate(capacity: 1)
        state.initialize(to: ServerState())
        let isTCP = if case .tcp = socket.address { true } else { false }
        let gate = Gate(
            base: loop.base, limits: limits, handsOverAll: handsOverAll, hasPeerAddresses: isTCP,
            sendsProxyHeader: sendsProxyHeader, state: state, handler: handler)
        self.gate = gate
        gate.countChanged = { listener.update(connections: $0) }
        clock = loop.every(seconds: 1) {
            gate.sweep()
            listener.resume()
        }
        loop.atTurnEnd { gate.endTurn() }

        // The gate has its limits; these are for what it hands over.
        evhttp_set_max_body_size(server, limits.bodyBytesMax)
        evhttp_set_bevcb(server, gateMakeStream, callbackContext(gate))
        // Every method reaches the handler, which says 405 and what is allowed.
        evhttp_set_allowed_methods(server, .max)
        // evhttp would add text/html to every reply without a type.
        evhttp_set_default_content_type(server, nil)
        evhttp_set_gencb(server, requestReceived, callbackContext(self))
        bound = evhttp_bind_listener(server, listener.handle)
        precondition(bound != nil, "libevent could not bind a listener to its server")
        evconnlistener_set_error_cb(listener.handle, listenerFailed)
    }

    deinit {
        precondition(state.pointee.openExchanges == 0, "a server goes after its last exchange")
        // evhttp frees the listener first: it is not to go on when connections are closed.
        listener.drain()
        evhttp_free(server)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Goes by these from now on, and gives requests to another handler, which outlives it too.
    /// Connections that are open keep their deadlines. Between two turns of the loop.
    public func update(
        limits: HTTPLimits, handsOverAll: Bool = false,
        sendsProxyHeader: @escaping (_ peer: Span<UInt8>) -> Bool = { _ in false },
        handler: any HTTPHandler
    ) {
        self.handler = handler
        evhttp_set_max_body_size(server, limits.bodyBytesMax)
        gate.update(
            limits: limits, handsOverAll: handsOverAll, sendsProxyHeader: sendsProxyHeader,
            handler: handler)
        listener.connectionsMax = limits.connectionsMax
        listener.update(connections: gate.count)
    }

    /// Requests that wait for their reply.
    public var openExchanges: Int { state.pointee.openExchanges }

    /// What has come to the server until now.
    public var counts: ServerCounts {
        ServerCounts(
            openConnections: gate.count, connections: state.pointee.connections,
            refusals: state.pointee.refusals)
    }

    /// Connections that are open.
    public var connections: Int { gate.count }

    /// Those of them that are in the middle of a request or a reply.
    public var busyConnections: Int { gate.busyCount }

    /// Closes each connection after its next reply, and ends all streams. A socket that another
    /// process goes on with is left to it: what waits there is not touched. One's own is to be closed
    /// soon, with `stopListening()`; until then what came before is still accepted.
    public func drain() {
        state.pointee.isDraining = true
        if !ownsSocket { listener.drain() }
        gate.endStreams()
    }

    /// Closes the listening socket, so that who comes now is refused at once and can go elsewhere.
    public func stopListening() {
        listener.drain()
        guard ownsSocket, let bound else { return }
        self.bound = nil
        // It frees the listener, which closes the socket.
        evhttp_del_accept_socket(server, bound)
        listener.isClosed = true
    }

    func received(_ request: UnsafeMutablePointer<evhttp_request>) {
        gate.dispatch(request) { head, content, sender, persistence in
            handler.handle(
                head, content: content,
                HTTPExchange(sender, state, method: head.method, persistence))
        }
    }
}

/// What has come to a server.
public struct ServerCounts: Sendable {
    /// Connections that are open.
    public var openConnections: Int
    /// Connections that were accepted since the start.
    public var connections: UInt64
    /// Requests that the gate refused, in the order of `RequestRefusal.allCases`.
    public var refusals: [UInt64]

    /// Nothing has come.
    public init() {
        self.init(
            openConnections: 0, connections: 0,
            refusals: [UInt64](repeating: 0, count: RequestRefusal.allCases.count))
    }

    init(openConnections: Int, connections: UInt64, refusals: [UInt64]) {
        self.openConnections = openConnections
        self.connections = connections
        self.refusals = refusals
    }

    /// Adds what has come to another one.
    public static func += (one: inout ServerCounts, other: ServerCounts) {
        one.openConnections += other.openConnections
        one.connections += other.connections
        for index in one.refusals.indices { one.refusals[index] += other.refusals[index] }
    }
}
