/// How a request can fail.
enum ErrorKind: String, CaseIterable, Codable, Sendable {
    /// No connection could be made.
    case connect
    /// The connection ended, or broke, before the whole reply had come; or it was no reply.
    case read
    /// The request could not be sent.
    case write
    /// No reply in time.
    case timeout
    /// A status from 400 on.
    case status
}
