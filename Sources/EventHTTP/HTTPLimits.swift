/// What a server allows one client. Nothing here is ever unlimited.
public struct HTTPLimits: Sendable, Equatable {
    /// Bytes of request line and header fields together. More is 400.
    public var headBytesMax = 16 * 1024
    /// Bytes of the request line. More is 414.
    public var requestLineBytesMax = 8 * 1024
    /// Header fields of one request. More is 431.
    public var fieldsMax = 100
    /// Bytes of a request's body. More is 413.
    public var bodyBytesMax = 1024 * 1024
    /// Seconds without a byte after which a connection is closed. Above the 60 s for which nginx
    /// keeps idle upstream connections, so that the proxy is the one to close them.
    public var idleSeconds = 75.0
    /// Seconds within which a handler has to answer; the handler sees to it.
    public var handlerSeconds = 10.0

    /// The defaults.
    public init() {}
}
