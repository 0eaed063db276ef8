internal import CLibevent
internal import Glibc

/// A reply that is sent piece by piece, for as long as its owner and its client want: for
/// server-sent events.
///
/// It lives until `end()`, until the client goes or takes too little, or until the server drains.
/// Neither the idle nor the write deadline ends it. The connection is closed after it. On its loop's
/// thread.
public final class HTTPStream {
    private let whenGone: () -> Void
    /// Both are nil when nothing more can be sent.
    private var request: UnsafeMutablePointer<evhttp_request>?
    private var connection: GateConnection.Pointer?
    /// Bytes that the client has sent since; nobody looks at them.
    private var ignoredBytes = 0

    /// Bytes that the kernel may hold for a client, so that one that has stopped reading shows soon.
    private static let socketBytes: Int32 = 64 << 10
    /// Bytes that a client may send meanwhile.
    private static let ignoredBytesMax = 64 << 10

    /// Begins to reply. `request` has its fields, and its connection is known to the gate.
    init(
        _ request: UnsafeMutablePointer<evhttp_request>, _ connection: GateConnection.Pointer,
        _ status: HTTPStatus, whenGone: @escaping () -> Void
    ) {
        self.whenGone = whenGone
        guard evhttp_request_get_connection(request) != nil else {
            // The client went while the request waited: this frees the request.
            evhttp_send_reply_end(request)
            return
        }
        self.request = request
        self.connection = connection
        var bytes = Self.socketBytes
        setsockopt(
            connection.pointee.descriptor, SOL_SOCKET, SO_SNDBUF, &bytes,
            socklen_t(MemoryLayout<Int32>.size))
        // evhttp has seen the gate's head, which is always of HTTP/1.1. A client of HTTP/1.0 knows
        // no chunks (RFC 9112, section 7.1); its reply ends with the connection.
        if connection.pointee.isOldClient { request.pointee.minor = 0 }
        evhttp_send_reply_start(request, status.rawValue, status.reason.cString)
        connection.pointee.gate.begin(self, on: connection)
    }

    /// Whether something can still be sent.
    public var isOpen: Bool { request != nil }

    /// Sends `bytes`. What the client does not take at once waits for it, up to
    /// `HTTPLimits.streamBytesMax`; beyond, the client is given up. Nothing if it has gone.
    public func send(_ bytes: Span<UInt8>) {
        guard let request, let connection, bytes.count > 0 else { return }
        guard let chunk = evbuffer_new() else { preconditionFailure("no memory") }
        bytes.withUnsafeBytes { _ = evbuffer_add(chunk, $0.baseAddress, $0.count) }
        evhttp_send_reply_chunk(request, chunk)
        evbuffer_free(chunk)
        connection.pointee.gate.hasSentChunk(connection)
    }

    /// Sends the end. The owner is not called for that.
    public func end() {
        guard let request, let connection else { return }
        let owner = evhttp_request_get_connection(request)
        self.request = nil
        self.connection = nil
        connection.pointee.streaming = nil
        // It may close the connection; the gate keeps its memory until its own turn has come.
        evhttp_send_reply_end(request)
        guard !connection.pointee.isClosed, let owner else { return }
        HTTPExchange.writeNow(owner)
        connection.pointee.gate.isReplying(connection)
    }

    /// Sends the end and tells the owner.
    func endByServer() {
        end()
        whenGone()
    }

    /// The client has sent something. Whether that is too much.
    func ignores(_ count: Int) -> Bool {
        ignoredBytes += count
        return ignoredBytes <= Self.ignoredBytesMax
    }

    /// The connection is closed.
    func closed() {
        guard let request else { return }
        self.request = nil
        connection = nil
        // If evhttp has closed it, the request was left to whoever was to reply; otherwise it goes
        // with the connection (libevent's evhttp_connection_incoming_fail).
        if evhttp_request_get_connection(request) == nil { evhttp_send_reply_end(request) }
        whenGone()
    }
}
