internal import Glibc
public import POSIX

/// Where a client connects to: an address that has been looked up once.
public struct ClientAddress: Sendable {
    /// A `sockaddr` of the family, as connect(2) takes it.
    private let bytes: [UInt8]
    let family: Int32

    /// Looks up the host of a TCP address; the first address that the system names is taken.
    /// Throws when there is none. Any thread; may block.
    public init(resolving address: ListenAddress) throws(SystemError) {
        switch address {
        case .unix(let path):
            precondition(path.utf8.count <= ListenAddress.unixPathBytesMax, "checked when parsed")
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            bytes = withUnsafeBytes(of: name) { Array($0) }
            family = AF_UNIX
        case .tcp(let host, let port):
            var hints = addrinfo()
            hints.ai_flags = AI_NUMERICSERV
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else {
                throw SystemError("look up", host, code: EADDRNOTAVAIL)
            }
            defer { freeaddrinfo(found) }
            bytes = Array(
                UnsafeRawBufferPointer(
                    start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen)))
            family = found.pointee.ai_family
        }
    }

    /// Whether it is on this machine: 127.0.0.0/8, ::1, the former as an IPv6 address, or a unix
    /// socket.
    public var isLoopback: Bool {
        // ip(7), ipv6(7): the address begins at byte 4 and 8.
        switch family {
        case AF_UNIX: return true
        case AF_INET: return bytes[4] == 127
        case AF_INET6:
            let address = bytes[8..<24]
            let zeros = [UInt8](repeating: 0, count: 10)
            return address.elementsEqual(zeros + [0, 0, 0, 0, 0, 1])
                || address.prefix(13).elementsEqual(zeros + [0xff, 0xff, 127])
        default: return false
        }
    }

    /// Opens a non-blocking socket and begins to connect it.
    func connect() throws(SystemError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw SystemError("open a socket") }
        if family != AF_UNIX {
            // A request is one small write and must not wait.
            var on: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        }
        let code = bytes.withUnsafeBytes {
            Glibc.connect(
                descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t($0.count))
        }
        guard code == 0 || errno == EINPROGRESS else {
            let error = SystemError("connect")
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }
}
