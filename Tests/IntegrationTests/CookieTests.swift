import TestSupport
import Testing

/// The cookie that a visitor gets, over the schemes, hosts and names that a site has.
@Suite struct CookieTests {
    private static let id = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
    private static let https = "X-Forwarded-Proto: https"
    private static let firstParty = "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    private static let thirdParty =
        "; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=None; Partitioned"

    /// The attributes of the only cookie that a hit of a known visitor gets.
    private func attributes(
        _ arguments: [String], _ fields: [String], method: String = "GET"
    ) throws -> String {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--trusted-proxies", "127.0.0.1"] + arguments)
        let reply = try #require(
            try server.request("/track.js", method: method, ["Cookie: id=\(Self.id)"] + fields))
        #expect(reply.status == 200)
        let cookies = reply.fields.filter { $0.name == "set-cookie" }.map(\.value)
        try #require(cookies.count == 1, "\(cookies)")
        try #require(cookies[0].hasPrefix("id=\(Self.id);"), "\(cookies)")
        return String(cookies[0].dropFirst("id=\(Self.id)".count))
    }

    @Test(
        "a cookie is for pages of other sites over https, and for the own site otherwise",
        arguments: [
            ([], [], firstParty), ([], [https], thirdParty),
            ([], ["Forwarded: proto=https"], thirdParty),
            ([], ["X-Forwarded-Proto: http"], firstParty),
            (["--cookie-preset", "first-party"], [https], firstParty),
            (["--cookie-preset", "third-party"], [], thirdParty),
            (
                ["--cookie-partitioned", "false"], [https],
                "; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=None"
            ),
            (
                ["--cookie-same-site", "strict", "--cookie-http-only", "false"], [],
                "; Path=/; Max-Age=31536000; SameSite=Strict"
            ),
            (
                ["--cookie-path", "/t", "--cookie-lifetime", "400d", "--cookie-secure", "true"], [],
                "; Path=/t; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"
            ),
        ] as [([String], [String], String)])
    func presets(_ arguments: [String], _ fields: [String], _ expected: String) throws {
        #expect(try attributes(arguments, fields) == expected)
        // The gate has nothing to do with it.
        #expect(try attributes(arguments + ["--http", "evhttp"], fields) == expected)
    }

    @Test(
        "hosts of a domain share a cookie, and others have their own",
        arguments: [
            ("t.shop.example", "; Domain=shop.example"),
            ("shop.example:8000", "; Domain=shop.example"),
            ("a.eu.shop.example", "; Domain=eu.shop.example"),
            ("T.SHOP.EXAMPLE", "; Domain=shop.example"),
            ("workshop.example", ""), ("shop.example.evil.example", ""), ("127.0.0.1", ""),
        ])
    func domains(_ host: String, _ domain: String) throws {
        let found = try attributes(
            ["--cookie-domains", "shop.example", "--cookie-domains", "eu.shop.example"],
            ["X-Forwarded-Host: \(host)"])
        #expect(found == "; Path=/\(domain); Max-Age=31536000; HttpOnly; SameSite=Lax")
    }

    @Test("a cookie is read under every name, and set under the first")
    func names() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--cookie-names", "_v", "--cookie-names", "id"])
        let other = "00000000-0000-4000-8000-000000000000"
        for cookie in ["id=\(Self.id)", "id=\(other); _v=\(Self.id)", "_v=x; id=\(Self.id)"] {
            let reply = try server.request("/track.js", ["Cookie: \(cookie)"])
            #expect(reply?["set-cookie"] == "_v=\(Self.id)" + Self.firstParty)
        }
        #expect(try StoredEvent.all(in: directory.path).allSatisfy { $0["visitor"] == Self.id })
    }

    @Test(
        "a cookie that browsers refuse stops the start and says why",
        arguments: [
            (["--cookie-same-site", "none"], "browsers refuse SameSite=None without Secure"),
            (["--cookie-partitioned", "true"], "browsers refuse Partitioned without Secure"),
            (["--cookie-lifetime", "401d"], "400"),
            (["--cookie-names", "__Host-id"], "without Secure (over http)"),
            (
                [
                    "--cookie-names", "__Host-id", "--cookie-secure", "true", "--cookie-domains",
                    "shop.example",
                ], "with a path or a domain"
            ),
        ] as [([String], String)])
    func refused(_ arguments: [String], _ reason: String) throws {
        let directory = TemporaryDirectory()
        let result = try ChildProcess.run(
            [FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--data", directory.path]
                + arguments)
        #expect(result.status == 64)
        #expect(result.errors.contains(reason), "\(result.errors)")
    }
}
