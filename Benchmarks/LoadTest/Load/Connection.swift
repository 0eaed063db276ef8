import EventHTTP

/// A request that waits for its reply.
struct PendingRequest {
    /// The number of the hit in its thread.
    var hit: Int
    /// The visitor, if there are any.
    var visitor: Int
    /// When it should have been sent, and when it was; monotonic nanoseconds. Both are the same
    /// without a schedule.
    var planned: Int64
    var sent: Int64
}

/// One connection of a worker. It lives at a fixed place for as long as the worker does.
struct Connection {
    typealias Pointer = UnsafeMutablePointer<Connection>

    enum State {
        case closed, connecting, open
    }

    let socket: ClientSocket
    /// A ring of the requests that wait, in the order of their sending.
    private let ring: UnsafeMutablePointer<PendingRequest>
    private let depth: Int
    private var first = 0
    private(set) var pendingCount = 0

    var state = State.closed
    var parser = ReplyParser()
    /// The beginning of a head that has not come whole, and requests that could not be sent whole.
    var received: [UInt8] = []
    var unsent: [UInt8] = []
    /// When the attempt to connect began.
    var connectStart: Int64 = 0
    /// When to try again after a failure; 0 if there was none.
    var retryTime: Int64 = 0
    /// Of a connection that is made for one request: when that was to be sent.
    var plannedForConnect: Int64?
    /// Whether it was open, or failed, at least once.
    var isSettled = false
    /// Counts the times it was closed: free places of before are worth nothing.
    var generation: UInt32 = 0

    init(socket: ClientSocket, depth: Int) {
        self.socket = socket
        self.depth = depth
        ring = .allocate(capacity: depth)
    }

    /// Frees what it holds.
    func deallocate() {
        ring.deallocate()
    }

    var hasRoom: Bool { pendingCount < depth }

    /// The request whose reply comes next.
    var firstPending: PendingRequest { ring[first] }

    mutating func push(_ request: PendingRequest) {
        var place = first + pendingCount
        if place >= depth { place -= depth }
        ring[place] = request
        pendingCount += 1
    }

    mutating func pop() -> PendingRequest {
        defer {
            first = first + 1 == depth ? 0 : first + 1
            pendingCount -= 1
        }
        return ring[first]
    }
}

/// A place for a request on an open connection.
struct FreePlace {
    let connection: Connection.Pointer
    let generation: UInt32
}
