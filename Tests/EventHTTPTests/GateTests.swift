import EventHTTP
import Foundation
import POSIX
import TestSupport
import Testing

/// The gate in front of evhttp, over real sockets. Paths that begin with `/hit` are answered at the
/// gate, unless all is handed over; all others by evhttp.
@Suite struct GateTests {
    /// Both ways, for what must not differ.
    static let ways = [false, true]

    private func request(_ path: String, _ more: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\(more)\r\n"
    }

    @Test("requests of both kinds, sent together, are answered in order", arguments: ways)
    func mixed(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll)
        let connection = try server.connect()
        let paths = ["/hit/1", "/hit/2", "/page/3", "/hit/4", "/page/5", "/page/6", "/hit/7"]
        for _ in 0..<20 {
            connection.send(paths.map { request($0) }.joined())
            for path in paths {
                #expect(connection.receive()?.text.hasPrefix("GET \(path)?") == true)
            }
        }
    }

    @Test("however the bytes are split, the replies are the same", arguments: ways)
    func split(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll)
        let text = Array(
            (request("/hit?a") + "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                + request("/hit?b")).utf8)
        for cut in 1..<text.count {
            let connection = try server.connect()
            connection.send(Array(text[..<cut]))
            usleep(300)
            connection.send(Array(text[cut...]))
            for expected in ["GET /hit?a", "POST /page?", "GET /hit?b"] {
                #expect(connection.receive()?.text.hasPrefix(expected) == true, "\(cut)")
            }
        }
    }

    @Test("content is taken whole, with a length or in chunks, and never for a request")
    func content() throws {
        let server = try TestServer()
        let connection = try server.connect()
        let head = "POST /page HTTP/1.1\r\nHost: a\r\n"
        let smuggled = request("/hit/smuggled")
        connection.send(head + "Content-Length: \(smuggled.utf8.count)\r\n\r\n" + smuggled)
        #expect(connection.receive()?.text.hasSuffix("content=\(smuggled)") == true)
        let size = String(smuggled.utf8.count, radix: 16)
        connection.send(
            head + "Transfer-Encoding: chunked\r\n\r\n\(size)\r\n\(smuggled)\r\n0\r\n\r\n")
        #expect(connection.receive()?.text.hasSuffix("content=\(smuggled)") == true)
        connection.send(request("/hit/after"))
        #expect(connection.receive()?.text.hasPrefix("GET /hit/after?") == true)
    }

    @Test("100 Continue comes before the content is sent, and not after")
    func expectsContinue() throws {
        let server = try TestServer()
        let connection = try server.connect()
        let head =
            "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.send(head)
        #expect(connection.receive()?.status == 100)
        connection.send("hi")
        #expect(connection.receive()?.status == 200)
        connection.send(head + "hi")
        #expect(connection.receive()?.status == 200)
    }

    @Test("replies that wait hold back what follows, also past a half-close", arguments: ways)
    func held(_ handsOverAll: Bool) throws {
        let server = try TestServer(atGate: "/h", handsOverAll: handsOverAll)
        let connection = try server.connect()
        connection.send(request("/held") + request("/page") + request("/hit"))
        connection.finishSending()
        usleep(50_000)
        server.release(until: connection)
        #expect(connection.receive()?.status == 200)
        #expect(connection.receive()?.text.hasPrefix("GET /page?") == true)
        #expect(connection.receive()?.text.hasPrefix("GET /hit?") == true)
        #expect(connection.isClosedByServer())
    }

    @Test("a reply that is there before the one in front of it waits for that")
    func early() throws {
        let server = try TestServer(atGate: "/h")
        let connection = try server.connect()
        connection.send(
            ["/hit/1", "/held", "/hit/2", "/held", "/hit/3"].map { request($0) }.joined())
        #expect(connection.receive()?.text.hasPrefix("GET /hit/1?") == true)
        usleep(50_000)
        #expect(!connection.hasBytes)
        server.release(until: connection)
        for expected in ["200 OK", "GET /hit/2?", "200 OK", "GET /hit/3?"] {
            #expect(connection.receive()?.text.hasPrefix(expected) == true)
        }
    }

    @Test("a refusal comes after the replies before it, and ends the connection", arguments: ways)
    func refused(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll)
        let connection = try server.connect()
        connection.send(
            request("/hit") + request("/page") + "GET / HTTP/1.1\r\n\r\n" + request("/x"))
        #expect(connection.receive()?.status == 200)
        #expect(connection.receive()?.status == 200)
        let reply = connection.receive()
        #expect(reply?.status == 400)
        #expect(reply?["connection"] == "close")
        #expect(connection.isClosedByServer())
    }

    @Test("the reply to a peer that goes on sending is not lost")
    func lingering() throws {
        var limits = HTTPLimits()
        limits.bodyBytesMax = 100
        let server = try TestServer(limits: limits)
        for _ in 0..<20 {
            let connection = try server.connect()
            connection.send(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"
                    + String(repeating: "x", count: 40_000))
            #expect(connection.receive()?.status == 413)
        }
    }

    @Test(
        "heads and contents that do not come to an end are refused with 408",
        arguments: [
            "GET /hit HTTP/1.1\r\nHost: a\r\nX-Slow: ",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n",
        ])
    func deadlines(_ start: String) throws {
        var limits = HTTPLimits()
        (limits.headSeconds, limits.bodySeconds) = (1, 1)
        let server = try TestServer(limits: limits)
        let connection = try server.connect()
        connection.send(start)
        let deadline = Date().addingTimeInterval(8)
        // A trickle does not put it off.
        while Date() < deadline, connection.send("x") { usleep(100_000) }
        #expect(Date() < deadline)
        #expect(connection.receive()?.status == 408)
    }

    @Test("many that are late together are all refused")
    func manyDeadlines() throws {
        var limits = HTTPLimits()
        limits.headSeconds = 1
        let server = try TestServer(limits: limits)
        let connections = try (0..<200).map { _ in try server.connect() }
        for connection in connections { connection.send("GET /hit HTTP/1.1\r\nHost: a\r\n") }
        for connection in connections { #expect(connection.receive()?.status == 408) }
        #expect(try server.connect().request("/hit")?.status == 200)
    }

    @Test("a connection has a last request", arguments: ways)
    func lastRequest(_ handsOverAll: Bool) throws {
        var limits = HTTPLimits()
        limits.requestsMax = 3
        let server = try TestServer(limits: limits, handsOverAll: handsOverAll)
        let connection = try server.connect()
        #expect(connection.request("/hit")?["connection"] == nil)
        #expect(connection.request("/page")?["connection"] == nil)
        #expect(connection.request("/hit")?["connection"] == "close")
        #expect(connection.isClosedByServer())
    }

    @Test("HEAD has the fields of GET and no content, and HTTP/1.0 is closed", arguments: ways)
    func headAndOld(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll)
        let connection = try server.connect()
        let reply = connection.request("/hit", method: "HEAD")
        #expect(reply?.fields.map(\.name).sorted() == ["content-length", "content-type", "date"])
        #expect(connection.request("/hit")?.status == 200)
        let old = try server.connect()
        old.send("GET /hit HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(old.receive()?["connection"] == "keep-alive")
        old.send("GET /hit HTTP/1.0\r\n\r\n")
        #expect(old.receive()?["connection"] == "close")
        #expect(old.isClosedByServer())
    }

    @Test("peers that leave at any moment leave nothing behind")
    func leaving() throws {
        let server = try TestServer(atGate: "/h")
        let text = Array((request("/held") + request("/page") + request("/hit")).utf8)
        for count in stride(from: 0, through: text.count, by: 3) {
            let connection = try server.connect()
            connection.send(Array(text[..<count]))
        }
        server.post(.release)
        #expect(try server.connect().request("/hit")?.status == 200)
    }

    @Test("many replies to a peer that does not read wait for it, and no longer than allowed")
    func slowReader() throws {
        var limits = HTTPLimits()
        // However slow this machine is.
        limits.writeSeconds = 300
        let server = try TestServer(limits: limits)
        let connection = try server.connect()
        let long = request("/hit?" + String(repeating: "x", count: 4000))
        // Far more than the sockets hold; what is not read is not taken either.
        let count = 2000
        // One thread sends and the other receives; a socket allows that.
        nonisolated(unsafe) let sending = connection
        let sender = try POSIX.Thread(name: "sender") {
            for _ in 0..<count { sending.send(long) }
        }
        defer { sender.join() }
        usleep(300_000)
        for _ in 0..<count { #expect(connection.receive()?.status == 200) }
    }

    @Test(
        "a peer that takes its replies too slowly is given up, however it trickles",
        arguments: ["/hit", "/page"])
    func tricklingReader(_ path: String) throws {
        var limits = HTTPLimits()
        // So that the second connection is served just when the first one is gone.
        (limits.writeSeconds, limits.connectionsMax) = (2, 1)
        let server = try TestServer(limits: limits)
        let slow = try server.connect()
        slow.shrinkReceiveBuffer()
        let long = request(path + "?" + String(repeating: "x", count: 7000))
        let isSending = Monitor(true)
        // One thread sends and the other receives; a socket allows that.
        nonisolated(unsafe) let sending = slow
        let sender = try POSIX.Thread(name: "sender") {
            while isSending.withLock({ $0 }), sending.send(long) {}
        }
        let next = try server.connect()
        next.send(request("/hit"))
        let deadline = Date().addingTimeInterval(60)
        while !next.hasBytes, Date() < deadline {
            _ = slow.receiveSome(upTo: 200)
            usleep(50_000)
        }
        #expect(next.receive()?.status == 200)
        isSending.withLock { $0 = false }
        // Wakes the thread, if the server has not.
        slow.finishSending()
        sender.join()
    }

    @Test func `what comes behind a reply that is stuck does not reach evhttp`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        // Far more than the sockets hold, in replies that evhttp sends later.
        let count = 200
        for _ in 0..<count { connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n") }
        let isAnswering = Monitor(true)
        let answering = try POSIX.Thread(name: "answering") {
            while isAnswering.withLock({ $0 }) {
                server.post(.releaseLong)
                usleep(1000)
            }
        }
        defer {
            isAnswering.withLock { $0 = false }
            answering.join()
        }
        // Until a reply is stuck; what is sent now comes while it is.
        usleep(300_000)
        connection.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 0..<count { try #require(connection.receive()?.body.count == 100_000) }
        #expect(connection.receive()?.text.hasPrefix("GET /page?") == true)
    }

    @Test("connections beyond the limit wait until others have gone")
    func connectionLimit() throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 3
        let server = try TestServer(limits: limits)
        var open = try (0..<3).map { _ in try server.connect() }
        for connection in open { #expect(connection.request("/hit")?.status == 200) }
        let waiting = try server.connect()
        waiting.send(request("/hit/late"))
        usleep(100_000)
        #expect(!waiting.hasBytes)
        open.removeAll()
        #expect(waiting.receive()?.text.hasPrefix("GET /hit/late?") == true)
    }

    @Test("a server that is full can be ended")
    func endedWhenFull() throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 2
        var server: TestServer? = try TestServer(limits: limits)
        let open = try (0..<3).compactMap { _ in try server?.connect() }
        for connection in open.prefix(2) { #expect(connection.request("/hit")?.status == 200) }
        server = nil
        for connection in open.prefix(2) { #expect(connection.isClosedByServer()) }
    }
}
