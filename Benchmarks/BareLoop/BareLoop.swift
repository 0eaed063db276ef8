import CLinux
import Glibc

/// The least that a server can do for a hit: epoll, recv, send. It parses nothing, makes no event
/// and writes none; its reply is as long as Footfall's. What Footfall costs beyond it is Footfall's.
///
/// `footfall-bare-loop PORT`: serves 127.0.0.1 until it is killed.
@main
struct BareLoop {
    static let reply = Array(
        ("HTTP/1.1 200 OK\r\nSet-Cookie: id=00000000-0000-4000-8000-000000000000; Path=/; "
            + "Max-Age=31536000; HttpOnly; SameSite=Lax\r\nContent-Type: application/javascript\r\n"
            + "Cache-Control: no-store\r\nCross-Origin-Resource-Policy: cross-origin\r\n"
            + "X-Content-Type-Options: nosniff\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            + "Content-Length: 0\r\n\r\n").utf8)

    static func main() {
        guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]) else {
            print("usage: footfall-bare-loop PORT")
            exit(2)
        }
        let listener = listen(on: port)
        let poll = epoll_create1(0)
        watch(listener, poll)
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = epoll_wait(poll, &events, 256, -1)
            for index in 0..<max(0, Int(count)) {
                let descriptor = events[index].data.fd
                if descriptor == listener {
                    let connection = accept(listener, nil, nil)
                    if connection >= 0 { watch(connection, poll) }
                } else if recv(descriptor, &buffer, buffer.count, 0) <= 0 {
                    close(descriptor)
                } else {
                    send(descriptor, reply, reply.count, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    private static func watch(_ descriptor: Int32, _ poll: Int32) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = descriptor
        epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event)
    }

    private static func listen(on port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(descriptor, 4096) == 0 else {
            perror("listen")
            exit(1)
        }
        return descriptor
    }
}
