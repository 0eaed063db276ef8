import Foundation
import TestSupport
import Testing

/// The operator's side: who may ask, what is in force, and when hits are taken.
@Suite struct AdminTests {
    private static let token = "0123456789-abcdefghijk"

    private func basic(_ pair: String) -> String {
        "Authorization: Basic \(Data(pair.utf8).base64EncodedString())"
    }

    @Test(
        "with a token nothing is told to anybody else, but whether the process lives and is ready")
    func token() throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("\(Self.token)\n".utf8), to: "token")
        for value in [Self.token, "@\(directory.file("token"))"] {
            let server = try FootfallServer(
                data: directory.file("data"), ["--admin-token", value])
            let admin = try HTTPConnection(port: server.adminPort)
            for path in ["/metrics", "/debug/config", "/debug/whoami", "/", "/nope"] {
                for fields in [
                    [], ["Authorization: Bearer"], ["Authorization: Bearer x\(Self.token)"],
                    ["Authorization: Bearer \(Self.token.dropLast())x"],
                    ["Authorization: \(Self.token)"], ["Authorization: Digest \(Self.token)"],
                    [basic("\(Self.token):")], [basic("\(Self.token)")], ["Authorization: Basic ="],
                    ["Authorization: Basic \(Self.token)"],
                    ["X-Authorization: Bearer \(Self.token)"],
                ] {
                    let reply = admin.request(path, fields)
                    #expect(reply?.status == 401, "\(path) \(fields)")
                    let challenges = reply?.fields.filter { $0.name == "www-authenticate" }
                    #expect(
                        challenges?.map(\.value) == [
                            #"Bearer realm="footfall""#,
                            #"Basic realm="footfall", charset="UTF-8""#,
                        ])
                }
            }
            for field in ["authorization: bearer \(Self.token)", basic("any one:\(Self.token)")] {
                #expect(admin.request("/metrics", [field])?.status == 200)
                #expect(admin.request("/nope", [field])?.status == 404)
                #expect(
                    admin.request("/ready", [field])?.text
                        == #"{"ready":true,"durability":"commit"}"# + "\n")
                // A browser would not have given it to a foreign page.
                admin.send("GET /metrics HTTP/1.1\r\nHost: proxy.example\r\n\(field)\r\n\r\n")
                #expect(admin.receive()?.status == 200)
            }
            #expect(admin.request("/health")?.status == 200)
            #expect(admin.request("/ready")?.text == #"{"ready":true}"# + "\n")
            #expect(server.stop().status == 0)
            #expect(!server.process.errors.contains(Self.token))
        }
    }

    @Test(
        "a token that is none is refused, and not shown",
        arguments: ["short", "0123456789 abcdefghijk", "@/nonexistent"])
    func badToken(_ token: String) throws {
        let result = try FootfallBinary.run("check", "--admin-token", token)
        #expect(result.status == 64)
        #expect(result.errors.contains("--admin-token: "))
        #expect(token.hasPrefix("@") || !result.errors.contains(token))
    }

    @Test("a page of another name that was made to mean this machine gets nothing")
    func rebinding() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        for (host, status) in [
            ("localhost", 200), ("LocalHost:\(server.adminPort)", 200), ("127.0.0.1:80", 200),
            ("127.1.2.3", 200), ("[::1]:8001", 200), ("[::1]", 200), ("evil.example", 403),
            ("evil.example:\(server.adminPort)", 403), ("127.0.0.1.evil.example", 403),
            ("localhost.evil.example", 403), ("127.0.0.1x", 403), ("10.0.0.1", 403),
            ("[::2]", 403), ("127.evil", 403), ("xlocalhost", 403),
        ] {
            for path in ["/metrics", "/ready", "/health", "/debug/config", "/"] {
                let admin = try HTTPConnection(port: server.adminPort)
                admin.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let expected = status == 200 && path == "/" ? admin.receive()?.status != 403 : nil
                if let expected {
                    #expect(expected, "\(host)")
                } else {
                    #expect(admin.receive()?.status == status, "\(host) \(path)")
                }
            }
        }
        // A probe of HTTP/1.0 names nobody.
        let old = try HTTPConnection(port: server.adminPort)
        old.send("GET /ready HTTP/1.0\r\n\r\n")
        #expect(old.receive()?.status == 200)
    }

    @Test("the admin side can be a unix socket, under any name, which goes with the server")
    func unixSocket() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("admin.sock")
        let process = try ChildProcess([
            FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--admin", "unix:\(path)",
            "--data", directory.file("data"),
        ])
        for _ in 0..<3000 where !process.errors.contains("events in ") && !process.hasEnded {
            usleep(10_000)
        }
        let admin = try HTTPConnection(unix: path)
        admin.send("GET /metrics HTTP/1.1\r\nHost: footfall\r\n\r\n")
        let reply = admin.receive()
        #expect(reply?.status == 200)
        #expect(Scrape(reply?.text ?? "")["footfall_ready"] == 1)
        #expect(admin.request("/debug/whoami")?.text.contains(#""peer":"unix""#) == true)
        process.signal(SIGTERM)
        #expect(process.waitForEnd(seconds: 40).status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("no reply of the admin side is kept, framed or run by a page")
    func headerFields() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let admin = try HTTPConnection(port: server.adminPort)
        for path in ["/health", "/ready", "/metrics", "/debug/config", "/debug/whoami", "/nope"] {
            for method in ["GET", "HEAD", "POST"] {
                let reply = admin.request(path, method: method, ["Content-Length: 0"])
                if method == "POST" {
                    #expect(reply?.status == 405)
                    #expect(reply?["allow"] == "GET, HEAD")
                }
                #expect(reply?["cache-control"] == "no-store")
                #expect(reply?["x-content-type-options"] == "nosniff")
                #expect(reply?["x-frame-options"] == "DENY")
                #expect(reply?["referrer-policy"] == "no-referrer")
                #expect(reply?["cross-origin-resource-policy"] == "same-origin")
                #expect(
                    reply?["content-security-policy"]
                        == "default-src 'none'; frame-ancestors 'none'")
                #expect(reply?["access-control-allow-origin"] == nil)
            }
        }
    }

    @Test("the configuration in force is shown with its sources, and without secrets")
    func configuration() throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("idle_timeout: 9s\n".utf8), to: "footfall.yaml")
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--config", directory.file("footfall.yaml"), "--admin-token", Self.token,
                "--click-keys", "k=0123456789abcdef-hush", "--kafka-options", "sasl.password=hush",
            ], environment: ["FOOTFALL_BODY_TIMEOUT": "8s"])
        let reply = try HTTPConnection(port: server.adminPort)
            .request("/debug/config", ["Authorization: Bearer \(Self.token)"])
        let text = try #require(reply).text
        struct Shown: Decodable {
            let settings: [Entry]
            struct Entry: Decodable {
                let key: String
                let source: String
            }
        }
        let shown = try JSONDecoder().decode(Shown.self, from: Data(text.utf8))
        let sources = Dictionary(
            uniqueKeysWithValues: shown.settings.map { ($0.key, $0.source) })
        #expect(sources["idle_timeout"]?.hasSuffix("footfall.yaml:1:1") == true)
        #expect(sources["body_timeout"] == "FOOTFALL_BODY_TIMEOUT")
        #expect(sources["data"] == "--data")
        #expect(sources["head_timeout"] == "default")
        #expect(text.contains(#"{"key":"idle_timeout","value":"9s","source":""#))
        #expect(text.contains(#"{"key":"trusted_proxies","value":[],"#))
        for secret in ["hush", "0123456789", Self.token] { #expect(!text.contains(secret)) }
        // All that `check` prints.
        let checked = try FootfallBinary.run("check").output.split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
        #expect(shown.settings.count == checked.count)
    }

    @Test(
        "a required sink that is too far behind makes the collector not ready, until it has caught up"
    )
    func requiredSink() throws {
        let directory = TemporaryDirectory()
        let fifo = directory.file("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        // Somebody holds the pipe open and reads nothing before he is told to.
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--forward", "stdout", "--required-sinks", "stdout", "--required-lag-max", "500ms",
            ],
            wrapper: ["bash", "-c", "exec 3<>\(fifo); exec \"$0\" \"$@\" >\(fifo)"])
        let admin = try HTTPConnection(port: server.adminPort)
        let connection = try server.connect()
        let padding = String(repeating: "x", count: 4000)
        for number in 0..<40 {
            #expect(connection.request("/track.js?n=\(number)&p=\(padding)")?.status == 200)
        }
        func wait(for status: Int) -> HTTPConnection.Reply? {
            var reply: HTTPConnection.Reply?
            for _ in 0..<3000 where reply?.status != status {
                reply = admin.request("/ready")
                usleep(10_000)
            }
            return reply
        }
        let behind = wait(for: 503)
        #expect(
            behind?.text.contains(
                /"ready":false,"durability":"commit","reason":"the sink stdout is \d+ events and \d+ s behind/
            ) == true, "\(behind?.text ?? "")")
        let scrape = try Scrape(server)
        #expect(scrape["footfall_ready"] == 0)
        #expect(scrape["footfall_sink_required", #"sink="stdout""#] == 1)
        #expect((scrape["footfall_sink_lag_events", #"sink="stdout""#] ?? 0) > 0)
        // It is looked at once a second.
        var bytes = 0.0
        for _ in 0..<1000 where bytes == 0 {
            bytes = try Scrape(server)["footfall_sink_lag_bytes", #"sink="stdout""#] ?? 0
            usleep(10_000)
        }
        #expect(bytes > 0)
        #expect((scrape["footfall_sink_lag_seconds", #"sink="stdout""#] ?? 0) > 0.5)
        // Hits are still taken: it is for whoever sends them here to decide.
        #expect(connection.request("/track.js?last")?.status == 200)
        let reader = try ChildProcess(["bash", "-c", "exec cat \(fifo) > /dev/null"])
        #expect(wait(for: 200)?.text == #"{"ready":true,"durability":"commit"}"# + "\n")
        let later = try Scrape(server)
        #expect(later["footfall_sink_delivered_total", #"sink="stdout""#] == 41)
        #expect(later["footfall_sink_lag_events", #"sink="stdout""#] == 0)
        #expect(server.stop().status == 0)
        reader.signal(SIGTERM)
        _ = reader.waitForEnd(seconds: 10)
    }

    @Test("a required sink that nothing is sent to is refused")
    func unknownSink() throws {
        let result = try FootfallBinary.run("check", "--required-sinks", "stdout")
        #expect(result.status == 64)
        #expect(result.errors.contains("'stdout' is not forwarded to"))
        let other = try FootfallBinary.run("check", "--required-sinks", "kafkaesque")
        #expect(other.status == 64)
    }

    @Test("an admin side that others can reach without a token is warned of")
    func reachable() throws {
        for (arguments, isWarned) in [([], true), (["--admin-token", Self.token], false)] {
            let directory = TemporaryDirectory()
            let process = try ChildProcess(
                [
                    FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0",
                    "--data", directory.path,
                ] + arguments)
            for _ in 0..<3000 where !process.errors.contains("events in ") && !process.hasEnded {
                usleep(10_000)
            }
            process.signal(SIGTERM)
            let result = process.waitForEnd(seconds: 40)
            #expect(result.status == 0)
            #expect(
                result.errors.contains("the admin side listens on 0.0.0.0, where others")
                    == isWarned)
        }
    }
}
