import Testing

@testable import Tracking

@Suite struct FormURLEncodedTests {
    /// WHATWG URL Standard, section 5.1, with the cases that parsers get wrong.
    static let table: [(input: String, pairs: [(String, String)])] = [
        ("", []),
        ("a=b", [("a", "b")]),
        ("a=b&c=d", [("a", "b"), ("c", "d")]),
        ("a", [("a", "")]),
        ("a&b=1", [("a", ""), ("b", "1")]),
        ("a=", [("a", "")]),
        ("=b", [("", "b")]),
        ("=", [("", "")]),
        ("&", []),
        ("&&a=1&&&b=2&", [("a", "1"), ("b", "2")]),
        ("a=b=c", [("a", "b=c")]),
        ("a+b=c+d", [("a b", "c d")]),
        ("a%20b=%26%3D", [("a b", "&=")]),
        ("s=my%20cool%20search", [("s", "my cool search")]),
        ("a=%", [("a", "%")]),
        ("a=%4", [("a", "%4")]),
        ("a=%4&b", [("a", "%4"), ("b", "")]),
        ("a=%zz", [("a", "%zz")]),
        ("a=%%41", [("a", "%A")]),
        ("a=%e2%82%AC", [("a", "€")]),
        ("a=%00b", [("a", "\0b")]),
        ("a;b=1", [("a;b", "1")]),
        ("a?b=1#c", [("a?b", "1#c")]),
    ]

    @Test("a query is read as browsers write it", arguments: table.indices)
    func reads(_ index: Int) {
        let (text, expected) = Self.table[index]
        let input = Array(text.utf8)
        var found: [(String, String)] = []
        var pairs = FormURLEncoded(input.span)
        while let pair = pairs.next() {
            found.append((Self.decoded(input, pair.name), Self.decoded(input, pair.value)))
        }
        #expect(found.map { "\($0)" } == expected.map { "\($0)" }, "\(text)")
    }

    @Test("the first of several values counts, and a missing name has none")
    func firstValue() {
        let input = Array("s=first&s=second&%73=third".utf8)
        #expect(FormURLEncoded.firstValue(of: "s", in: input.span) == Array("first".utf8))
        #expect(FormURLEncoded.firstValue(of: "x", in: input.span) == nil)
        let encoded = Array("%73=third".utf8)
        #expect(FormURLEncoded.firstValue(of: "s", in: encoded.span) == Array("third".utf8))
    }

    private static func decoded(_ input: [UInt8], _ range: Range<Int>) -> String {
        var position = range.lowerBound
        var bytes: [UInt8] = []
        while position < range.upperBound {
            bytes.append(FormURLEncoded.decode(input.span, at: &position, in: range))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
