internal import CLibevent
internal import Glibc
internal import POSIX

/// Accepts connections while there is room for them.
///
/// libevent would try again and again when no descriptor is left (accept(2), EMFILE), with a line
/// of log each time; here the listener pauses.
final class Listener {
    let handle: OpaquePointer
    /// Connections beyond which it pauses.
    var connectionsMax: Int
    private var isFull = false
    private var isDraining = false
    /// evhttp has freed it.
    var isClosed = false

    /// Of the most connections, the part below which it goes on after it was full.
    private static let resumePart = 0.95

    init(_ loop: EventLoop, _ socket: ListeningSocket, connectionsMax: Int) {
        let flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC
        guard
            let handle = evconnlistener_new(
                loop.base, nil, nil, UInt32(flags), 0, socket.descriptor)
        else { preconditionFailure("libevent could not make a listener") }
        self.handle = handle
        self.connectionsMax = connectionsMax
    }

    /// So many connections are open now.
    func update(connections: Int) {
        if isClosed { return }
        if connections >= connectionsMax, !isFull {
            isFull = true
            evconnlistener_disable(handle)
        } else if isFull, Double(connections) < Double(connectionsMax) * Self.resumePart {
            isFull = false
            resume()
        }
    }

    /// A connection could not be accepted, for the reason in `errno`: pauses until `resume()`.
    static func failed(_ handle: OpaquePointer) {
        let error = SystemError("accept a connection")
        evconnlistener_disable(handle)
        LibeventLibrary.logged(severity: EVENT_LOG_WARN, "\(error); new connections wait")
    }

    /// Goes on after an error. Called once a second.
    func resume() {
        if !isDraining, !isFull, !isClosed { evconnlistener_enable(handle) }
    }

    /// Accepts nothing more.
    func drain() {
        if isClosed { return }
        isDraining = true
        evconnlistener_disable(handle)
    }
}
