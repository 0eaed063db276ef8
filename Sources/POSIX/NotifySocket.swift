internal import Glibc

/// The socket on which a service manager hears from the services that it has started (sd_notify(3)):
/// one datagram a message.
public struct NotifySocket: Sendable {
    private let path: String

    /// The longest path, in bytes (`sockaddr_un`, less the closing NUL).
    private static let pathBytesMax = 107

    /// The socket at `path`, the value of `NOTIFY_SOCKET`: absolute, or in the abstract namespace if
    /// it begins with `@`. Nil for any other.
    public init?(path: String) {
        guard path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count > 1,
            path.utf8.count <= Self.pathBytesMax
        else { return nil }
        self.path = path
    }

    /// Sends assignments such as `READY=1`, one a line. Any thread; does not wait for the manager.
    public func send(_ text: String) throws(SystemError) {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemError("open a socket for", path) }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        // unix(7): an abstract name begins with NUL, and ends where the address does.
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        var text = text
        let sent = text.withUTF8 { message in
            withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(
                        descriptor, message.baseAddress, message.count,
                        Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, length)
                }
            }
        }
        if sent < 0 { throw SystemError("notify", path) }
    }
}
