import Foundation
import TestSupport
import Testing

/// The access log of a running server.
@Suite struct AccessLogTests {
    /// The lines of a log without their dates.
    private func lines(_ directory: TemporaryDirectory) throws -> [String] {
        String(decoding: try directory.bytes("access.log"), as: UTF8.self)
            .components(separatedBy: "\n").dropLast()
            .map {
                $0.replacing(/\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\]/, with: "[]")
            }
    }

    /// What is sent on a connection of its own, and how its line shows it.
    private static let requests: [(sent: String, shown: String)] = [
        (
            "GET /track.js?s=my%20search HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /track.js?s=my%20search HTTP/1.1"
        ),
        ("GET /track.gif HTTP/1.0\r\n\r\n", "GET /track.gif HTTP/1.0"),
        (
            #"GET /track.js?s="\ HTTP/1.1"# + "\r\nHost: a\r\n\r\n",
            #"GET /track.js?s=\"\\ HTTP/1.1"#
        ),
        ("\r\nGET /track.js HTTP/1.1\r\nHost: a\r\n\r\n", "GET /track.js HTTP/1.1"),
        (
            "GET http://a/track.js?abs HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/track.js?abs HTTP/1.1"
        ),
        ("GET /demo/simple HTTP/1.1\r\nHost: a\r\n\r\n", "GET /demo/simple HTTP/1.1"),
        ("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "GET /none HTTP/1.1"),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE / HTTP/1.1"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1"),
        (
            "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
            "POST /track HTTP/1.1"
        ),
        (
            "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n[{}]",
            "POST /track HTTP/1.1"
        ),
        // What the gate refuses.
        ("BREW /x HTTP/1.1\r\nHost: a\r\n\r\n", "BREW /x HTTP/1.1"),
        ("GET /\u{1}\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n", #"GET /\x01\x7f HTTP/1.1"#),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", #"GET /\xc3\xa4 HTTP/1.1"#),
        ("GET /nohost HTTP/1.1\r\n\r\n", "GET /nohost HTTP/1.1"),
        ("\u{16}\u{3}\u{1}\u{2}\n", #"\x16\x03\x01\x02"#),
        (
            "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
            "POST /track HTTP/1.1"
        ),
        (
            "POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST /t HTTP/1.1"
        ),
        // It does not come to its end.
        ("GET /slow HTTP/1.1\r\nHost", "GET /slow HTTP/1.1"),
    ]

    @Test(
        "each answered request is a line, whoever answers it, and each refused one",
        arguments: ["gate", "evhttp"])
    func lines(_ http: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--access-log", directory.file("access.log"), "--http", http, "--loops", "1",
                "--durability", "interval", "--head-timeout", "1s",
            ])
        var expected: [String] = []
        for (sent, shown) in Self.requests {
            let connection = try server.connect()
            connection.send(sent)
            let reply = try #require(connection.receive(), "\(shown)")
            let bytes = reply.body.isEmpty ? "-" : "\(reply.body.count)"
            expected.append("127.0.0.0 - - [] \"\(shown)\" \(reply.status) \(bytes)")
        }
        // Several at once, of which HEAD has no content.
        let connection = try server.connect()
        connection.send(
            "HEAD /track.gif HTTP/1.1\r\nHost: a\r\n\r\nGET /track.gif HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(connection.receive(isHead: true)?.status == 200)
        #expect(connection.receive()?.body.count == 43)
        expected.append("127.0.0.0 - - [] \"HEAD /track.gif HTTP/1.1\" 200 -")
        expected.append("127.0.0.0 - - [] \"GET /track.gif HTTP/1.1\" 200 43")
        #expect(server.stop().status == 0)
        #expect(try lines(directory) == expected)
    }

    @Test("a line has no more of the client than the event has")
    func privacy() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--access-log", directory.file("access.log"), "--ip-detail", "full",
                "--trusted-proxies", "127.0.0.1", "--dnt-policy", "drop", "--loops", "1",
            ])
        let client = "X-Forwarded-For: 203.0.113.7"
        for target in ["/track.js?s=a", "/none?s=a", "/demo/simple?s=a"] {
            for fields in [[client], [client, "Sec-GPC: 1"], [client, "DNT: 1"], []] {
                #expect(try server.request(target, fields) != nil)
            }
        }
        #expect(server.stop().status == 0)
        let shown = try lines(directory).map { $0.split(separator: " ") }
        #expect(
            shown.map { $0[0] }
                == Array(repeating: ["203.0.113.7", "203.0.113.0", "-", "127.0.0.1"], count: 3)
                .flatMap { $0 })
        #expect(
            shown.map { $0[5].contains("?") }
                == Array(repeating: [true, true, false, true], count: 3).flatMap { $0 })
        let events = try StoredEvent.all(in: directory.file("data"))
        #expect(
            events.filter { $0["path"] == "/track.js" }.map { $0["ip"] } == [
                "203.0.113.7", "203.0.113.0", "127.0.0.1",
            ])
    }

    @Test("loops append to one file, and no line is cut")
    func loops() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"),
            ["--access-log", directory.file("access.log"), "--loops", "3"])
        let connections = try (0..<12).map { _ in try server.connect() }
        for round in 0..<20 {
            for (index, connection) in connections.enumerated() {
                connection.send("GET /track.js?n=\(round * 12 + index) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            for connection in connections { #expect(connection.receive()?.status == 200) }
        }
        #expect(server.stop().status == 0)
        let expected = (0..<240).map { "127.0.0.0 - - [] \"GET /track.js?n=\($0) HTTP/1.1\" 200 -" }
        #expect(try lines(directory).sorted() == expected.sorted())
    }

    @Test("a full disk costs lines, and no hit")
    func fullDisk() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--access-log", "/dev/full"])
        let connection = try server.connect()
        for _ in 0..<100 { #expect(connection.request("/track.js")?.status == 200) }
        let result = server.stop()
        #expect(result.status == 0)
        #expect(
            result.errors.contains(
                "warning: access_log: write /dev/full: No space left on device: 1 lines were lost"))
        #expect(result.errors.components(separatedBy: "lines were lost").count <= 1 + 2 * 4)
        #expect(try StoredEvent.all(in: directory.path).count == 100)
    }

    @Test("a file that cannot be opened stops the start")
    func unopenable() throws {
        let directory = TemporaryDirectory()
        let file = directory.file("none/access.log")
        let result = try FootfallBinary.run(
            "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--data", directory.file("data"),
            "--access-log", file)
        #expect(result.status == 1)
        #expect(result.errors == "footfall: open \(file): No such file or directory\n")
    }
}
