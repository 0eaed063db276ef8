/// What a server allows one client. Nothing here is ever unlimited.
public struct HTTPLimits: Sendable, Equatable {
    /// Bytes of request line and header fields together. More is 431.
    public var headBytesMax = 16 * 1024
    /// Bytes of the request line. More is 414.
    public var requestLineBytesMax = 8 * 1024
    /// Header fields of one request. More is 431.
    public var fieldsMax = 100
    /// Bytes of a request's body. More is 413.
    public var bodyBytesMax = 1024 * 1024
    /// Seconds without a request after which a connection is closed. Above the 60 s for which nginx
    /// keeps idle upstream connections, so that the proxy is the one to close them.
    public var idleSeconds = 75.0
    /// Seconds from the first byte of a head to its last. More is 408.
    public var headSeconds = 10.0
    /// Seconds from the end of a head to the last byte of the content. More is 408.
    public var bodySeconds = 30.0
    /// Seconds within which a peer has to take a reply.
    public var writeSeconds = 30.0
    /// Bytes of a stream that may wait for a client that reads too slowly. Beyond, it is closed.
    public var streamBytesMax = 256 * 1024
    /// Connections of one listener on one loop. Beyond, they wait to be accepted.
    public var connectionsMax = 10_000
    /// Requests on one connection; the last one is answered with `Connection: close`.
    public var requestsMax = 10_000
    /// Seconds within which a handler has to answer; the handler sees to it.
    public var handlerSeconds = 10.0

    /// The defaults.
    public init() {}
}
