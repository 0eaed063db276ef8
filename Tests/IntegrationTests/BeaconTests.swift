import Foundation
import TestSupport
import Testing

/// `POST /track` and what browsers ask before it.
@Suite struct BeaconTests {
    private func post(
        _ server: FootfallServer, _ content: [UInt8], _ fields: [String] = []
    ) throws -> HTTPConnection.Reply? {
        let connection = try server.connect()
        let lines = ["POST /track?p=1 HTTP/1.1", "Host: a", "Content-Length: \(content.count)"]
        connection.send((lines + fields).joined(separator: "\r\n") + "\r\n\r\n")
        connection.send(content)
        return connection.receive()
    }

    private func post(
        _ server: FootfallServer, _ content: String, _ fields: String...
    ) throws -> HTTPConnection.Reply? {
        try post(server, Array(content.utf8), fields)
    }

    /// The `data` of all stored events, as it stands in the log.
    private func data(_ directory: TemporaryDirectory) throws -> [String] {
        try StoredEvent.all(in: directory.path).map { event in
            let start = event.line.firstRange(of: #","data":"#)?.upperBound ?? event.line.startIndex
            let end =
                event.line.firstRange(of: #","synced":"#)?.lowerBound
                ?? event.line.firstRange(of: #","seq":"#)?.lowerBound ?? event.line.endIndex
            return String(event.line[start..<end])
        }
    }

    @Test("one object is stored as it was sent, on one line, and answered with 204")
    func single() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let json = "{\"a\" : [1,\r\n 2.50],\n\"b\":\"\\u00e9 é\"}"
        let reply = try post(server, json, "Content-Type: text/plain;charset=UTF-8", "Cookie: x=y")
        #expect(reply?.status == 204)
        #expect(reply?["set-cookie"]?.hasPrefix("id=") == true)
        #expect(reply?["cache-control"] == "no-store")
        let event = try #require(try StoredEvent.all(in: directory.path).first)
        #expect(event["kind"] == "beacon")
        #expect(event["method"] == "POST")
        #expect(event.params == ["p": "1"])
        #expect(try data(directory) == [#"{"a" : [1,   2.50], "b":"\u00e9 é"}"#])
        #expect(try FootfallBinary.run("verify", "--data", directory.path).status == 0)
    }

    @Test("of several events the valid ones are stored, and the others named")
    func several() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--event-bytes-max", "1KiB"])
        let long = String(repeating: "x", count: 1000)
        let reply = try post(server, #"[{"a":1},7,{"l":"\#(long)"},{"b":2}]"#)
        #expect(reply?.status == 200)
        #expect(
            reply?.text == #"{"stored":2,"invalid":[{"index":1,"reason":"not an object"},"#
                + #"{"index":2,"reason":"the event is too large"}]}"# + "\n")
        let lines = try post(
            server, "{\"c\":3}\n\n{\n{\"d\":4}\n", "Content-Type: application/json")
        #expect(lines?.status == 200)
        #expect(lines?.text.hasPrefix(#"{"stored":2,"invalid":[{"index":1,"#) == true)
        #expect(
            try data(directory) == [#"{"a":1}"#, #"{"b":2}"#, #"{"c":3}"#, #"{"d":4}"#])
    }

    @Test(
        "what brings no event is refused, and nothing is stored",
        arguments: [
            ("", "X: y", 400), ("7", "X: y", 400), ("[]", "X: y", 400), ("{", "X: y", 400),
            (#"{"a":"\ud800"}"#, "X: y", 400), ("[1,2]", "X: y", 400),
            ("{}", "Content-Type: multipart/form-data", 415),
            ("{}", "Content-Encoding: br", 415), ("{}", "Content-Encoding: gzip", 400),
            ("", "Content-Type: application/x-www-form-urlencoded", 400),
            ("[" + String(repeating: "{},", count: 1000) + "{}]", "X: y", 413),
        ])
    func refused(_ content: String, _ field: String, _ status: Int) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        #expect(try post(server, content, field)?.status == status)
        #expect(directory.list("events") == [])
        // The connection's request was taken whole: the server goes on.
        #expect(try post(server, "{}")?.status == 204)
    }

    @Test("form fields become an object of strings")
    func form() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let type = "Content-Type: application/x-www-form-urlencoded;charset=UTF-8"
        #expect(try post(server, "s=my+search&u=%22%0a&s=2&e", type)?.status == 204)
        #expect(try data(directory) == [#"{"s":"my search","u":"\"\n","e":""}"#])
    }

    @Test("gzip is taken within its limits")
    func gzip() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        func compressed(_ text: String) throws -> [UInt8] {
            try directory.write(Array(text.utf8), to: "plain")
            let result = try ChildProcess.run(["gzip", "-kf", directory.file("plain")])
            #expect(result.status == 0)
            return try directory.bytes("plain.gz")
        }
        let field = ["Content-Encoding: gzip"]
        #expect(try post(server, try compressed("{\"a\":1}\n{\"b\":2}\n"), field)?.status == 200)
        #expect(try data(directory) == [#"{"a":1}"#, #"{"b":2}"#])
        let cut = Array(try compressed(#"{"a":1}"#).dropLast(3))
        #expect(try post(server, cut, field)?.status == 400)
        let more = try compressed(#"{"a":1}"#) + [0]
        #expect(try post(server, more, field)?.status == 400)
        // A bomb: too much in all, and too much for its size.
        for count in [2_000_000, 100_000] {
            let bomb = try compressed(#"{"a":""# + String(repeating: "x", count: count) + #""}"#)
            #expect(try post(server, bomb, field)?.status == 413)
        }
        #expect(try data(directory).count == 2)
    }

    @Test("beacons of all sizes, split and kept alive, lose nothing when the server is killed")
    func killed() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let connection = try server.connect()
        for number in 1...30 {
            let content = #"{"n":\#(number),"x":"\#(String(repeating: "x", count: 100 * number))"}"#
            connection.send(
                "POST /track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in [content.prefix(50), content.dropFirst(50)] {
                connection.send("\(String(part.utf8.count, radix: 16))\r\n\(part)\r\n")
            }
            connection.send("0\r\n\r\n")
            #expect(connection.receive()?.status == 204)
        }
        server.kill()
        #expect(try data(directory).count == 30)
    }

    // MARK: - Other origins

    private static let origin = "Origin: https://shop.example"

    @Test("a preflight allows what a page needs, by its origin and with cookies")
    func preflight() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try server.request(
            "/track", method: "OPTIONS",
            [Self.origin, "Access-Control-Request-Method: POST"])
        #expect(reply?.status == 204)
        #expect(reply?["access-control-allow-origin"] == "https://shop.example")
        #expect(reply?["access-control-allow-credentials"] == "true")
        #expect(reply?["access-control-allow-methods"] == "GET, HEAD, POST")
        #expect(reply?["access-control-allow-headers"] == "content-type, content-encoding")
        #expect(reply?["access-control-max-age"] == "7200")
        #expect(reply?["vary"] == "Origin")
        #expect(directory.list("events") == [])
    }

    @Test("every reply to a hit of another origin can be seen by its page, errors too")
    func replies() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let replies = [
            try post(server, "{}", Self.origin), try post(server, "{", Self.origin),
            try server.request("/track.js", [Self.origin]),
            try server.request("/track.gif", [Self.origin]),
            try server.request("/track", [Self.origin]),
        ]
        #expect(replies.map { $0?.status } == [204, 400, 200, 200, 405])
        for reply in replies {
            #expect(reply?["access-control-allow-origin"] == "https://shop.example")
            #expect(reply?["access-control-allow-credentials"] == "true")
        }
        // Nobody asked.
        #expect(try server.request("/track.js")?["access-control-allow-origin"] == nil)
    }

    @Test("only allowed origins see a reply, but every hit is stored")
    func allowed() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            ["--allowed-origins", "https://shop.example", "--allowed-origins", "http://b:81"])
        let expected: [(String, String?)] = [
            ("https://shop.example", "https://shop.example"), ("http://b:81", "http://b:81"),
            ("https://shop.example.evil", nil), ("http://shop.example", nil), ("null", nil),
        ]
        for (origin, answer) in expected {
            let reply = try post(server, "{}", "Origin: \(origin)")
            #expect(reply?.status == 204)
            #expect(reply?["access-control-allow-origin"] == answer, "\(origin)")
            #expect(reply?["access-control-allow-credentials"] == answer.map { _ in "true" })
            #expect(reply?["vary"] == "Origin")
        }
        #expect(try data(directory).count == expected.count)
    }

    @Test(
        "an origin that is none is a mistake in the configuration",
        arguments: [
            "shop.example", "https://", "https://a/", "https://*.a", "HTTPS://a", "https://a b",
        ])
    func invalidOrigin(_ origin: String) throws {
        let result = try FootfallBinary.run("check", "--allowed-origins", origin)
        #expect(result.status == 64)
        #expect(result.errors.contains("'\(origin)': expected '*' or an origin such as"))
    }
}
