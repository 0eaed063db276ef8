import Testing

@testable import Tracking

@Suite struct VisitorCookieTests {
    private func text(
        _ cookie: VisitorCookie, host: String, isSecure: Bool, isExpiry: Bool = false
    ) -> String {
        let hostBytes = Array(host.utf8)
        let variant = cookie.variant(host: hostBytes.span, isSecure: isSecure)
        let visitor = Visitor(random: (0, 0))
        if isExpiry { return String(decoding: cookie.expiries(variant)[0], as: UTF8.self) }
        let bytes = [UInt8](capacity: cookie.setCookieBytesMax) { output in
            cookie.appendSetCookie(for: visitor, variant, to: &output)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let id = "00000000-0000-4000-8000-000000000000"

    @Test("the cookie carries the identifier, for a year, out of reach of scripts")
    func plain() {
        #expect(
            text(VisitorCookie(), host: "a.example", isSecure: false)
                == "id=\(Self.id); Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")
    }

    @Test("over https it has the attributes for https, and is taken away with the same")
    func secure() {
        var attributes = VisitorCookie.Attributes()
        attributes.isSecure = true
        attributes.sameSite = .none
        attributes.isPartitioned = true
        attributes.isHTTPOnly = false
        attributes.path = "/t"
        attributes.lifetimeSeconds = 60
        let cookie = VisitorCookie(names: ["v"], overHTTPS: attributes)
        let end = "; Secure; SameSite=None; Partitioned"
        #expect(
            text(cookie, host: "a", isSecure: true) == "v=\(Self.id); Path=/t; Max-Age=60" + end)
        #expect(
            text(cookie, host: "a", isSecure: true, isExpiry: true) == "v=; Path=/t; Max-Age=0"
                + end)
        #expect(text(cookie, host: "a", isSecure: false).hasSuffix("; HttpOnly; SameSite=Lax"))
    }

    @Test(
        "the domain is the longest of the list that the host is in",
        arguments: [
            ("shop.example", "shop.example"), ("t.shop.example", "shop.example"),
            ("T.SHOP.Example:8443", "shop.example"), ("a.b.shop.example", "b.shop.example"),
            ("myshop.example", nil), ("shop.example.org", nil), ("", nil), ("other.test", nil),
            ("b.shop.example", "b.shop.example"), ("example", nil),
        ] as [(String, String?)])
    func domains(_ host: String, _ domain: String?) {
        var attributes = VisitorCookie.Attributes()
        attributes.domains = ["shop.example", "b.shop.example"]
        let cookie = VisitorCookie(overHTTP: attributes, overHTTPS: attributes)
        for isSecure in [false, true] {
            let text = text(cookie, host: host, isSecure: isSecure)
            let expected = domain.map { "; Path=/; Domain=\($0); Max" } ?? "; Path=/; Max"
            #expect(text.contains(expected), "\(text)")
        }
    }
}
