import TestSupport
import Testing

/// What becomes of the hits of those who do not want to be followed.
@Suite struct PrivacySignalTests {
    private static let id = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
    private static let agent =
        "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
    private static let expiry = "id=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"

    /// What the log and the client see of a hit.
    private enum Fate: Sendable {
        /// It is stored like any other.
        case recorded
        /// It is stored without what tells visitors apart, and names the signal.
        case anonymous(String)
        /// It is not stored.
        case dropped
    }

    private static let cases: [([String], [String], Fate)] = [
        ([], [], .recorded), ([], ["Sec-GPC: 1"], .anonymous("gpc")),
        ([], ["Sec-GPC: 0"], .recorded), ([], ["Sec-GPC: 11"], .recorded),
        ([], ["DNT: 1"], .recorded), ([], ["Cookie: opt_out=1"], .anonymous("opt_out")),
        (["--gpc-policy", "record"], ["Sec-GPC: 1"], .recorded),
        (["--gpc-policy", "drop"], ["Sec-GPC: 1"], .dropped),
        (["--dnt-policy", "anonymize"], ["DNT: 1"], .anonymous("dnt")),
        (["--dnt-policy", "drop"], ["DNT: 1", "Sec-GPC: 1"], .dropped),
        (["--dnt-policy", "drop"], ["DNT: 0"], .recorded),
        ([], ["Cookie: opt_out=1", "Sec-GPC: 1"], .anonymous("opt_out")),
        (["--opt-out-policy", "drop"], ["Cookie: opt_out=1", "Sec-GPC: 1"], .dropped),
        (["--opt-out-policy", "record"], ["Cookie: opt_out=1"], .recorded),
        (["--opt-out-cookie", "no"], ["Cookie: opt_out=1"], .recorded),
        (["--opt-out-cookie", "no"], ["Cookie: no=1"], .anonymous("opt_out")),
    ]

    @Test(
        "each signal has its policy, and the strictest wins", arguments: cases,
        ["gate", "evhttp"])
    private func policies(_ example: ([String], [String], Fate), _ mode: String) throws {
        let (arguments, fields, fate) = example
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--ip-detail", "full", "--http", mode] + arguments)
        // With one Cookie field, as browsers send it.
        let others = fields.filter { !$0.hasPrefix("Cookie: ") }
        let extra = fields.filter { $0.hasPrefix("Cookie: ") }.map { "; " + $0.dropFirst(8) }
        let cookie = "Cookie: id=\(Self.id)" + extra.joined()
        let connection = try server.connect()
        let reply = try #require(
            connection.request("/track.js?s=x", ["User-Agent: \(Self.agent)", cookie] + others))
        #expect(reply.status == 200)
        connection.send(
            (["POST /track HTTP/1.1", "Host: a", "User-Agent: \(Self.agent)", cookie] + others
                + ["Content-Length: 2"]).joined(separator: "\r\n") + "\r\n\r\n{}")
        let beacon = try #require(connection.receive())
        #expect(beacon.status == 204)

        let events = try StoredEvent.all(in: directory.path)
        switch fate {
        case .recorded:
            #expect(events.count == 2)
            for event in events {
                #expect(event["visitor"] == Self.id)
                #expect(event["ip"] == "127.0.0.1")
                #expect(event["user_agent"] == Self.agent)
                #expect(event["privacy"] == nil)
            }
            #expect(reply["set-cookie"]?.hasPrefix("id=\(Self.id);") == true)
            #expect(beacon["set-cookie"]?.hasPrefix("id=\(Self.id);") == true)
        case .anonymous(let signal):
            #expect(events.count == 2)
            for event in events {
                #expect(event["privacy"] == signal)
                #expect(!event.keys.contains("visitor") && !event.keys.contains("new_visitor"))
                #expect(event["ip"] == "127.0.0.0")
                #expect(event["user_agent"] == "Firefox")
                #expect(!event.line.contains(Self.id))
            }
            #expect(events.first?.params == ["s": "x"])
            #expect(reply["set-cookie"] == Self.expiry)
            #expect(beacon["set-cookie"] == Self.expiry)
        case .dropped:
            #expect(events.isEmpty)
            #expect(reply["set-cookie"] == Self.expiry)
            #expect(beacon["set-cookie"] == Self.expiry)
        }
        // Who has no cookie gets none.
        let stranger = try server.request("/track.gif", others)
        let isRecorded = if case .recorded = fate { true } else { false }
        if isRecorded || extra.isEmpty {
            #expect((stranger?["set-cookie"] == nil) == !isRecorded)
        }
        let result = server.stop()
        #expect(result.status == 0)
        let isDropped = if case .dropped = fate { true } else { false }
        #expect(result.errors.contains(" hits were not stored, as their visitors") == isDropped)
    }

    @Test("by default the log has networks, not addresses, in captured headers too")
    func addresses() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            [
                "--trusted-proxies", "127.0.0.1", "--capture-headers", "X-Forwarded-For",
                "--capture-headers", "X-Real-IP", "--capture-headers", "accept",
            ])
        _ = try server.request(
            "/track.js",
            [
                "X-Forwarded-For: 2001:db8:1:2::7, 203.0.113.77", "X-Real-IP: 203.0.113.77",
                "Accept: a/b, \"c\"", "Authorization: Basic c2VjcmV0", "Cookie: other=secret",
            ])
        let event = try #require(try StoredEvent.all(in: directory.path).first)
        #expect(event["ip"] == "203.0.113.0")
        #expect(
            event.line.contains(
                #""headers":{"x-forwarded-for":"2001:db8:1::, 203.0.113.0","#
                    + #""x-real-ip":"203.0.113.0","accept":"a/b, \"c\""}"#), "\(event.line)")
        for secret in ["113.77", "c2VjcmV0", "secret"] { #expect(!event.line.contains(secret)) }
    }

    @Test(
        "credentials are no header to capture",
        arguments: ["Authorization", "cookie", "Proxy-Authorization", "bad name"])
    func credentials(_ name: String) throws {
        let directory = TemporaryDirectory()
        let result = try FootfallBinary.run(
            "serve", "--listen", "127.0.0.1:0", "--data", directory.path, "--capture-headers", name)
        #expect(result.status == 64)
        #expect(result.errors.contains(name) || result.errors.contains(name.lowercased()))
    }

    @Test("without consent there is no cookie, and a refusal takes it away")
    func consent() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--consent-parameter", "c"])
        let known = ["Cookie: id=\(Self.id)"]
        #expect(try server.request("/track.js")?["set-cookie"] == nil)
        #expect(try server.request("/track.js?c=0")?["set-cookie"] == nil)
        #expect(try server.request("/track.js?c=1")?["set-cookie"]?.hasPrefix("id=") == true)
        #expect(try server.request("/track.js", known)?["set-cookie"] == nil)
        #expect(try server.request("/track.js?c=denied", known)?["set-cookie"] == Self.expiry)
        let given = try server.request("/track.js?c=yes", known)
        #expect(given?["set-cookie"]?.hasPrefix("id=\(Self.id); Path=/; Max-Age=31536000") == true)
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map(\.isNewVisitor) == [nil, nil, true, false, nil, false])
        #expect(
            events.map { $0["visitor"] == Self.id } == [false, false, false, true, false, true])
    }

    // MARK: - The pages

    private func choose(
        _ server: FootfallServer, _ path: String, _ fields: [String] = []
    ) throws -> HTTPConnection.Reply {
        let connection = try server.connect()
        let lines =
            ["POST \(path) HTTP/1.1", "Host: t.example"] + fields + ["Content-Length: 0", "", ""]
        connection.send(lines.joined(separator: "\r\n"))
        return try #require(connection.receive())
    }

    private func cookies(_ reply: HTTPConnection.Reply) -> [String] {
        reply.fields.filter { $0.name == "set-cookie" }.map(\.value)
    }

    @Test("a visitor opts out and in again, and the page says what holds")
    func choice() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let out = ["Cookie: opt_out=1"]
        for path in ["/opt-out", "/opt-in"] {
            let page = try #require(try server.request(path))
            #expect(page.text.contains("You have not opted out."))
            #expect(page.text.contains(#"<form method="post" action="/opt-out">"#))
            #expect(page["cache-control"] == "no-store")
            #expect(cookies(page) == [])
            let other = try #require(try server.request(path, out))
            #expect(other.text.contains("You have opted out."))
            #expect(other.text.contains(#"<form method="post" action="/opt-in">"#))
        }
        let left = try choose(server, "/opt-out")
        #expect(left.status == 303)
        #expect(left["location"] == "/opt-out")
        #expect(
            cookies(left) == [
                "opt_out=1; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax", Self.expiry,
            ])
        let back = try choose(server, "/opt-in", out)
        #expect(back.status == 303)
        #expect(cookies(back) == ["opt_out=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"])
        #expect(try StoredEvent.all(in: directory.path).isEmpty)
    }

    @Test("a visitor's cookie goes under every name that it may have")
    func allNames() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--cookie-names", "_v", "--cookie-names", "id"])
        let expiries = ["_v", "id"].map { "\($0)=" + Self.expiry.dropFirst("id=".count) }
        #expect(Array(cookies(try choose(server, "/opt-out")).dropFirst()) == expiries)
        let hit = try server.request("/track.js", ["Cookie: id=\(Self.id)", "Sec-GPC: 1"])
        #expect(cookies(try #require(hit)) == expiries)
    }

    @Test("over https the choice holds in pages of other sites too")
    func choiceOverHTTPS() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--trusted-proxies", "127.0.0.1"])
        let left = try choose(server, "/opt-out", ["X-Forwarded-Proto: https"])
        let choice = "opt_out=1; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=None"
        #expect(
            cookies(left) == [
                choice, choice + "; Partitioned",
                "id=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned",
            ])
    }

    @Test("nobody is opted in from another site that was not named")
    func otherSites() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--allowed-origins", "https://shop.example"])
        #expect(try choose(server, "/opt-in", ["Origin: https://evil.example"]).status == 403)
        #expect(try choose(server, "/opt-in", ["Origin: null"]).status == 403)
        #expect(try choose(server, "/opt-in", ["Origin: https://shop.example"]).status == 303)
        #expect(try choose(server, "/opt-in", ["Origin: http://t.example"]).status == 303)
        #expect(try choose(server, "/opt-out", ["Origin: https://evil.example"]).status == 303)
    }

    @Test("what is honoured is stated where the standard says, and as it is configured")
    func statement() throws {
        let directory = TemporaryDirectory()
        for (arguments, value) in [([], "true"), (["--gpc-policy", "record"], "false")] {
            let server = try FootfallServer(data: directory.path, arguments)
            let reply = try #require(try server.request("/.well-known/gpc.json"))
            #expect(reply.status == 200)
            #expect(reply["content-type"] == "application/json")
            #expect(reply.text.hasPrefix(#"{"gpc":\#(value),"lastUpdate":"20"#))
            server.stop()
        }
    }

    @Test("search engines are asked to stay away, and client hints only if wanted")
    func hints() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        #expect(try server.request("/robots.txt")?.text == "User-agent: *\nDisallow: /\n")
        #expect(try server.request("/track.js")?["accept-ch"] == nil)
        server.stop()
        let asking = try FootfallServer(
            data: directory.path,
            ["--accept-ch", "Sec-CH-UA-Model", "--accept-ch", "Sec-CH-UA-Platform-Version"])
        #expect(
            try asking.request("/track.js")?["accept-ch"]
                == "Sec-CH-UA-Model, Sec-CH-UA-Platform-Version")
    }
}
