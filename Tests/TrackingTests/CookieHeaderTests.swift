import Testing

@testable import Tracking

@Suite struct CookieHeaderTests {
    static let table: [(header: String, values: [String])] = [
        ("", []),
        ("id=1", ["1"]),
        ("a=b; id=1; c=d", ["1"]),
        ("id=1;id=2", ["1", "2"]),
        ("  id = 1 ", ["1"]),
        ("\tid\t=\t1\t;", ["1"]),
        ("id=\"1\"", ["1"]),
        ("id=\" 1 \"", [" 1 "]),
        ("id=\"1", ["\"1"]),
        ("id=\"", ["\""]),
        ("id=", [""]),
        ("id", []),
        ("id; id=2", ["2"]),
        ("ID=1", []),
        ("xid=1; idx=2", []),
        ("id=a=b", ["a=b"]),
        (";;; id=1 ;;", ["1"]),
        ("=1; id=2", ["2"]),
        ("id=1,id=2", ["1,id=2"]),
    ]

    @Test(
        "cookies are read after RFC 6265, odd spacing and quotes included", arguments: table.indices
    )
    func reads(_ index: Int) {
        let (header, expected) = Self.table[index]
        let (name, bytes) = (Array("id".utf8), Array(header.utf8))
        var found: [String] = []
        CookieHeader.forEachValue(of: name.span, in: bytes.span) { value in
            found.append(String(decoding: value.indices.map { value[$0] }, as: UTF8.self))
            return true
        }
        #expect(found == expected, "\(header)")
    }
}

@Suite struct VisitorTests {
    private static let known = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"
    private static let random: (UInt64, UInt64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)

    private func visitor(_ cookies: String) -> Visitor {
        let bytes = Array(cookies.utf8)
        let known = VisitorCookie().identifier(in: bytes.span).map { Visitor(known: $0) }
        return known ?? Visitor(random: Self.random)
    }

    @Test(
        "a valid identifier is kept",
        arguments: [
            "id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c",
            "a=b; id=\"9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c\"",
            "id=9B2D0C0E-7A1F-4B7E-8C55-0D6A1F2E3B4C",
            "id=garbage; id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c",
        ])
    func keeps(_ cookies: String) {
        let visitor = visitor(cookies)
        #expect(visitor.id.description == Self.known)
        #expect(!visitor.isNew)
    }

    @Test(
        "anything else is as if it were absent",
        arguments: [
            "", "id=", "id=x", "id=9b2d0c0e7a1f4b7e8c550d6a1f2e3b4c",
            "id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4", "id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4g",
            "id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c0", "id=9b2d0c0e_7a1f_4b7e_8c55_0d6a1f2e3b4c",
            "ID=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c", "id=\"\u{1b}[31m",
        ])
    func replaces(_ cookies: String) {
        let visitor = visitor(cookies)
        #expect(visitor.isNew)
        #expect(visitor.id.description == "01234567-89ab-4def-bedc-ba9876543210")
    }

    @Test("of several names that count which comes first, whatever the order in the header")
    func names() {
        let cookie = VisitorCookie(names: ["v", "id"])
        let other = Self.known.replacing("9", with: "8")
        for cookies in ["id=\(other); v=\(Self.known)", "v=x; id=\(Self.known)"] {
            let bytes = Array(cookies.utf8)
            #expect(cookie.identifier(in: bytes.span)?.description == Self.known)
        }
    }
}
