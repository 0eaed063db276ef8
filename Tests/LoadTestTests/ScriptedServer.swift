import Foundation
import POSIX

/// A server whose every answer a test decides: a thread for each connection, which blocks.
final class ScriptedServer: Sendable {
    /// What came.
    struct Request: Sendable {
        /// From 1 on, over all connections.
        var number: Int
        var method: String
        var target: String
        /// The header fields as they came.
        var fields: [String]
        var body: String

        /// A parameter of the target.
        subscript(name: String) -> String? {
            target.split(separator: "?").last?.split(separator: "&")
                .first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
        }

        /// The first value of a field.
        func field(_ name: String) -> String? {
            fields.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
    }

    /// What goes.
    enum Answer: Sendable {
        /// 200 without content, and more fields.
        case ok(String = "")
        /// These bytes.
        case text(String)
        /// These bytes, and then the connection's end.
        case last(String)
        /// The connection's end.
        case hangUp
        /// Nothing, ever.
        case silence
    }

    typealias Handler = @Sendable (Request) -> Answer

    let port: UInt16
    private let listener: Int32
    private let handler: Handler
    private let state = Monitor(State())

    private struct State {
        var count = 0
        var descriptors: [Int32] = []
        var threads: [POSIX.Thread] = []
        var isStopped = false
    }

    /// Listens on a free port of 127.0.0.1, or on a unix socket.
    init(unix path: String? = nil, _ handler: @escaping Handler) throws {
        self.handler = handler
        let family = path == nil ? AF_INET : AF_UNIX
        let listener = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var bound: Int32
        if let path {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            port = 0
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            bound = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    let code = bind(listener, $0, length)
                    getsockname(listener, $0, &length)
                    return code
                }
            }
            port = UInt16(bigEndian: address.sin_port)
        }
        guard bound == 0, listen(listener, 1024) == 0 else { throw SystemError("listen") }
        let thread = try POSIX.Thread(name: "accept") { [self] in accept() }
        state.withLock { $0.threads.append(thread) }
    }

    /// Where it is.
    var url: String { "http://127.0.0.1:\(port)/track.js" }

    /// Requests so far.
    var count: Int { state.withLock { $0.count } }

    /// Ends all connections, takes no more, and waits for its threads.
    func stop() {
        let descriptors = state.withLock { state in
            state.isStopped = true
            return state.descriptors
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
        while let thread = state.withLock({ $0.threads.popLast() }) { thread.join() }
        close(listener)
        for descriptor in state.withLock({ $0.descriptors }) { close(descriptor) }
    }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { return }
            var on: Int32 = 1
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on,
                socklen_t(MemoryLayout<Int32>.size))
            let isStopped = state.withLock { state in
                state.descriptors.append(descriptor)
                return state.isStopped
            }
            if isStopped { return }
            guard
                let thread = try? POSIX.Thread(
                    name: "connection", { [self] in serve(descriptor) })
            else { return }
            state.withLock { $0.threads.append(thread) }
        }
    }

    private func serve(_ descriptor: Int32) {
        defer { shutdown(descriptor, Int32(SHUT_RDWR)) }
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            guard let request = Self.takeRequest(&received) else {
                let count = recv(descriptor, &chunk, chunk.count, 0)
                guard count > 0 else { return }
                received += chunk[..<count]
                continue
            }
            var numbered = request
            numbered.number = state.withLock { state in
                state.count += 1
                return state.count
            }
            switch handler(numbered) {
            case .ok(let fields):
                send(descriptor, "HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n")
            case .text(let text): send(descriptor, text)
            case .last(let text):
                send(descriptor, text)
                return
            case .hangUp: return
            case .silence: continue
            }
        }
    }

    private func send(_ descriptor: Int32, _ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func takeRequest(_ received: inout [UInt8]) -> Request? {
        guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map { String($0) }
        var request = Request(
            number: 0, method: words[0], target: words.count > 1 ? words[1] : "",
            fields: Array(lines.dropFirst()), body: "")
        let length = request.field("content-length").flatMap { Int($0) } ?? 0
        guard received.count >= end.upperBound + length else { return nil }
        request.body = String(
            decoding: received[end.upperBound..<end.upperBound + length], as: UTF8.self)
        received.removeFirst(end.upperBound + length)
        return request
    }
}
