import Foundation
import TestSupport
import Testing

/// Signed links of the real command, on the real server.
@Suite struct ClickTests {
    private static let key = "a=0123456789abcdef"
    private static let url = "https://Shop.example/sale%20now?a=b&c=d+e#top"

    private func sign(_ arguments: String...) throws -> String {
        let result = try ChildProcess.run([FootfallBinary.path, "sign-link"] + arguments)
        try #require(result.status == 0, "\(result.errors)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    @Test(
        "a signed link leads to its target and is stored as a click", arguments: ["gate", "evhttp"])
    func redirects(_ http: String) throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("0123456789abcdef\n".utf8), to: "key")
        let setting = "a=@\(directory.file("key"))"
        let server = try FootfallServer(
            data: directory.file("data"), ["--http", http, "--click-keys", setting])
        let link = try sign(Self.url, "--click-keys", setting, "--expires", "7d")
        let visitor = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
        let connection = try server.connect()
        for (method, cookies) in [("GET", []), ("GET", ["Cookie: id=\(visitor)"]), ("HEAD", [])] {
            let reply = connection.request(link, method: method, cookies)
            #expect(reply?.status == 302)
            #expect(reply?["location"] == Self.url)
            #expect(reply?["cache-control"] == "no-store")
            #expect(reply?["referrer-policy"] == "strict-origin-when-cross-origin")
            #expect(reply?["set-cookie"]?.hasPrefix("id=") == true)
        }
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.file("data"))
        #expect(events.map { $0["kind"] } == ["click", "click", "click"])
        #expect(events.map { $0["method"] } == ["GET", "GET", "HEAD"])
        #expect(events.allSatisfy { $0.params["u"] == Self.url && $0["path"] == "/click" })
        #expect(events.allSatisfy { "/click?\($0["query"] ?? "")" == link })
        #expect(events.map(\.isNewVisitor) == [true, false, true])
        #expect(events[1]["visitor"] == visitor)
    }

    @Test("a click has names, privacy and bots like any hit, and leads on whatever they are")
    func likeAnyHit() throws {
        let directory = TemporaryDirectory()
        let names = ["click_paths": "/go", "parameter_aliases": "to=u"]
        let yaml =
            names.map { "\($0.key): \($0.value)\n" }.joined()
            + "click_keys: \"\(Self.key)\"\ndnt_policy: drop\n"
        try directory.write(Array(yaml.utf8), to: "f.yaml")
        let file = directory.file("f.yaml")
        let server = try FootfallServer(data: directory.file("data"), ["--config", file])
        let link = try sign(Self.url, "--config", file, "--base", "/go")
        #expect(link.hasPrefix("/go?to=https%3A"))
        let cases: [[String]] = [
            ["User-Agent: curl/8"], ["Sec-GPC: 1"], ["DNT: 1"], ["Cookie: opt_out=1"],
        ]
        for fields in cases {
            let reply = try server.request(link, fields)
            #expect(reply?.status == 302)
            #expect(reply?["location"] == Self.url)
            #expect((reply?["set-cookie"] == nil) == (fields != cases[0]))
        }
        #expect(try server.request("/click" + link.dropFirst(3))?.status == 404)
        let events = try StoredEvent.all(in: directory.file("data"))
        #expect(events.map { $0["privacy"] } == [nil, "gpc", "opt_out"])
        #expect(events.map { $0["bot"] } == ["curl", nil, nil])
        #expect(events.allSatisfy { $0["kind"] == "click" && $0.params["u"] == Self.url })
    }

    @Test("there is no /click until keys or hosts are configured")
    func off() throws {
        let directory = TemporaryDirectory()
        let link = try sign(Self.url, "--click-keys", Self.key)
        let server = try FootfallServer(data: directory.path)
        #expect(try server.request(link)?.status == 404)
        #expect(try StoredEvent.all(in: directory.path).isEmpty)
    }

    @Test("what is not signed, was changed or is no URL leads nowhere and is not stored")
    func refuses() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            ["--click-keys", Self.key, "--click-hosts", "shop.example"])
        let link = try sign("https://other.example/", "--click-keys", Self.key)
        let foreign = try sign("https://other.example/", "--click-keys", "a=fedcba9876543210")
        let cases = [
            ("/click", 400), ("/click?u=", 400), ("/click?u=//shop.example/", 400),
            ("/click?u=https://shop.example%5C@evil.example/", 400),
            ("/click?u=https://shop.example%0d%0aSet-Cookie:%20a=b", 400),
            ("/click?u=https://evil@shop.example/", 400), ("/click?u=javascript:alert(1)", 400),
            ("/click?u=https://evil.example/", 403), (foreign, 403), (String(link.dropLast()), 403),
            (link.replacing("other", with: "evil"), 403),
        ]
        let connection = try server.connect()
        for (target, status) in cases {
            let reply = connection.request(target)
            #expect(reply?.status == status, "\(target)")
            #expect(reply?["content-type"] == "text/plain; charset=utf-8")
            #expect(reply?["cache-control"] == "no-store")
            #expect(reply?["location"] == nil)
            #expect(reply?["set-cookie"] == nil)
        }
        for method in ["POST", "OPTIONS", "DELETE"] {
            let length = method == "POST" ? ["Content-Length: 0"] : []
            let reply = connection.request(link, method: method, length)
            #expect(reply?.status == 405)
            #expect(reply?["allow"] == "GET, HEAD")
            #expect(reply?["location"] == nil)
        }
        #expect(try StoredEvent.all(in: directory.path).isEmpty)
        // The one host needs no signature.
        let allowed = connection.request("/click?u=https://shop.example/a?b")
        #expect(allowed?.status == 302)
        #expect(allowed?["location"] == "https://shop.example/a?b")
        #expect(try StoredEvent.all(in: directory.path).count == 1)
    }

    @Test("a link is refused once it has expired; the keys come from the file of both commands")
    func expires() throws {
        let directory = TemporaryDirectory()
        let yaml = "click_keys: [\"new=0123456789abcdef\", \"old=fedcba9876543210\"]\n"
        try directory.write(Array(yaml.utf8), to: "f.yaml")
        let file = directory.file("f.yaml")
        let server = try FootfallServer(data: directory.file("data"), ["--config", file])
        let link = try sign(Self.url, "--config", file, "--expires", "2s")
        #expect(link.contains("&k=new."))
        let old = try sign(Self.url, "--click-keys", "old=fedcba9876543210")
        let connection = try server.connect()
        let deadline = Date().addingTimeInterval(30)
        var status: Int?
        repeat {
            status = connection.request(link)?.status
            usleep(50_000)
        } while status == 302 && Date() < deadline
        #expect(status == 403)
        #expect(connection.request(old)?.status == 302)
    }

    @Test(
        "a click that cannot be stored leads on all the same, and is counted",
        .enabled(if: canTrace, "strace cannot trace a process here"))
    func failingDisk() throws {
        let directory = TemporaryDirectory()
        // The directories are made by a start on a good disk.
        #expect(try FootfallServer(data: directory.path).stop().status == 0)
        let server = try FootfallServer(
            data: directory.path, ["--loops", "1", "--click-keys", Self.key],
            wrapper: [
                "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync",
                "-e", "inject=fdatasync:error=EIO:when=2+",
            ])
        let link = try sign(Self.url, "--click-keys", Self.key)
        let connection = try server.connect()
        let deadline = Date().addingTimeInterval(30)
        while connection.request("/track.js")?.status == 200, Date() < deadline {}
        #expect(connection.request("/track.js")?.status == 503)
        for _ in 1...5 {
            let reply = connection.request(link)
            #expect(reply?.status == 302)
            #expect(reply?["location"] == Self.url)
            #expect(reply?["set-cookie"] == nil)
        }
        // It is said on another thread.
        let warning = "clicks redirect but cannot be stored: 1 on one loop so far"
        for _ in 0..<1000 where !server.process.errors.contains(warning) { usleep(10_000) }
        #expect(server.process.errors.components(separatedBy: warning).count == 2)
        #expect(!server.process.errors.contains("cannot be stored: 2"))
        server.kill()
    }

    @Test("a click whose event is too large leads on, and is not stored")
    func tooLarge() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--click-keys", Self.key, "--event-bytes-max", "1KiB"])
        let url = "https://shop.example/" + String(repeating: "a", count: 1000)
        let reply = try server.request(try sign(url, "--click-keys", Self.key))
        #expect(reply?.status == 302)
        #expect(reply?["location"] == url)
        #expect(reply?["set-cookie"] == nil)
        #expect(try StoredEvent.all(in: directory.path).isEmpty)
        #expect(server.stop().errors.contains("clicks redirect but cannot be stored: 1 on"))
    }

    @Test("a browser follows a link, and its click and the page are one visitor's")
    func browser() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--click-keys", Self.key])
        let address = "http://127.0.0.1:\(server.port)"
        let link = try sign(
            "\(address)/demo/search?search=found%20it", "--click-keys", Self.key,
            "--base", "\(address)/click")
        #expect(link.hasPrefix("\(address)/click?u=http%3A%2F%2F127.0.0.1%3A"))
        #expect(try Chromium().open(link).contains("Welcome"))
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map { $0["kind"] } == ["click", "track"])
        #expect(events.last?.params["s"] == "found it")
        #expect(Set(events.map { $0["visitor"] }).count == 1)
    }

    @Test(
        "sign-link says what it cannot use, and with which of the usual codes",
        arguments: [
            (["//shop.example/", "--click-keys", key], 64, "expected an http:// or https:// URL"),
            (["http://user@shop.example/", "--click-keys", key], 64, "expected an http://"),
            (["http://a/", "--click-keys", key, "--expires", "7"], 64, "'7': expected a time"),
            (["http://a/", "--click-keys", key, "--base", "click"], 64, "'click': expected"),
            (["http://a/", "--click-keys", "a=secret"], 64, "--click-keys: the secret of 'a'"),
            (["http://a/"], 78, "no key to sign with: set click_keys"),
            (["http://a/", "--config", "/no/such.yaml"], 78, "/no/such.yaml:1:1: No such file"),
            (["--click-keys", key], 64, "Missing expected argument '<url>'"),
        ] as [([String], Int32, String)])
    func signLinkErrors(_ arguments: [String], _ status: Int32, _ message: String) throws {
        let result = try ChildProcess.run([FootfallBinary.path, "sign-link"] + arguments)
        #expect(result.status == status)
        #expect(result.output == "")
        #expect(result.errors.contains(message), "\(result.errors)")
    }
}
