import Foundation
import TestSupport
import Testing

@testable import Tracking

@Suite struct BeaconContentTests {
    private func read(_ bytes: [UInt8]) -> BeaconContent { BeaconContent(bytes.span) }
    private func read(_ text: String) -> BeaconContent { read(Array(text.utf8)) }

    /// The objects as text; nil for what is invalid.
    private func objects(_ text: String) -> [String?] {
        let bytes = Array(text.utf8)
        return read(bytes).items.map { item in
            guard case .object(let range) = item else { return nil }
            return String(decoding: bytes[range], as: UTF8.self)
        }
    }

    @Test(
        "one object is one event, an array or lines are several",
        arguments: [
            (#"{"a":1}"#, false, [#"{"a":1}"#]), (" {\"a\":\n1}\r\n ", false, ["{\"a\":\n1}"]),
            ("{}", false, ["{}"]), ("", false, [nil]), (" ", false, [nil]), ("7", false, [nil]),
            (#"{"a":1}{"b":2}"#, false, [nil]), (#"{"a":1"#, false, [nil]),
            (#"[{"a":1}, {"b":[{}]}]"#, true, [#"{"a":1}"#, #"{"b":[{}]}"#]), ("[]", true, []),
            ("[{},7,{}]", true, ["{}", nil, "{}"]),
            // Nothing within a broken item is taken for another one.
            (#"[{},{"a":[1,,{"x":1}]},{}]"#, true, ["{}", nil]), ("[{},]", true, ["{}", nil]),
            ("[{} {}]", true, ["{}", nil]), ("[{}", true, ["{}", nil]),
            ("[{}] {}", true, ["{}", nil]),
            ("{\"a\":1}\n{\"b\":2}\n", true, [#"{"a":1}"#, #"{"b":2}"#]),
            ("{}\r\n\r\n{\n{}\n7\n", true, ["{}", nil, "{}", nil]),
        ] as [(String, Bool, [String?])])
    func forms(_ text: String, _ isBatch: Bool, _ expected: [String?]) {
        #expect(objects(text) == expected)
        #expect(read(text).isBatch == isBatch)
    }

    @Test("more than a thousand events are too many, and known to be")
    func many() {
        let array = "[" + [String](repeating: "{}", count: 1001).joined(separator: ",") + "]"
        #expect(read(array).items.count == BeaconContent.itemsMax + 1)
        let lines = String(repeating: "{}\n", count: 1000)
        #expect(read(lines).items.count == BeaconContent.itemsMax)
        #expect(read(lines + lines).items.count == BeaconContent.itemsMax + 1)
    }

    /// Values after RFC 8259; the cases are those that parsers are known to differ in.
    private static let valid = [
        "0", "-0", "1.5", "1e5", "-1.5E+10", "1E-2", "123456789012345678901234567890", "1e999999",
        "true", "false", "null", "[]", "[ ]", "[1 , 2]", "{}", "{ }", #"{"a":1,"a":2}"#, #"{"":0}"#,
        #""""#, #""\"\\\/\b\f\n\r\t""#, #""\u0000\u00e9\uD83D\uDE00""#, #""\ud800\udc00""#,
        "\"\u{7f}\"", "\"ä€😀\u{2028}\u{feff}\u{ffff}\"", "\t\n\r 1 \t\n\r",
        #"{"nested":{"deep":[[[{"x":[]}]]]}}"#, #""ordinary text that is longer than a word""#,
    ]
    private static let invalid = [
        "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 2", "NaN", "Infinity", "nul",
        "True", "tru", "nulll", "[1,]", "[,1]", "[1 2]", "[", "]", "[1", "[1}", "{", "}", #"{"a"}"#,
        #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, #"{a:1}"#, #"{'a':1}"#, #"{1:1}"#, #"{"a":1 "b":2}"#,
        #"""#, #""a"#, "'a'", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\u{1f}\"", #""\x41""#,
        #""\a""#,
        #""\u12""#, #""\u12g4""#, #""\uD800""#, #""\uD800x""#, #""\uD800\n""#, #""\uD800\u0041""#,
        #""\uDC00""#, #""\uDC00\uD800""#, #""\""#, "\u{feff}1", "// 1", "1 // x", "/* */1",
        "\u{a0}1", "\u{c}1",
    ]

    @Test("a value is what RFC 8259 says, to the letter", arguments: valid)
    func taken(_ value: String) {
        #expect(objects(#"{"v":\#(value)}"#) == [#"{"v":\#(value)}"#])
    }

    @Test("what is no JSON is no event", arguments: invalid)
    func refused(_ value: String) {
        let items = read(#"{"v":\#(value)}"#).items
        #expect(items.count >= 1)
        for item in items { if case .object = item { Issue.record("\(value) was taken") } }
    }

    @Test(
        "strings are UTF-8",
        arguments: [
            [0x80], [0xc0, 0xaf], [0xc3], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80],
            [0xf4, 0x90, 0x80, 0x80],
            [0xff], [0xe2, 0x82], [0xc3, 0x28],
        ] as [[UInt8]])
    func encoding(_ bytes: [UInt8]) {
        let text = Array(#"{"v":""#.utf8) + bytes + Array(#""}"#.utf8)
        guard case .invalid = read(text).items[0] else {
            Issue.record("taken")
            return
        }
    }

    @Test("nesting has a limit")
    func depth() {
        func nested(_ depth: Int) -> String {
            #"{"v":"# + String(repeating: "[", count: depth - 1)
                + String(repeating: "]", count: depth - 1) + "}"
        }
        #expect(objects(nested(JSONReader.depthMax)).count { $0 != nil } == 1)
        #expect(objects(nested(JSONReader.depthMax + 1)) == [nil])
        #expect(objects(String(repeating: #"{"a":"#, count: 100_000)) == [nil])
    }

    @Test("what is refused says why and where")
    func reasons() {
        let expected: [(String, String)] = [
            (#"{"a":01}"#, "byte 6: a comma or a closing bracket is missing"),
            (#"{"a":"\ud800"}"#, "byte 12: half of a surrogate pair stands alone"),
            (#"{"a":"#, "byte 5: it ends in the middle"), ("7", "not an object"),
            ("{} x", "byte 3: something stands behind it"),
        ]
        for (text, reason) in expected {
            #expect(read(text).items == [.invalid(reason: reason)], "\(text)")
        }
    }

    @Test("what is taken of random pieces Foundation takes too, but for too large numbers")
    func random() {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let parts = Self.valid + Self.invalid + [",", ":", "[", "]", "{", "}", " ", "\"k\":"]
        var taken = 0
        for _ in 0..<20_000 {
            let pieces = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                parts.randomElement(using: &random) ?? ""
            }
            let text = #"{"v":\#(pieces.joined())}"#
            let content = read(text)
            // The first of several lines may be an object.
            guard !content.isBatch, case .object = content.items[0] else { continue }
            taken += 1
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8))
            #expect(object != nil || text.contains(/[0-9][eE]/), "\(text), seed \(seed)")
        }
        #expect(taken > 500)
    }
}
