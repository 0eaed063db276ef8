import TestSupport
import Testing

@testable import Collector

/// What a click may lead to. The tricks are those of the URL tests of web-platform-tests.
@Suite struct ClickTargetTests {
    private func target(_ text: String) -> ClickTarget? { ClickTarget(Array(text.utf8)) }

    @Test(
        "a plain URL is a target, byte for byte",
        arguments: [
            ("http://a", "a"), ("https://shop.example/", "shop.example"),
            ("https://Shop.Example:8443/a/../b;c=1?d=%20&e=//x@y#z?", "shop.example:8443"),
            ("http://localhost:3000?q", "localhost:3000"), ("http://a.b-c.d2#f", "a.b-c.d2"),
            ("http://127.0.0.1:65535/", "127.0.0.1:65535"), ("http://[::1]/", "[::1]"),
            ("https://[2001:DB8::7]:1/", "[2001:db8::7]:1"),
            ("http://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example"),
            ("http://256.com/@user:pass@host", "256.com"), ("http://a/\"<>`{|}'[]", "a"),
            ("http://a/foo%2", "a"), ("http://192.168.257.com", "192.168.257.com"),
        ])
    func accepts(_ text: String, _ authority: String) {
        let target = target(text)
        #expect(target?.bytes == Array(text.utf8))
        #expect(target?.lowercasedAuthority == Array(authority.utf8))
    }

    private static let tricks: [(String, [String])] = [
        (
            "no http or https URL",
            [
                "", "a", "shop.example", "javascript:alert(1)", "data:text/html,x", "ftp://a/",
                "file:///etc/passwd", "ws://a/", "HTTP://a/", "Https://a/", "httpx://a/",
                "http//a/",
                "blob:https://a/", "view-source:http://a/", "http", "http:", "://a/", ":a",
            ]
        ),
        (
            "a relative form",
            [
                "/", "/path", "//a/", "///a/", "////a", "?q", "#f", "\\a", "\\\\a\\", "/\\a/",
                "\\/a",
                "../a", "///\\//\\//a",
            ]
        ),
        (
            "slashes that are missing or too many",
            [
                "http:a/", "https:a/", "http:/a/", "https:/a/", "http:///a/", "https:////a/",
                "http:[61:27]/:foo", "http:?q",
            ]
        ),
        (
            "backslashes",
            [
                "http:\\\\a\\", "http:\\\\a\\b:c\\d@foo.com\\", "http:/\\a/", "http://a\\@b/",
                "http://a:b@c\\", "http://a\\.b/", "http://a/\\@", "http://a/b?c\\d",
                "http://a/#\\",
            ]
        ),
        (
            "credentials",
            [
                "http://u@a/", "http://u:p@a/", "https://:@a/", "http://@a/", "http://a:@b/",
                "http://a:b@c:29/d", "http://foo.com:b@d/", "http://a.com@b.com/",
                "http://::@c@d:2",
                "http://@@@a", "http://a:80@b/", "http::@c:29", "http:@a", "http:/@a",
                "http:a:b@c/",
                "http://user@/www.example.com", "http://%25DOMAIN:foobar@foodomain.com/",
                "http://[::1]@a/", "http://a@[::1]/", "http://a%40b@c/",
            ]
        ),
        (
            "no host",
            [
                "http://", "https://", "http:///", "http://?", "http://#", "http://:80/",
                "http://:/",
                "http://?q", "http://#f", "http://@/",
            ]
        ),
        (
            "white space and control characters",
            [
                " http://a/", "http://a/ ", "\thttp://a/", "\u{1}http://a/", "\u{b}http://a/",
                "h\tttp://a/", "http:\n//a/", "http:/\r/a/", "http://ho\tst/", "http://ho\nst/",
                "http://ho\rst/", "http://ho st/", "http://a \\b/", "http://a:\n/c", "http://f: /c",
                "http://f: 21 / b", "http://a/ b", "http://a/b\tc", "http://a/b\r\nSet-Cookie: c=d",
                "http://a/?b\0c", "http://a/#b c", "http://a\0b/", "http://a\u{8}b/",
                "http://a\u{7f}b/",
                "http://a/\u{7f}", "http://a\0.b/",
            ]
        ),
        (
            "percent-encoded hosts and NULs",
            [
                "http://a%b/", "http://%25", "http://%zz%66%a.com", "http://ho%00st/",
                "http://a%2eb/",
                "http://ho%09st/", "http://ho%20st/", "http://ho%23st/", "http://ho%2Fst/",
                "http://ho%3Ast/", "http://ho%40st/", "http://ho%5Cst/", "http://ho%7Fst/",
                "http://hello%00", "http://%5B::1]", "http://%30%78%63%30%2e%30%32%35%30.01",
                "http://%ef%bc%85%ef%bc%94.com", "https://a%C2%ADb/", "https://%e2%98%83",
                "https://%43%7C/", "http://a/%00", "http://a/?b=%00", "http://a/#%00",
            ]
        ),
        (
            "characters beyond ASCII",
            [
                "http://\u{e9}/", "http://\u{e9}@a/", "http://GOO\u{a0}\u{3000}goo.com",
                "http://GOO\u{200b}\u{2060}\u{feff}goo.com", "http://www.foo\u{3002}bar.com",
                "http://\u{ff10}\u{ff38}\u{ff43}\u{ff10}.\u{ff10}\u{ff12}",
                "http://fa\u{df}.example/",
                "http://\u{ff05}\u{ff14}\u{ff11}.com", "https://\u{ad}/", "http://a\u{2044}b/",
                "http://a\u{ff0f}b/", "http://a/\u{2025}/b", "http://a/?\u{1f525}",
                "http://a/#\u{bb}",
                "http://\u{212a}.example/", "http://a/\u{202e}/b", "http\u{ff1a}//a/",
            ]
        ),
        (
            "numbers that browsers take for addresses",
            [
                "http://0", "http://1", "http://256", "http://2130706433/", "http://4294967296",
                "http://0x7f000001/", "http://0xffffffff", "http://0x", "http://017700000001",
                "http://127.1", "http://127.0.1", "http://192.168.257", "http://192.0x00A80001",
                "http://0x7f.0.0.1", "http://0177.0.0.1", "http://00.00.00.00", "http://127.0.0.01",
                "http://0x.0x.0", "http://1.2.3.08", "http://1.2.3.09", "http://256.0.0.1",
                "http://256.256.256.256", "http://1.2.3.4.5", "http://foo.1.2.3.4", "http://foo.09",
                "http://foo.0x4", "http://foo.0XFfFfAcE123", "http://0..0x300/", "http://1.2.3.4.",
                "http://1.2.3.256", "http://0x7f.0.0.0x7g", "http://+1.2.3.4", "http://1.2.3.-4",
            ]
        ),
        (
            "IPv6 addresses that are none",
            [
                "http://[]", "http://[:]", "http://::1", "http://::1]", "http://[::1",
                "http://2001::1",
                "http://[1::2]:3:4", "http://2001::1]:80", "http://[::127.0.0.1.]", "http://[::1]a",
                "http://[www.google.com]/", "http://[1.2.3.4]/", "http://[::1.2.3.4x]",
                "http://[::%31]",
                "http://[::1%25eth0]/", "http://[::1%eth0]/", "http://[0:1:2:3:4:5:6:7:8]",
                "http://[0::0::0]", "http://[::127.0.0.0.1]", "http://[v1.a]/", "http://a[b/",
                "http://a]b/",
                "http://[[::1]]/", "http://[::1]:", "http://[::1]:0/", "http://[::1].a/",
            ]
        ),
        (
            "odd ports",
            [
                "http://f:/c", "http://f:0/c", "http://f:00000000000000/c", "http://f:080/c",
                "http://f:00000000000000000000080/c", "http://f:b/c", "http://f:fifty-two/c",
                "http://f:999999/c", "http://f:65536/c", "http://f:-80/", "http://f:+80/",
                "http://f:8 0/",
                "http://f:80:80/", "http://f:4294967377/c", "http://f:18446744073709551697/c",
                "http://f:0x50/", "http://f:80a/", "http://f:\u{664}/",
            ]
        ),
        (
            "characters that no name has, and dots and hyphens out of place",
            [
                "http://a<b", "http://a>b", "http://a^b", "http://a|b/", "http://a_b/",
                "http://a,b/",
                "http://!\"$&'()*+,-.;=_`{}~/", "http://a*/", "http://a;b/", "http://a=b/",
                "http://./",
                "http://../", "http://.a/", "http://a./", "http://a..b/", "http://foo.09..",
                "http://-a/",
                "http://a-/", "http://a.-b/", "https://xn--/", "http://a'b/", "http://a\"b/",
                "http://a&b/",
                "http://a/../".replacing("a/", with: "/"),
                "http://" + String(repeating: "a", count: 64),
                "http://" + [String](repeating: "abcdefg", count: 32).joined(separator: "."),
            ]
        ),
    ]

    @Test("whatever could be read as another host is refused", arguments: tricks)
    func refuses(_ trick: String, _ texts: [String]) {
        for text in texts { #expect(target(text) == nil, "\(trick): \(text.debugDescription)") }
    }

    private static let pieces = [
        "http", "https", ":", "/", "//", "\\", "@", "a", "b.example", "1", "127.0.0.1", "0x7f",
        "[::1]",
        ".", "-", "?", "#", "%00", "%2e", "%40", ":80", ":443", ":0", ";", "\t", " ", "\u{e9}", "|",
        "..", "www.", "[", "]", "user:pass@", "&", "=",
    ]

    @Test("a browser goes to the host that was checked")
    func browser() throws {
        let seed = SeededRandom.newSeed()
        print("seed", seed)
        var random = SeededRandom(seed: seed)
        var targets: [ClickTarget] = []
        for _ in 0..<200_000 where targets.count < 3000 {
            let text =
                ["http://", "https://"][Int.random(in: 0...1, using: &random)]
                + (0..<Int.random(in: 1...6, using: &random)).map { _ in
                    Self.pieces.randomElement(using: &random) ?? ""
                }.joined()
            if let target = target(text) { targets.append(target) }
        }
        #expect(targets.count > 1000)
        // Read as a browser reads a Location: in the place of the page that it came from.
        let page = """
            <pre></pre><script>
            const text = hex => String.fromCharCode(...hex.match(/../g).map(byte => parseInt(byte, 16)));
            document.querySelector("pre").textContent = \(targets.map { hexadecimal($0.bytes) })
                .map(hex => new URL(text(hex), "https://t.example:1/click")).map(url =>
                    url.origin + " " + url.username + url.password).join("\\n");
            </script>
            """
        let directory = TemporaryDirectory()
        try directory.write(Array(page.utf8), to: "page.html")
        let document = try Chromium().open("file://\(directory.file("page.html"))")
        let lines = document.split(separator: "<pre>").last?.prefix { $0 != "<" }
            .split(separator: "\n")
        let expected = targets.map { target in
            let isSecure = target.bytes[4] == UInt8(ascii: "s")
            let origin =
                String(decoding: target.bytes[..<target.authority.lowerBound], as: UTF8.self)
                + String(decoding: target.lowercasedAuthority, as: UTF8.self)
            // The port that needs no mention is not part of an origin.
            let port = isSecure ? ":443" : ":80"
            return (origin.hasSuffix(port) ? String(origin.dropLast(port.count)) : origin) + " "
        }
        #expect(lines?.count == expected.count)
        for (line, expected) in zip(lines ?? [], expected) { #expect(line == expected) }
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
