internal import CLibevent
internal import POSIX

/// A connection that evhttp owns and whose socket the gate reads. It is at one place in memory for
/// as long as anybody knows it: the gate, an exchange, or an event of libevent.
struct GateConnection: ~Copyable {
    typealias Pointer = UnsafeMutablePointer<GateConnection>

    /// What the next byte belongs to.
    enum Phase {
        /// What a proxy says of the connection, once.
        case proxyHeader
        case head
        /// Content of which so many bytes are still to come.
        case content(left: Int)
        case chunks(ChunkedReader)
        /// Nothing: the peer was refused, and what it still sends is thrown away.
        case refused(discarded: Int)
    }

    // The gate outlives its connections.
    unowned(unsafe) let gate: Gate
    let stream: OpaquePointer
    /// evhttp's connection; nil before it is attached, and when it is gone.
    var connection: OpaquePointer?
    var descriptor: Int32 = -1
    var readEvent: OpaquePointer?
    var writeEvent: OpaquePointer?
    var next: Pointer?
    var previous: Pointer?

    var phase = Phase.head
    /// What was received and not yet used.
    var held = ByteBuffer()
    /// Bytes of `held` in which no whole head, or PROXY header, was found.
    var seen = 0
    /// The head of a request whose content is being received, and the content.
    var head = ByteBuffer()
    var content = ByteBuffer()
    /// Replies that were not yet taken by the socket.
    var output = ByteBuffer()
    /// When the peer is given up, on the monotonic clock: what it has to send did not come.
    var deadline = 0.0
    /// When it is given up because it has not taken what waited for it, and how many bytes of that
    /// are left. What is written later has a deadline of its own.
    var writeDeadline = Double.infinity
    var bytesDue = 0

    /// Requests so far, and how many of those that the gate keeps have their reply. Requests have
    /// numbers from 1 on.
    var requests = 0
    var answered = 0
    /// Replies to later requests that came before those to earlier ones.
    var early: [EarlyReply] = []
    /// The turn in which the last request came.
    var turn = 0
    /// evhttp has a request of this connection.
    var isHandedOver = false
    /// What is being sent to that request, if it is sent piece by piece.
    var streaming: HTTPStream?
    /// That request is one of HTTP/1.0.
    var isOldClient = false
    /// An event will give the connection back to the gate.
    var isReturning = false
    /// The gate is using its bytes.
    var isBusy = false
    /// No request follows the present one.
    var isLast = false
    /// The peer has sent its end.
    var hasEnded = false
    var isReading = false
    var isWriting = false
    var isDirty = false
    /// evhttp has closed it.
    var isClosed = false

    /// The peer's address in text; empty for a unix socket. After a PROXY header that of the client.
    var peer = ByteBuffer()
    /// A PROXY header says that the client spoke TLS.
    var isSecure = false

    /// Whether requests wait for their reply at the gate.
    var waits: Bool { answered < requests }

    init(gate: Gate, stream: OpaquePointer) {
        self.gate = gate
        self.stream = stream
    }
}

/// A reply that has to wait for those before it.
final class EarlyReply {
    let number: Int
    var bytes = ByteBuffer()

    init(number: Int) {
        self.number = number
    }
}
