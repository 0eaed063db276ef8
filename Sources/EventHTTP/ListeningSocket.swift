internal import Glibc
public import POSIX

/// A bound and listening descriptor, ready for one loop.
///
/// It belongs to the `HTTPServer` that it is given to; call `close()` on one that goes to none.
public struct ListeningSocket: Sendable {
    /// Connections that may wait to be accepted; the kernel's `somaxconn` may lower it.
    public static let backlog: Int32 = 4096

    let descriptor: Int32
    /// The address it is bound to, with the port that the system chose if it was asked to.
    public let address: ListenAddress
    /// Whether another process holds it too, and goes on with it when this one ends: what waits to be
    /// accepted is not lost then.
    public let isInherited: Bool

    private init(descriptor: Int32, address: ListenAddress, isInherited: Bool = false) {
        self.descriptor = descriptor
        self.address = address
        self.isInherited = isInherited
    }

    /// Opens `count` sockets, one for each loop, all on `address`. Throws if it is in use.
    ///
    /// For TCP each is a socket of its own (`SO_REUSEPORT`: the kernel spreads connections over
    /// them); for a unix socket all are duplicates of one.
    public static func open(
        _ address: ListenAddress, count: Int
    ) throws(SystemError) -> [ListeningSocket] {
        precondition(count > 0, "a server has at least one loop")
        switch address {
        case .tcp(let host, let port): return try openTCP(host, port, count: count)
        case .unix(let path): return try openUnix(path, count: count)
        }
    }

    /// `count` sockets, one for each loop, all of them duplicates of `descriptor`, which whoever
    /// started this process has left open. Throws if it is no listening socket.
    public static func inherit(
        _ descriptor: Int32, count: Int
    ) throws(SystemError) -> [ListeningSocket] {
        precondition(count > 0, "a server has at least one loop")
        let subject = "descriptor \(descriptor)"
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 else {
            throw SystemError("inherit", subject)
        }
        guard isListening != 0, let address = boundAddress(of: descriptor) else {
            throw SystemError("listen on", subject, code: EINVAL)
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
            fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
        else { throw SystemError("inherit", subject) }
        if case .tcp = address { setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY) }
        return try duplicates(
            ListeningSocket(descriptor: descriptor, address: address, isInherited: true), count)
    }

    /// Closes a socket that was given to no server.
    public func close() {
        Glibc.close(descriptor)
    }

    private static func openTCP(
        _ host: String, _ port: UInt16, count: Int
    ) throws(SystemError) -> [ListeningSocket] {
        let subject = ListenAddress.tcp(host: host, port: port).description
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else {
            throw SystemError("look up the host of", subject, code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        // Another process's sockets with SO_REUSEPORT would share the port with ours without a
        // word, so ask for it once without.
        let probe = try bound(found.pointee, subject, sharesPort: false)
        Glibc.close(probe)
        var sockets: [ListeningSocket] = []
        do throws(SystemError) {
            for _ in 0..<count {
                let target = sockets.first?.address ?? .tcp(host: host, port: port)
                var address = sockaddr_storage()
                memcpy(&address, found.pointee.ai_addr, Int(found.pointee.ai_addrlen))
                if case .tcp(_, let chosen) = target { address.setPort(chosen) }
                let descriptor = try withUnsafeMutablePointer(to: &address) {
                    storage throws(SystemError) in
                    var info = found.pointee
                    info.ai_addr = UnsafeMutableRawPointer(storage)
                        .assumingMemoryBound(to: sockaddr.self)
                    return try bound(info, subject, sharesPort: true)
                }
                let actual = ListenAddress.tcp(host: host, port: localPort(of: descriptor))
                sockets.append(ListeningSocket(descriptor: descriptor, address: actual))
                guard listen(descriptor, backlog) == 0 else { throw SystemError("listen", subject) }
            }
        } catch {
            for socket in sockets { socket.close() }
            throw error
        }
        return sockets
    }

    private static func bound(
        _ info: addrinfo, _ subject: String, sharesPort: Bool
    ) throws(SystemError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(info.ai_family, type, 0)
        guard descriptor >= 0 else { throw SystemError("open a socket for", subject) }
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
        if sharesPort { setOption(descriptor, SOL_SOCKET, SO_REUSEPORT) }
        // Accepted connections inherit it; a reply is one small write and must not wait.
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
        guard bind(descriptor, info.ai_addr, info.ai_addrlen) == 0 else {
            let error = SystemError("listen on", subject)
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func openUnix(
        _ path: String, count: Int
    ) throws(SystemError) -> [ListeningSocket] {
        let address = ListenAddress.unix(path: path)
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        precondition(path.utf8.count <= ListenAddress.unixPathBytesMax, "checked when parsed")
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)

        func withName(_ call: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
            withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0) }
            }
        }
        // A socket file that a killed process left behind refuses connections; a live one does not.
        let probe = socket(AF_UNIX, type, 0)
        guard probe >= 0 else { throw SystemError("open a socket for", address.description) }
        let connected = withName { connect(probe, $0, length) }
        let probeError = errno
        Glibc.close(probe)
        if connected == 0 || probeError == EAGAIN {
            throw SystemError("listen on", address.description, code: EADDRINUSE)
        }
        if probeError == ECONNREFUSED, isSocket(path) { unlink(path) }

        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemError("open a socket for", address.description) }
        guard withName({ bind(descriptor, $0, length) }) == 0, listen(descriptor, backlog) == 0
        else {
            let error = SystemError("listen on", address.description)
            Glibc.close(descriptor)
            throw error
        }
        return try duplicates(ListeningSocket(descriptor: descriptor, address: address), count)
    }

    /// A socket and as many duplicates of it as make `count`.
    private static func duplicates(
        _ socket: ListeningSocket, _ count: Int
    ) throws(SystemError) -> [ListeningSocket] {
        var sockets = [socket]
        for _ in 1..<count {
            let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else {
                let error = SystemError("duplicate the socket of", socket.address.description)
                for socket in sockets { socket.close() }
                throw error
            }
            sockets.append(
                ListeningSocket(
                    descriptor: copy, address: socket.address, isInherited: socket.isInherited))
        }
        return sockets
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    private static func setOption(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
        var on: Int32 = 1
        setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func localPort(of descriptor: Int32) -> UInt16 {
        localName(of: descriptor).address.port
    }

    private static func localName(
        of descriptor: Int32
    ) -> (address: sockaddr_storage, length: socklen_t) {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return (address, length)
    }

    /// What a socket is bound to; nil if it is of another family.
    private static func boundAddress(of descriptor: Int32) -> ListenAddress? {
        let (name, length) = localName(of: descriptor)
        switch Int32(name.ss_family) {
        case AF_INET, AF_INET6:
            var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let found = withUnsafePointer(to: name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getnameinfo($0, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
                }
            }
            guard found == 0 else { return nil }
            return .tcp(
                host: String(
                    decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                port: name.port)
        case AF_UNIX:
            // unix(7): after the family comes the path, with or without a closing NUL.
            let path = withUnsafeBytes(of: name) {
                $0[MemoryLayout<sa_family_t>.size..<Int(length)].prefix { $0 != 0 }
            }
            return .unix(path: String(decoding: Array(path), as: UTF8.self))
        default: return nil
        }
    }
}

extension sockaddr_storage {
    /// The port of an IPv4 or IPv6 address; both have it at the same place (ip(7), ipv6(7)).
    fileprivate var port: UInt16 {
        withUnsafeBytes(of: self) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    fileprivate mutating func setPort(_ port: UInt16) {
        withUnsafeMutableBytes(of: &self) {
            $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
    }
}
