import EventHTTP
import Foundation
import POSIX
import TestSupport
import Testing

/// A loop with one server on a thread of its own, which a test talks to over real sockets.
final class TestServer: Sendable {
    enum Message: Sendable {
        case release, drain, stop
        /// As `release`, with more than goes into a socket at once.
        case releaseLong
        /// To all streams.
        case send([UInt8]), endStreams
    }

    let address: ListenAddress
    private let mailbox: LoopMailbox<Message>
    private let thread: POSIX.Thread
    /// Streams whose clients have gone, or which the server has ended.
    let gone = Monitor(0)

    /// Answers `/held` when it is told to, `/stream` piece by piece, and everything else at once with what it saw.
    final class Handler: HTTPHandler {
        var held: [HTTPExchangeBox] = []
        var streams: [HTTPStream] = []
        let gone: Monitor<Int>
        /// Paths that begin so are answered at the gate.
        private let atGate: StaticString

        init(atGate: StaticString, gone: Monitor<Int>) {
            self.atGate = atGate
            self.gone = gone
        }

        func handleAtGate(_ head: borrowing RequestHead, accept: () -> HTTPExchange) -> Bool {
            let path = head.path
            guard path.count >= atGate.utf8CodeUnitCount else { return false }
            for index in 0..<atGate.utf8CodeUnitCount
            where path[index] != atGate.utf8Start[index] { return false }
            handle(head, content: Span(), accept())
            return true
        }

        func handle(
            _ head: borrowing RequestHead, content: Span<UInt8>, _ exchange: consuming HTTPExchange
        ) {
            func text(_ span: Span<UInt8>) -> String {
                String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
            }
            if text(head.path) == "/held" {
                held.append(HTTPExchangeBox(exchange))
                return
            }
            if text(head.path) == "/stream" {
                let stream = exchange.startStream(
                    Response(.ok, [.init("Content-Type", "text/event-stream")])
                ) { [gone] in gone.withLock { $0 += 1 } }
                streams.append(stream)
                return stream.send(Array("begin\n".utf8).span)
            }
            let lines = [
                "\(head.method.name) \(text(head.path))?\(text(head.query)) 1.\(head.minorVersion)"
                    + (head.isSecure ? " TLS" : ""),
                "peer=\(text(head.peer)) host=\(text(head[.host])) agent=\(text(head[.userAgent]))",
                "fields=\(head.fieldCount) content=\(text(content))",
            ]
            exchange.reply(
                Response(
                    .ok, [.init("Content-Type", "text/plain")],
                    body: lines.joined(separator: "\n")))
        }
    }

    /// An array cannot hold what is not copyable.
    final class HTTPExchangeBox {
        private var exchange: HTTPExchange?

        init(_ exchange: consuming HTTPExchange) { self.exchange = consume exchange }

        func reply(_ response: Response) { exchange.take()?.reply(response) }
    }

    init(
        _ address: ListenAddress = .tcp(host: "127.0.0.1", port: 0), limits: HTTPLimits = .init(),
        atGate: StaticString = "/hit", handsOverAll: Bool = false, sendsProxyHeader: Bool = false
    ) throws {
        LibeventLibrary.prepare { _, _ in }
        let socket = try ListeningSocket.open(address, count: 1)[0]
        self.address = socket.address
        let mailbox = try LoopMailbox<Message>()
        self.mailbox = mailbox
        thread = try Thread(name: "test-loop") { [gone] in
            let loop = EventLoop()
            let long = Response(.ok, bytes: [UInt8](repeating: 0x78, count: 100_000))
            let handler = Handler(atGate: atGate, gone: gone)
            let server = HTTPServer(
                loop: loop, socket: socket, limits: limits, handsOverAll: handsOverAll,
                sendsProxyHeader: { _ in sendsProxyHeader }, handler: handler)
            let source = mailbox.attach(to: loop) { message in
                switch message {
                case .release:
                    for box in handler.held { box.reply(.plain(.ok)) }
                    handler.held = []
                case .releaseLong:
                    for box in handler.held { box.reply(long) }
                    handler.held = []
                case .drain: server.drain()
                case .send(let bytes): for stream in handler.streams { stream.send(bytes.span) }
                case .endStreams:
                    for stream in handler.streams { stream.end() }
                    handler.streams = []
                case .stop: loop.stop()
                }
            }
            loop.run {}
            withExtendedLifetime((server, source)) {}
        }
    }

    deinit {
        mailbox.post(.release)
        mailbox.post(.stop)
        thread.join()
    }

    func post(_ message: Message) { mailbox.post(message) }

    /// Answers what is held, and what is yet to come to that, until there is a reply.
    func release(until connection: HTTPConnection) {
        for _ in 0..<3000 where !connection.hasBytes {
            post(.release)
            usleep(10_000)
        }
    }

    func connect() throws -> HTTPConnection {
        switch address {
        case .tcp(_, let port): try HTTPConnection(port: port)
        case .unix(let path): try HTTPConnection(unix: path)
        }
    }
}

@Suite struct HTTPServerTests {
    @Test("a handler sees the head as it was sent")
    func head() throws {
        let server = try TestServer()
        let reply = try server.connect().request(
            "//x/y?a=%20b", ["USER-agent: one", "User-Agent: two", "X: y"])
        #expect(
            reply?.text == """
                GET //x/y?a=%20b 1.1
                peer=127.0.0.1 host=localhost agent=one
                fields=4 content=
                """)
    }

    @Test("a unix socket has no peer address")
    func unixPeer() throws {
        let directory = TemporaryDirectory()
        let server = try TestServer(.unix(path: directory.file("s")))
        let reply = try server.connect().request("/")
        #expect(reply?.text.contains("peer= host=localhost") == true)
    }

    @Test("replies to requests sent together come in order")
    func pipelining() throws {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send(
            (1...3).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for number in 1...3 {
            #expect(connection.receive()?.text.hasPrefix("GET /\(number)?") == true)
        }
    }

    @Test("a head that comes byte by byte is like one that comes whole")
    func byteByByte() throws {
        let server = try TestServer()
        let connection = try server.connect()
        for byte in "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".utf8 { connection.send([byte]) }
        #expect(connection.receive()?.text.hasPrefix("GET /slow?") == true)
    }

    @Test("a reply can wait, and the client may leave meanwhile")
    func held() throws {
        let server = try TestServer()
        let staying = try server.connect()
        staying.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        do {
            let leaving = try server.connect()
            leaving.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try server.connect().request("/other")?.status == 200)
        }
        server.post(.release)
        #expect(staying.receive()?.status == 200)
        #expect(staying.request("/again")?.status == 200)
    }

    @Test("HEAD has the length of the content and none of it")
    func headMethod() throws {
        let server = try TestServer()
        let connection = try server.connect()
        let reply = connection.request("/x", method: "HEAD")
        #expect(reply?.status == 200)
        let length = reply?["content-length"].flatMap { Int($0) } ?? 0
        #expect(length > 0)
        // Nothing is left over in front of the next reply.
        #expect(connection.request("/y")?.text.hasPrefix("GET /y?") == true)
    }

    @Test(
        "a target that is none gets 400 and ends the connection",
        arguments: ["track.js", "/a b", "/a#b", "ftp://x/", "*"])
    func badTarget(_ target: String) throws {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.receive()?.status == 400)
        #expect(connection.isClosedByServer())
    }

    @Test("only HTTP/1.0 and 1.1 are spoken", arguments: ["1.2", "0.9", "1.9", "2.0"])
    func version(_ version: String) throws {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send("GET /x HTTP/\(version)\r\nHost: a\r\n\r\n")
        #expect(connection.receive()?.status == 505)
        #expect(connection.isClosedByServer())
    }

    @Test("too many fields and too long heads are refused, and the server goes on")
    func limits() throws {
        var limits = HTTPLimits()
        limits.fieldsMax = 5
        limits.headBytesMax = 1000
        limits.requestLineBytesMax = 500
        limits.bodyBytesMax = 100
        let server = try TestServer(limits: limits)
        let fields = (1...5).map { "X-\($0): y" }
        #expect(try server.connect().request("/", fields)?.status == 431)
        #expect(try server.connect().request("/", Array(fields.prefix(4)))?.status == 200)
        let long = String(repeating: "x", count: 2000)
        #expect(try server.connect().request("/\(long)")?.status == 414)
        #expect(try server.connect().request("/", ["X: \(long)"])?.status == 431)
        let connection = try server.connect()
        connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n")
        #expect(connection.receive()?.status == 413)
        #expect(try server.connect().request("/")?.status == 200)
    }

    @Test("a silent connection is closed")
    func idle() throws {
        var limits = HTTPLimits()
        limits.idleSeconds = 0.2
        let server = try TestServer(limits: limits)
        #expect(try server.connect().isClosedByServer())
    }

    @Test("HTTP/1.0 is closed after its reply unless it asks to be kept")
    func http10() throws {
        let server = try TestServer()
        let closing = try server.connect()
        closing.send("GET /old HTTP/1.0\r\n\r\n")
        #expect(closing.receive()?.text.hasPrefix("GET /old? 1.0") == true)
        #expect(closing.isClosedByServer())
        let kept = try server.connect()
        for _ in 1...2 {
            kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(kept.receive()?.status == 200)
        }
    }

    @Test("while it drains, a server ends each connection with its reply")
    func draining() throws {
        let server = try TestServer()
        let connection = try server.connect()
        #expect(connection.request("/before")?["connection"] == nil)
        server.post(.drain)
        connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        server.release(until: connection)
        #expect(connection.receive()?["connection"] == "close")
        #expect(connection.isClosedByServer())
    }

    @Test("an exchange that is forgotten is a bug")
    func forgotten() async {
        await #expect(processExitsWith: .failure) {
            final class Forgetful: HTTPHandler {
                func handle(
                    _ head: borrowing RequestHead, content: Span<UInt8>,
                    _ exchange: consuming HTTPExchange
                ) {}
            }
            let socket = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0), count: 1)[0]
            guard case .tcp(_, let port) = socket.address else { return }
            let client = try HTTPConnection(port: port)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let loop = EventLoop()
            let handler = Forgetful()
            let server = HTTPServer(loop: loop, socket: socket, limits: .init(), handler: handler)
            let timer = loop.every(seconds: 2) { loop.stop() }
            loop.run {}
            withExtendedLifetime((server, timer)) {}
        }
    }
}
