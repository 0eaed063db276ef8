internal import CLibevent
internal import Glibc
public import POSIX

/// A non-blocking stream socket of a client, on a loop, which its owner reads and writes itself.
///
/// It can be connected, closed and connected again; that allocates nothing. For the loop's thread
/// only. It is closed with the object.
public final class ClientSocket {
    /// What a socket has become ready for.
    public enum Readiness: Sendable {
        /// Bytes, the peer's end, or an error can be received.
        case reading
        /// The connection is made or has failed (`connectionError`), or there is room to send.
        case writing
    }

    /// What came of a call.
    public enum Outcome: Sendable {
        /// So many bytes; for receiving, none is the peer's end.
        case bytes(Int)
        /// Not now.
        case wouldBlock
        /// The connection is broken: the value of `errno`.
        case failed(Int32)
    }

    private let loop: EventLoop
    private let ready: (Readiness) -> Void
    private let readEvent: OpaquePointer
    private let writeEvent: OpaquePointer
    private var descriptor: Int32 = -1

    /// A socket that is not connected yet. `ready` is called on the loop.
    public init(loop: EventLoop, _ ready: @escaping (Readiness) -> Void) {
        self.loop = loop
        self.ready = ready
        guard let readEvent = event_new(loop.base, -1, 0, nil, nil),
            let writeEvent = event_new(loop.base, -1, 0, nil, nil)
        else { preconditionFailure("libevent could not make an event") }
        (self.readEvent, self.writeEvent) = (readEvent, writeEvent)
    }

    deinit {
        close()
        event_free(readEvent)
        event_free(writeEvent)
    }

    /// Whether it has a connection, or one is being made.
    public var isOpen: Bool { descriptor >= 0 }

    /// Begins to connect; `ready(.writing)` tells the end. What went wrong at once is thrown.
    public func connect(to address: ClientAddress) throws(SystemError) {
        precondition(!isOpen, "one connection at a time")
        descriptor = try address.connect()
        let context = callbackContext(self)
        event_assign(
            readEvent, loop.base, descriptor, Int16(EV_READ | EV_PERSIST), clientSocketReady,
            context)
        event_assign(
            writeEvent, loop.base, descriptor, Int16(EV_WRITE), clientSocketReady, context)
        waitForWriting()
    }

    /// The error that ended an attempt to connect (`SO_ERROR`, socket(7)); 0 if there is none.
    public var connectionError: Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }

    /// Calls `ready(.reading)` from now on in each turn in which there is something to receive.
    public func startReading() {
        precondition(event_add(readEvent, nil) == 0, "libevent could not add an event")
    }

    /// Calls `ready(.writing)` once, when there is room to send.
    public func waitForWriting() {
        precondition(event_add(writeEvent, nil) == 0, "libevent could not add an event")
    }

    /// Receives what is there (recv(2)).
    public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        outcome(recv(descriptor, buffer.baseAddress, buffer.count, 0))
    }

    /// Sends what there is room for (send(2)).
    public func send(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        outcome(Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    /// Closes the connection, if there is one.
    public func close() {
        guard isOpen else { return }
        event_del(readEvent)
        event_del(writeEvent)
        Glibc.close(descriptor)
        descriptor = -1
    }

    func becameReady(_ what: Int16) {
        ready(Int32(what) & EV_READ != 0 ? .reading : .writing)
    }

    private func outcome(_ count: Int) -> Outcome {
        if count >= 0 { return .bytes(count) }
        let code = errno
        return code == EAGAIN || code == EINTR ? .wouldBlock : .failed(code)
    }
}
