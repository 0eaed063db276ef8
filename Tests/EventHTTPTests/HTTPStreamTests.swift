import EventHTTP
import Foundation
import POSIX
import TestSupport
import Testing

/// Replies that are sent piece by piece.
@Suite struct HTTPStreamTests {
    private static let request = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Waits until so many streams have ended by themselves.
    private func wait(for count: Int, _ server: TestServer) {
        for _ in 0..<3000 where server.gone.withLock({ $0 }) < count { usleep(10_000) }
        #expect(server.gone.withLock { $0 } == count)
    }

    @Test func `pieces come in chunks, as they are sent, and then the end`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send(Self.request)
        #expect(connection.receiveText(through: "begin\n\r\n").contains("\r\n\r\n6\r\nbegin\n\r\n"))
        server.post(.send(Array("one".utf8)))
        #expect(connection.receiveText(through: "one\r\n") == "3\r\none\r\n")
        server.post(.send([]))
        server.post(.send(Array("two".utf8)))
        #expect(connection.receiveText(through: "two\r\n") == "3\r\ntwo\r\n")
        server.post(.endStreams)
        #expect(String(decoding: connection.receiveAll(), as: UTF8.self) == "0\r\n\r\n")
        #expect(connection.isClosedByServer())
        #expect(server.gone.withLock { $0 } == 0)
    }

    @Test func `a client of HTTP 1.0 gets the pieces without chunks`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let head = connection.receiveText(through: "begin\n").lowercased()
        #expect(head.hasSuffix("\r\n\r\nbegin\n"))
        #expect(head.contains("connection: close\r\n"))
        #expect(!head.contains("transfer-encoding") && !head.contains("keep-alive"))
        server.post(.send(Array("end".utf8)))
        #expect(connection.receiveText(through: "end") == "end")
        server.post(.endStreams)
        #expect(connection.isClosedByServer())
    }

    @Test func `deadlines do not end a stream`() throws {
        var limits = HTTPLimits()
        (limits.idleSeconds, limits.headSeconds, limits.bodySeconds) = (1, 1, 1)
        limits.writeSeconds = 1
        let server = try TestServer(limits: limits)
        let connection = try server.connect()
        connection.send(Self.request)
        _ = connection.receiveText(through: "begin\n\r\n")
        usleep(3_500_000)
        server.post(.send(Array("late".utf8)))
        #expect(connection.receiveText(through: "late\r\n") == "4\r\nlate\r\n")
    }

    @Test(
        "the owner learns that a client has gone, once, whether it says so or not",
        arguments: [false, true])
    func gone(_ isAbrupt: Bool) throws {
        let server = try TestServer()
        for count in 1...20 {
            let connection = try server.connect()
            connection.send(Self.request)
            _ = connection.receiveText(through: "begin\n\r\n")
            if isAbrupt { connection.resetWhenClosed() }
            server.post(.send([1]))
            withExtendedLifetime(connection) {}
            _ = consume connection
            wait(for: count, server)
        }
        server.post(.send([2]))
        server.post(.endStreams)
        #expect(try server.connect().request("/page")?.status == 200)
        #expect(server.gone.withLock { $0 } == 20)
    }

    @Test func `a client that does not read is given up, and others go on`() throws {
        var limits = HTTPLimits()
        limits.streamBytesMax = 100_000
        let server = try TestServer(limits: limits)
        let slow = try server.connect()
        slow.shrinkReceiveBuffer()
        let other = try server.connect()
        for connection in [slow, other] {
            connection.send(Self.request)
            _ = connection.receiveText(through: "begin\n\r\n")
        }
        let piece = [UInt8](repeating: 0x78, count: 10_000)
        // What a client is allowed, what the sockets hold, and the same again.
        for _ in 0..<1000 where server.gone.withLock({ $0 }) == 0 {
            server.post(.send(piece))
            _ = other.receiveText(through: "x\r\n")
        }
        wait(for: 1, server)
        #expect(slow.receiveAll().count < 1_000_000)
        server.post(.send(Array("still".utf8)))
        #expect(other.receiveText(through: "still\r\n").hasSuffix("5\r\nstill\r\n"))
    }

    @Test
    func `what a client sends during a stream is no request, and only so much of it is taken`()
        throws
    {
        let server = try TestServer()
        let connection = try server.connect()
        connection.send(Self.request + "GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = connection.receiveText(through: "begin\n\r\n")
        connection.send(Self.request)
        server.post(.send(Array("on".utf8)))
        #expect(connection.receiveText(through: "on\r\n") == "2\r\non\r\n")
        for _ in 0..<100 where connection.send([UInt8](repeating: 0x78, count: 4096)) {}
        wait(for: 1, server)
    }

    @Test func `a server that drains ends its streams`() throws {
        let server = try TestServer()
        let connections = try (0..<5).map { _ in try server.connect() }
        for connection in connections {
            connection.send(Self.request)
            _ = connection.receiveText(through: "begin\n\r\n")
        }
        server.post(.drain)
        for connection in connections {
            #expect(String(decoding: connection.receiveAll(), as: UTF8.self) == "0\r\n\r\n")
        }
        wait(for: 5, server)
    }

    @Test func `a server can be ended with its streams open`() throws {
        var server: TestServer? = try TestServer()
        let connection = try #require(try server?.connect())
        connection.send(Self.request)
        _ = connection.receiveText(through: "begin\n\r\n")
        let gone = try #require(server?.gone)
        server = nil
        #expect(connection.isClosedByServer())
        #expect(gone.withLock { $0 } == 1)
    }
}
