import TestSupport
import Testing

@testable import Collector

/// Signatures, and what they let through.
@Suite struct ClickKeyTests {
    private let url = "https://shop.example/sale?x=1#top"

    private func key(_ text: String) throws -> ClickKey { try ClickKey(text) }

    private func target(_ text: String) throws -> ClickTarget {
        try #require(ClickTarget(Array(text.utf8)))
    }

    private func isValid(
        _ signature: String, of url: String, keys: [ClickKey], now: UInt64 = 1
    ) throws -> Bool {
        ClickKey.isValid(Array(signature.utf8), of: try target(url), keys: keys, now: now)
    }

    @Test(
        "a signature is what any HMAC-SHA256 makes of key, expiry and target",
        arguments: [
            ("a", 0, "a.0.qehz5dn4F_IBS95Zw-748npUExQcheWKN4LF10NntZM"),
            (
                "2026-11", 1_800_000_000,
                "2026-11.1800000000.eFD2CUaNh_oN-_7tbudXAcW0ked44rTcwL4Xu-9cn1Q"
            ),
        ] as [(String, UInt64, String)])
    func format(_ id: String, _ expiry: UInt64, _ signature: String) throws {
        let key = try key("\(id)=0123456789abcdef")
        #expect(key.signature(of: try target(url), expiry: expiry) == signature)
        #expect(try isValid(signature, of: url, keys: [key]))
    }

    @Test("a signature is valid until the second of its expiry, and with none for ever")
    func expiry() throws {
        let key = try key("a=0123456789abcdef")
        let target = try target(url)
        let limited = key.signature(of: target, expiry: 1000)
        #expect(try isValid(limited, of: url, keys: [key], now: 0))
        #expect(try isValid(limited, of: url, keys: [key], now: 999))
        #expect(try !isValid(limited, of: url, keys: [key], now: 1000))
        #expect(try !isValid(limited, of: url, keys: [key], now: .max))
        let unlimited = key.signature(of: target, expiry: 0)
        #expect(try isValid(unlimited, of: url, keys: [key], now: .max))
    }

    @Test("a signature in which any byte was changed, left out or added is not valid")
    func tampering() throws {
        let keys = [try key("a=0123456789abcdef"), try key("b=0123456789abcdef")]
        let signature = Array(keys[0].signature(of: try target(url), expiry: 2000).utf8)
        func isRefused(_ bytes: [UInt8]) throws -> Bool {
            !ClickKey.isValid(bytes, of: try target(url), keys: keys, now: 1)
        }
        for place in signature.indices {
            for byte in UInt8.min...UInt8.max where byte != signature[place] {
                var changed = signature
                changed[place] = byte
                #expect(try isRefused(changed), "byte \(place) became \(byte)")
            }
            var shorter = signature
            shorter.remove(at: place)
            #expect(try isRefused(shorter), "without byte \(place)")
        }
        for place in 0...signature.count {
            for byte in "a.0=\0 ".utf8 {
                var longer = signature
                longer.insert(byte, at: place)
                #expect(try isRefused(longer), "with \(byte) before \(place)")
            }
        }
        for count in signature.indices { #expect(try isRefused(Array(signature[..<count]))) }
    }

    @Test("a signature is of one target: no byte of that can change")
    func otherTarget() throws {
        let key = try key("a=0123456789abcdef")
        let signature = Array(key.signature(of: try target(url), expiry: 0).utf8)
        var count = 0
        for place in url.utf8.indices.map({ url.utf8.distance(from: url.utf8.startIndex, to: $0) })
        {
            for byte in UInt8(0x21)...0x7e {
                var changed = Array(url.utf8)
                guard changed[place] != byte else { continue }
                changed[place] = byte
                guard let other = ClickTarget(changed) else { continue }
                count += 1
                #expect(!ClickKey.isValid(signature, of: other, keys: [key], now: 1))
            }
        }
        #expect(count > 1000)
        for other in [url + "a", String(url.dropLast()), url + "#top"] {
            #expect(!ClickKey.isValid(signature, of: try target(other), keys: [key], now: 1))
        }
    }

    @Test("a key is found by its name, and signs for no other one")
    func keyNames() throws {
        let (old, new) = (try key("old=0123456789abcdef"), try key("new=fedcba9876543210"))
        let signature = old.signature(of: try target(url), expiry: 0)
        #expect(try isValid(signature, of: url, keys: [new, old]))
        #expect(try !isValid(signature, of: url, keys: [new]))
        #expect(try !isValid(signature, of: url, keys: []))
        let renamed = signature.replacing("old.", with: "new.")
        #expect(try !isValid(renamed, of: url, keys: [new, old]))
    }

    private static let wrong: [(String, String)] = [
        ("0123456789abcdef", "expected ID=SECRET"), ("=0123456789abcdef", "expected ID=SECRET"),
        ("a.b=0123456789abcdef", "expected ID=SECRET"), ("\u{e4}=0123456789abcdef", "expected ID"),
        (String(repeating: "a", count: 33) + "=0123456789abcdef", "expected ID=SECRET"),
        ("a=0123456789abcde", "the secret of 'a' has 15 bytes: expected at least 16"),
        ("a=@/no/such", "the secret of 'a': open /no/such: No such file or directory"),
    ]

    @Test("a key that cannot be used is refused, and its secret is in no message", arguments: wrong)
    func wrongKeys(_ text: String, _ message: String) {
        #expect {
            try ClickKey(text)
        } throws: { error in
            let reason = (error as? Setting.InvalidValue)?.reason ?? ""
            return reason.contains(message) && !reason.contains("0123456789")
        }
    }

    @Test("a secret can stand in a file, whose line end is no part of it")
    func file() throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("0123456789abcdef\r\n".utf8), to: "key")
        let signature = try key("a=@\(directory.file("key"))").signature(
            of: try target(url), expiry: 0)
        #expect(
            try signature == key("a=0123456789abcdef").signature(of: try target(url), expiry: 0))
        try directory.write([UInt8](repeating: 0x61, count: 4097), to: "long")
        #expect(throws: Setting.InvalidValue.self) { try key("a=@\(directory.file("long"))") }
        try directory.write(Array("0123456789abcde\n".utf8), to: "short")
        #expect(throws: Setting.InvalidValue.self) { try key("a=@\(directory.file("short"))") }
    }
}

/// What the collector makes of a click, and the links that it makes.
@Suite struct ClickPolicyTests {
    private func configuration(
        keys: [String] = ["a=0123456789abcdef"], hosts: [String] = []
    ) throws -> Configuration {
        var flags = ["click_keys": keys, "click_hosts": hosts]
        flags = flags.filter { !$0.value.isEmpty }
        return try ResolvedConfiguration(flags: flags, environment: [:], file: nil).configuration
    }

    private func verdict(
        _ query: String, _ configuration: Configuration, now: UInt64 = 1
    ) -> ClickPolicy.Verdict {
        configuration.clicks.verdict(on: Array(query.utf8).span, now: now)
    }

    @Test("a link that was made leads to its target, and whatever is added does not change that")
    func links() throws {
        let configuration = try configuration()
        for url in ["https://shop.example/a%20b?c=d&e=f+g#h", "http://[::1]:80/?k=1&u=2"] {
            let target = try #require(ClickTarget(Array(url.utf8)))
            let link = "\(try ClickLink(to: url, expires: "1h", base: "/click", configuration))"
            #expect(link.hasPrefix("/click?u=http"))
            let query = String(link.trimmingPrefix("/click?"))
            #expect(verdict(query, configuration) == .redirect(target))
            #expect(verdict("x=1&\(query)&u=http://evil&k=y", configuration) == .redirect(target))
            #expect(verdict("u=http://evil&\(query)", configuration) == .forbidden)
            #expect(verdict(query, configuration, now: .max) == .forbidden)
            #expect(verdict(query, try self.configuration(keys: [], hosts: ["b"])) == .forbidden)
        }
    }

    @Test(
        "without a signature only a host on the list is led to, exactly as it stands there",
        arguments: [
            ("https://shop.example/a", true), ("http://shop.example", true),
            ("https://SHOP.example/", true), ("https://b.example:8443/", true),
            ("http://[2001:db8::1]:8080/", true),
            ("https://www.shop.example/", false), ("https://shop.example.evil/", false),
            ("https://shop.example:443/", false), ("https://evilshop.example/", false),
            ("https://b.example/", false), ("https://b.example:844/", false),
            ("http://[2001:db8::1]/", false), ("https://evil/shop.example", false),
            ("https://evil/?https://shop.example/", false), ("https://example/", false),
        ])
    func hosts(_ url: String, _ isLedTo: Bool) throws {
        let configuration = try configuration(
            keys: [], hosts: ["Shop.example", "b.example:8443", "[2001:DB8::1]:8080"])
        let verdict = verdict("u=\(PercentEncoding.encode(url.utf8))", configuration)
        let target = try #require(ClickTarget(Array(url.utf8)))
        #expect(verdict == (isLedTo ? .redirect(target) : .forbidden))
    }

    @Test(
        "a missing or bad target is that, and what is not signed is forbidden",
        arguments: [
            ("", .badTarget), ("k=a.0.b", .badTarget), ("u=", .badTarget), ("u", .badTarget),
            ("u=//shop.example/", .badTarget), ("u=http:shop.example", .badTarget),
            ("u=http%3A%2F%2Fshop.example%00", .badTarget),
            ("u=http://shop.example%09/", .badTarget), ("u=http://a@shop.example/", .badTarget),
            ("U=http://shop.example/", .badTarget), ("u=http://shop.example/a+b", .badTarget),
            ("u=http://other/", .forbidden), ("u=http://other/&k=", .forbidden),
            ("u=http://other/&k=a.0.b", .forbidden), ("u=http://other/&k=..", .forbidden),
        ] as [(String, ClickPolicy.Verdict)])
    func refuses(_ query: String, _ expected: ClickPolicy.Verdict) throws {
        #expect(verdict(query, try configuration(hosts: ["shop.example"])) == expected)
    }

    @Test("a link needs a key, a target and a base that can be used")
    func failures() throws {
        let configuration = try configuration()
        func failure(
            _ url: String = "http://a", _ expires: String? = nil, _ base: String = "/click",
            _ other: Configuration? = nil
        ) -> ClickLink.Failure? {
            do throws(ClickLink.Failure) {
                _ = try ClickLink(to: url, expires: expires, base: base, other ?? configuration)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure() == nil)
        #expect(failure("http://a", "7d", "https://t.example:8443/go/click") == nil)
        #expect(failure("http://a", nil, "/click", Configuration()) == .noKey)
        let wrong: [(String, String?, String)] = [
            ("//a", nil, "/click"), ("http://a b", nil, "/click"), ("http://a", "7", "/click"),
            ("http://a", "-1d", "/click"), ("http://a", nil, "click"),
            ("http://a", nil, "/click?a"),
            ("http://a", nil, "https://t.example/#"), ("http://a", nil, "ftp://t.example/click"),
        ]
        for (url, expires, base) in wrong {
            guard case .argument = failure(url, expires, base) else {
                Issue.record("\(url) \(expires ?? "") \(base)")
                continue
            }
        }
    }

    @Test("secrets are not printed, and no two keys have one name")
    func settings() throws {
        let resolved = try ResolvedConfiguration(
            flags: [
                "click_keys": ["a=0123456789abcdef", "b=fedcba9876543210"],
                "click_hosts": ["B.example:8443", "a.example"],
            ], environment: [:], file: nil)
        let lines = resolved.lines.filter {
            $0.hasPrefix("click_keys") || $0.hasPrefix("click_hosts")
        }.map {
            $0.split(separator: "  ")[0]
        }
        #expect(
            lines == [
                #"click_keys: ["a=...", "b=..."]"#,
                #"click_hosts: ["a.example", "b.example:8443"]"#,
            ])
        #expect(throws: ConfigurationError.self) {
            try configuration(keys: ["a=0123456789abcdef", "a=fedcba9876543210"])
        }
        for host in ["", "a/", "https://a", "a:0", "a b", "*.a", "u@a", "a?b"] {
            #expect(throws: ConfigurationError.self) { try configuration(hosts: [host]) }
        }
    }
}
