import Foundation
import TestSupport
import Testing

/// `footfall serve` as its user meets it: the built binary over real sockets.
@Suite struct ServeTests {
    @Test("a hit is answered with an empty script and a cookie, and stored as it came")
    func hit() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try #require(
            try server.request(
                "/track.js?s=my%20cool+search&x=%22",
                [
                    "User-Agent: test/1", "Referer: http://page.example/", "Accept-Language: de",
                    "Origin: http://page.example", "Authorization: Basic c2VjcmV0",
                ]))
        #expect(reply.status == 200)
        #expect(reply["content-type"] == "application/javascript")
        #expect(reply["content-length"] == "0")
        #expect(reply["cache-control"] == "no-store")
        #expect(reply["cross-origin-resource-policy"] == "cross-origin")
        #expect(reply["x-content-type-options"] == "nosniff")
        let cookie = try #require(reply["set-cookie"])
        #expect(cookie.hasSuffix("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"))

        // It is in the file already: the reply waited for it.
        let event = try #require(try StoredEvent.all(in: directory.path).first)
        #expect(event["kind"] == "track")
        #expect(event["method"] == "GET")
        #expect(event["path"] == "/track.js")
        #expect(event["query"] == "s=my%20cool+search&x=%22")
        #expect(event.params == ["s": "my cool search", "x": "\""])
        #expect(event["user_agent"] == "test/1")
        #expect(event["referrer"] == "http://page.example/")
        #expect(event["language"] == "de")
        #expect(event["host"] == "localhost")
        #expect(event["origin"] == "http://page.example")
        #expect(event["ip"] == "127.0.0.0")
        #expect(event.isNewVisitor == true)
        #expect(cookie.hasPrefix("id=\(event["visitor"] ?? "?");"))
        #expect(!event.line.contains("c2VjcmV0"))
        #expect(server.stop().status == 0)
        #expect(directory.list("events") == ["00000000000000000001.ndjson"])
    }

    @Test("a known visitor keeps the identifier, and gets the cookie again")
    func knownVisitor() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let id = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
        let reply = try server.request("/track.js", ["Cookie: a=b; id=\"\(id)\""])
        #expect(reply?["set-cookie"]?.hasPrefix("id=\(id);") == true)
        let event = try StoredEvent.all(in: directory.path).first
        #expect(event?["visitor"] == id)
        #expect(event?.isNewVisitor == false)
    }

    @Test("HEAD is a hit with the headers of GET")
    func head() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try server.request("/track.js?s=h", method: "HEAD")
        #expect(reply?.status == 200)
        #expect(reply?["set-cookie"] != nil)
        #expect(reply?["content-length"] == "0")
        #expect(try StoredEvent.all(in: directory.path).first?["method"] == "HEAD")
        let icon = try server.request("/favicon.ico", method: "HEAD")
        #expect(icon?.status == 204)
        #expect(icon?["content-length"] == nil)
    }

    @Test(
        "other paths and methods get what they deserve, and store nothing",
        arguments: [
            ("GET", "/nope", 404), ("GET", "/track.jsx", 404), ("GET", "/TRACK.JS", 404),
            ("GET", "/%74rack.js", 404), ("GET", "//track.js", 404), ("GET", "/favicon.ico", 204),
            ("PUT", "/", 405), ("GET", "/buster.js", 200), ("GET", "/health", 404),
            ("OPTIONS", "/", 405), ("OPTIONS", "/track.js", 204), ("OPTIONS", "/track", 204),
        ])
    func others(_ method: String, _ target: String, _ status: Int) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try server.request(target, method: method, ["Content-Length: 0"])
        #expect(reply?.status == status)
        #expect(reply?["allow"] == (status == 405 ? "GET, HEAD" : nil))
        #expect(directory.list("events") == [])
    }

    @Test(
        "a hit has its methods, and says which",
        arguments: [
            ("POST", "/track.js", "GET, HEAD, OPTIONS"),
            ("DELETE", "/track.js", "GET, HEAD, OPTIONS"),
            ("PUT", "/track.gif", "GET, HEAD, OPTIONS"), ("GET", "/track", "OPTIONS, POST"),
            ("HEAD", "/track", "OPTIONS, POST"),
        ])
    func methods(_ method: String, _ target: String, _ allowed: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try server.request(target, method: method, ["Content-Length: 0"])
        #expect(reply?.status == 405)
        #expect(reply?["allow"] == allowed)
        #expect(directory.list("events") == [])
    }

    @Test(
        "the image is a transparent GIF of 43 bytes, and a hit like the script",
        arguments: ["gate", "evhttp"])
    func image(_ mode: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--http", mode])
        let reply = try #require(try server.request("/track.gif?s=x"))
        #expect(reply.status == 200)
        #expect(reply["content-type"] == "image/gif")
        #expect(reply["cache-control"] == "no-store")
        #expect(reply["cross-origin-resource-policy"] == "cross-origin")
        #expect(reply["x-content-type-options"] == "nosniff")
        #expect(reply["set-cookie"] != nil)
        #expect(reply.body.count == 43)
        #expect(String(decoding: reply.body.prefix(6), as: UTF8.self) == "GIF89a")
        let head = try server.request("/track.gif?s=y", method: "HEAD")
        #expect(head?["content-length"] == "43")
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map { $0["kind"] } == ["pixel", "pixel"])
        #expect(events.map { $0["path"] } == ["/track.gif", "/track.gif"])
    }

    @Test("the demo can be turned off")
    func noDemo() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--no-demo"])
        #expect(try server.request("/")?.status == 404)
        #expect(try server.request("/demo/simple")?.status == 404)
        #expect(try server.request("/track.js")?.status == 200)
        #expect(try server.request("/buster.js")?.status == 200)
    }

    @Test("garbage in any header never breaks a line of the log")
    func garbage() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for _ in 0..<300 {
            func bytes(_ allowed: (UInt8) -> Bool) -> [UInt8] {
                (0..<Int.random(in: 1...80, using: &random)).map { _ in
                    UInt8.random(in: 1...255, using: &random)
                }.filter(allowed)
            }
            // All that RFC 9110 and RFC 9112 allow there.
            let target = bytes { $0 > 0x20 && $0 != 0x23 && $0 < 0x7f }
            let value = { bytes { ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x09 } }
            var request = Array("GET /track.js?".utf8) + target
            request += Array(" HTTP/1.1\r\nHost: a\r\nUser-Agent: ".utf8) + value()
            request += Array("\r\nReferer: ".utf8) + value() + Array("\r\nCookie: id=".utf8)
            request += value() + Array("\r\n\r\n".utf8)
            let connection = try server.connect()
            connection.send(request)
            if connection.receive()?.status == 200 { accepted += 1 }
        }
        #expect(server.stop().status == 0)
        #expect(try StoredEvent.all(in: directory.path).count == accepted, "seed \(seed)")
        #expect(accepted > 200)
        #expect(try FootfallBinary.run("verify", "--data", directory.path).status == 0)
    }

    @Test("--print hits says what the article's server said")
    func printHits() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--print", "hits"])
        let first = try server.request("/track.js?s=my%20cool%20search")
        let id = try #require(first?["set-cookie"]).dropFirst(3).prefix(36)
        _ = try server.request("/track.js?s=a%1b[31mred", ["Cookie: id=\(id)"])
        _ = try server.request("/favicon.ico")
        #expect(
            server.stop().output == """
                User did not have id, giving: \(id)
                User \(id) searched for: my cool search
                User \(id) searched for: a\\u{1b}[31mred

                """)
    }

    @Test("--print requests adds the request line and every header")
    func printRequests() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--print", "requests"])
        let connection = try server.connect()
        let id = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
        _ = connection.request(
            "/track.js?s=x%20y", ["Cookie: id=\(id)", "X-Evil: ]0;x\u{9b}", "DNT: 1"])
        _ = connection.request("/favicon.ico")
        let lines = server.stop().output.split(separator: "\n").map { String($0) }
        #expect(
            Array(lines.prefix(8)) == [
                "REQUEST_METHOD: GET", "PATH_INFO: /track.js", "QUERY_STRING: s=x%20y",
                "HTTP_HOST: localhost", "HTTP_COOKIE: id=\(id)",
                "HTTP_X_EVIL: ]0;x\\u{9b}", "HTTP_DNT: 1",
                "User \(id) searched for: x y",
            ])
        try #require(lines.count == 10)
        #expect(lines[8].hasPrefix("127.0.0.1 - - ["))
        #expect(lines[8].hasSuffix("\"GET /track.js?s=x%20y HTTP/1.1\" 200 0"))
        #expect(lines[9].hasSuffix("\"GET /favicon.ico HTTP/1.1\" 204 0"))
    }

    @Test("nothing is printed when nobody looks")
    func printNothing() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        _ = try server.request("/track.js?s=x")
        #expect(server.stop().output == "")
    }

    @Test(
        "the admin side tells life, readiness and the durability class",
        arguments: ["commit", "interval"])
    func admin(_ durability: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--durability", durability])
        let admin = try HTTPConnection(port: server.adminPort)
        #expect(admin.request("/health")?.status == 200)
        let ready = admin.request("/ready")
        #expect(ready?.status == 200)
        #expect(ready?.text == "{\"ready\":true,\"durability\":\"\(durability)\"}\n")
        #expect(admin.request("/track.js")?.status == 404)
        #expect(admin.request("/ready", method: "POST", ["Content-Length: 0"])?.status == 405)
    }

    @Test(
        "with either durability class a hit is there after kill -9",
        arguments: ["commit", "interval"])
    func killed(_ durability: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--durability", durability])
        let connection = try server.connect()
        for number in 1...50 { #expect(connection.request("/track.js?n=\(number)")?.status == 200) }
        server.kill()
        #expect(try StoredEvent.all(in: directory.path).count == 50)
        let again = try FootfallServer(data: directory.path)
        #expect(try again.request("/track.js?n=51")?.status == 200)
        #expect(again.stop().status == 0)
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map(\.sequence) == Array(1...51))
        #expect(events.map { $0.params["n"] } == (1...51).map { "\($0)" })
    }

    @Test(
        "SIGTERM and SIGINT answer what is held, seal and exit with 0",
        arguments: [SIGTERM, SIGINT])
    func stops(_ signal: Int32) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--loops", "2"])
        let connections = try (0..<20).map { _ in try server.connect() }
        for (number, connection) in connections.enumerated() {
            connection.send("GET /track.js?n=\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        let answered = connections.count { $0.receive()?.status == 200 }
        server.process.signal(signal)
        let result = server.process.waitForEnd(seconds: 35)
        #expect(result.status == 0)
        #expect(result.errors.contains("stopped; every hit that was answered is on disk"))
        #expect(answered == 20)
        #expect(connections.allSatisfy { $0.isClosedByServer() })
        #expect(directory.list("events") == ["00000000000000000001.ndjson"])
        #expect(try StoredEvent.all(in: directory.path).count == 20)
    }

    @Test("both loops get connections")
    func loops() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--loops", "2"])
        let connections = try (0..<64).map { _ in try server.connect() }
        for connection in connections {
            for _ in 0..<20 { #expect(connection.request("/track.js")?.status == 200) }
        }
        // proc(5): the descriptors that each loop's epoll watches; a connection is one of them.
        let pid = server.process.identifier
        let watched = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fdinfo")
            .compactMap {
                try? String(contentsOfFile: "/proc/\(pid)/fdinfo/\($0)", encoding: .utf8)
            }
            .filter { $0.contains("tfd:") }
            .map { $0.components(separatedBy: "tfd:").count - 1 }
        // 64 connections, and a listener and a mailbox for each loop.
        #expect(watched.reduce(0, +) >= 64 + 4)
        #expect(watched.count { $0 > 2 + 8 } == 2, "\(watched)")
    }

    @Test("hits come over a unix socket too, which goes with the server")
    func unixSocket() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("s.sock")
        let server = try FootfallServer(
            data: directory.file("data"), ["--listen", "unix:\(path)", "--loops", "2"])
        let reply = try HTTPConnection(unix: path).request("/track.js?s=u")
        #expect(reply?.status == 200)
        #expect(server.stop().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
        let event = try StoredEvent.all(in: directory.file("data")).first
        #expect(event?.params == ["s": "u"])
        #expect(event?.keys.contains("ip") == false)
    }

    @Test("an event that is too long gets 413 and leaves the others alone")
    func tooLong() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--event-bytes-max", "1KiB"])
        let long = String(repeating: "x", count: 2000)
        let connection = try server.connect()
        #expect(connection.request("/track.js?a")?.status == 200)
        #expect(connection.request("/track.js?\(long)")?.status == 413)
        #expect(connection.request("/track.js?b")?.status == 200)
        server.stop()
        #expect(try StoredEvent.all(in: directory.path).map { $0["query"] } == ["a", "b"])
    }
}
