internal import Foundation
public import POSIX

/// A connection of a test to a server: it sends just the bytes that it is told to, and blocks.
public final class HTTPConnection {
    /// A reply.
    public struct Reply: Sendable {
        /// The status.
        public let status: Int
        /// The header fields, in order, names in lower case.
        public let fields: [(name: String, value: String)]
        /// The content.
        public let body: [UInt8]

        /// The first value of a field.
        public subscript(name: String) -> String? {
            fields.first { $0.name == name }?.value
        }

        /// The content as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    /// Whether the server has ended it; otherwise a read may have waited in vain.
    private var hasEnded = false

    /// Connects to a port of 127.0.0.1, as 127.0.0.`client`. Reads wait for at most a minute.
    public init(port: UInt16, from client: UInt8 = 1) throws(SystemError) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_addr.s_addr = (UInt32(0x7f00_0000) | UInt32(client)).bigEndian
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        func call(
            _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32,
            _ address: inout sockaddr_in
        ) -> Int32 {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        guard client == 1 || call(bind, &own) == 0, call(connect, &address) == 0 else {
            let error = SystemError("connect to", "port \(port)")
            close(descriptor)
            throw error
        }
        limitWaiting()
    }

    /// Connects to a unix socket.
    public init(unix path: String) throws(SystemError) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let error = SystemError("connect to", path)
            close(descriptor)
            throw error
        }
        limitWaiting()
    }

    deinit {
        close(descriptor)
    }

    private func limitWaiting() {
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Sends bytes. False if the server has gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Sends text.
    @discardableResult
    public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Whether anything has come that was not received yet.
    public var hasBytes: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// Lets the server fill what is received in advance with little.
    public func shrinkReceiveBuffer() {
        var bytes: Int32 = 4096
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Takes up to `count` bytes that are there, and forgets them. How many.
    public func receiveSome(upTo count: Int) -> Int {
        var bytes = [UInt8](repeating: 0, count: count)
        return max(0, recv(descriptor, &bytes, count, Int32(MSG_DONTWAIT)))
    }

    /// Sends nothing more.
    public func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The next reply; nil if the connection ends first. `isHead` for one to HEAD, which has no
    /// content whatever its length says.
    public func receive(isHead: Bool = false) -> Reply? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let head = received.firstRange(of: end) {
                let lines = String(decoding: received[..<head.lowerBound], as: UTF8.self)
                    .components(separatedBy: "\r\n")
                let fields = lines.dropFirst().map { line in
                    let parts = line.split(separator: ":", maxSplits: 1)
                    return (
                        name: parts[0].lowercased(),
                        value: parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
                    )
                }
                let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) }
                let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
                let hasContent =
                    !isHead && ![204, 304].contains(status)
                    && !(100..<200).contains(status ?? 0)
                if length == nil, hasContent {
                    // Without a length the content ends with the connection.
                    while fill() {}
                }
                let count = hasContent ? length ?? (received.count - head.upperBound) : 0
                guard received.count >= head.upperBound + count else {
                    if !fill() { return nil }
                    continue
                }
                let body = Array(received[head.upperBound..<head.upperBound + count])
                received.removeFirst(head.upperBound + count)
                return Reply(status: status ?? 0, fields: fields, body: body)
            }
            if !fill() { return nil }
        }
    }

    /// All bytes up to the end of `text`, or until the server ends the connection or sends nothing
    /// for too long.
    public func receiveText(through text: String) -> String {
        while true {
            if let found = received.firstRange(of: Array(text.utf8)) {
                defer { received.removeSubrange(..<found.upperBound) }
                return String(decoding: received[..<found.upperBound], as: UTF8.self)
            }
            if !fill() { return String(decoding: received, as: UTF8.self) }
        }
    }

    /// Lets the end of the connection be a reset.
    public func resetWhenClosed() {
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
    }

    /// All bytes until the server ends the connection.
    public func receiveAll() -> [UInt8] {
        while fill() {}
        defer { received = [] }
        return received
    }

    /// Sends a request without a body and waits for its reply.
    public func request(
        _ target: String, method: String = "GET", _ fields: [String] = []
    ) -> Reply? {
        let lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"] + fields
        guard send(lines.joined(separator: "\r\n") + "\r\n\r\n") else { return nil }
        return receive(isHead: method == "HEAD")
    }

    /// Whether the server closes the connection without sending more.
    public func isClosedByServer() -> Bool {
        received.isEmpty && !fill() && hasEnded
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else {
            hasEnded = count == 0 || errno == ECONNRESET
            return false
        }
        received += chunk[..<count]
        return true
    }
}
