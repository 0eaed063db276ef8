import Foundation
import TestSupport
import Testing

@testable import Tracking

@Suite struct EventTests {
    /// What a request says; a builder with defaults.
    struct Input {
        var path = Array("/track.js".utf8)
        var query: [UInt8] = []
        var userAgent: [UInt8] = []
        var referrer: [UInt8] = []
        var language: [UInt8] = []
        var host: [UInt8] = []
        var origin: [UInt8] = []
        var address = Array("192.0.2.7".utf8)
        var addressDetail = AddressDetail.full
        var isAnonymous = false
        var bot: [UInt8] = []
        var headers: [UInt8] = []
        var aliases = ParameterAliases.none
    }

    private func encoded(_ input: Input) -> String {
        with(input) { event in
            let bytes = [UInt8](capacity: event.encodedBytesMax) {
                event.encode(into: &$0, aliases: input.aliases)
            }
            return String(decoding: bytes, as: UTF8.self) + "}"
        }
    }

    private func with<Result>(_ input: Input, _ body: (borrowing Event) -> Result) -> Result {
        let event = Event(
            kind: .track,
            id: .version7(time: Timestamp(microseconds: 1_645_557_742_000_000), random: 0),
            time: Timestamp(microseconds: 1_645_557_742_000_000),
            visitor: input.isAnonymous ? nil : Visitor(random: (UInt64(1), UInt64(2))),
            request: Event.Request(
                method: "GET", path: input.path.span, query: input.query.span,
                address: input.address.span, userAgent: input.userAgent.span,
                referrer: input.referrer.span, language: input.language.span,
                host: input.host.span, origin: input.origin.span),
            addressDetail: input.addressDetail,
            privacy: input.isAnonymous ? .globalPrivacyControl : nil, bot: input.bot.span,
            headers: input.headers.span)
        return body(event)
    }

    @Test("the events of one request differ in identifier and data only")
    func template() throws {
        let input = Input(query: Array("s=x".utf8), userAgent: Array("a\"b".utf8))
        let template = with(input) { EventTemplate($0, aliases: .none) }
        let id = UUID.version7(time: Timestamp(microseconds: 1_645_557_742_000_000), random: 77)
        let data = Array("{\"a\":\r\n[1,\n2]}".utf8)
        let bytes = [UInt8](capacity: template.encodedBytesMax(dataBytes: data.count)) {
            template.encode(id: id, data: data.span, into: &$0)
        }
        let whole = encoded(input).replacing(
            "017f22e2-79b0-7000-8000-000000000000", with: id.description)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == whole.dropLast() + #","data":{"a":  [1, 2]}"#)
    }

    private func parsed(_ input: Input) throws -> StoredEvent { try StoredEvent(encoded(input)) }

    @Test("the format is version 1, to the letter")
    func golden() {
        let json = encoded(
            Input(
                query: Array("s=my+cool%20search&x".utf8), userAgent: Array("curl/7".utf8),
                referrer: Array("http://a/".utf8), language: Array("en".utf8),
                host: Array("localhost".utf8), origin: Array("http://b".utf8)))
        #expect(
            json == """
                {"v":1,"id":"017f22e2-79b0-7000-8000-000000000000",\
                "time":"2022-02-22T19:22:22.000000Z","kind":"track","method":"GET",\
                "path":"/track.js","query":"s=my+cool%20search&x",\
                "params":{"s":"my cool search","x":""},\
                "visitor":"00000000-0000-4001-8000-000000000002","new_visitor":true,\
                "ip":"192.0.2.7","user_agent":"curl/7","referrer":"http://a/","language":"en",\
                "host":"localhost","origin":"http://b"}
                """)
    }

    @Test("an anonymous event has neither a visitor nor more than a network and a family")
    func anonymous() {
        for detail in [AddressDetail.full, .network] {
            let json = encoded(
                Input(
                    userAgent: Array("Mozilla/5.0 Firefox/127.0".utf8),
                    addressDetail: detail, isAnonymous: true, bot: Array("curl".utf8)))
            #expect(
                json.hasSuffix(
                    #""path":"/track.js","ip":"192.0.2.0","user_agent":"Firefox","#
                        + #""bot":"curl","privacy":"gpc"}"#), "\(json)")
        }
        let none = encoded(Input(addressDetail: .none, isAnonymous: true))
        #expect(none.hasSuffix(#""path":"/track.js","privacy":"gpc"}"#), "\(none)")
    }

    @Test("of the address is kept what is asked for")
    func addresses() throws {
        for (detail, ip) in [
            (AddressDetail.full, "192.0.2.7"), (.network, "192.0.2.0"), (.none, nil),
        ] {
            #expect(try parsed(Input(addressDetail: detail))["ip"] == ip)
        }
        // What is no address is not kept as one.
        let odd = Input(address: Array("192.0.2.7x".utf8), addressDetail: .network)
        #expect(try parsed(odd)["ip"] == nil)
    }

    @Test("an alias of a parameter is stored under its name, of both the first")
    func aliases() throws {
        var input = Input(query: Array("q=a&s=b&x=1&%71=c".utf8))
        input.aliases = ParameterAliases([("q", "s"), ("p", "u")])
        #expect(try parsed(input).params == ["s": "a", "x": "1"])
        input.query = Array("s=b&q=a&p=page&pq=2".utf8)
        #expect(try parsed(input).params == ["s": "b", "u": "page", "pq": "2"])
        #expect(try parsed(input)["query"] == "s=b&q=a&p=page&pq=2")
    }

    @Test("what is absent has no key")
    func absent() throws {
        let event = try parsed(Input(address: []))
        #expect(
            event.keys == ["v", "id", "time", "kind", "method", "path", "visitor", "new_visitor"])
        #expect(try parsed(Input(query: Array("&&".utf8))).keys.contains("params") == false)
    }

    @Test("of a repeated parameter the first value counts")
    func repeated() throws {
        let event = try parsed(Input(query: Array("a=1&b=2&a=3&%61=4&ab=5&=6&=7".utf8)))
        #expect(event.params == ["a": "1", "b": "2", "ab": "5", "": "6"])
    }

    @Test("parameters beyond the limit are in the query only")
    func manyParams() throws {
        let query = (0..<Event.paramsMax + 10).map { "p\($0)=\($0)" }.joined(separator: "&")
        let event = try parsed(Input(query: Array(query.utf8)))
        #expect(event.params.count == Event.paramsMax)
        #expect(event["query"] == query)
    }

    /// Bytes of a header, and what JSON has of them.
    static let strings: [(bytes: [UInt8], json: String)] = [
        (Array("plain".utf8), "plain"),
        (Array("\"\\/".utf8), #"\"\\/"#),
        ([0x00, 0x01, 0x1f, 0x7f], #"\u0000\u0001\u001f\u007f"#),
        (Array("\u{8}\t\n\u{c}\r".utf8), #"\b\t\n\f\r"#),
        (Array("\u{80}\u{9f}\u{a0}".utf8), "\\u0080\\u009f\u{a0}"),
        (Array("\u{2027}\u{2028}\u{2029}\u{202a}".utf8), "\u{2027}\\u2028\\u2029\u{202a}"),
        (Array("é€😀".utf8), "é€😀"),
        ([0xff], "\u{fffd}"),
        ([0x61, 0xc3, 0x62], "a\u{fffd}b"),
        ([0xe2, 0x82], "\u{fffd}"),
        ([0xe2, 0x28, 0xa1], "\u{fffd}(\u{fffd}"),
        ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),
        ([0xc0, 0xaf], "\u{fffd}\u{fffd}"),
        ([0xf0, 0x9f, 0x98], "\u{fffd}"),
        ([0xf4, 0x90, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (
            Array("eight by".utf8) + [0x22] + Array("te runs, then ends".utf8),
            #"eight by\"te runs, then ends"#
        ),
    ]

    @Test("any bytes become a JSON string", arguments: strings.indices)
    func escapes(_ index: Int) {
        let (bytes, json) = Self.strings[index]
        #expect(encoded(Input(userAgent: bytes)).contains(#""user_agent":"\#(json)""#))
    }

    @Test("random bytes in every field give one valid line, with the same text in all decoders")
    func randomBytes() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        func field() -> [UInt8] {
            let alphabet: [UInt8] = [
                0x00, 0x0a, 0x22, 0x5c, 0x25, 0x26, 0x3d, 0x2b, 0xe2, 0x80, 0xa8,
            ]
            return (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random)
                    : alphabet.randomElement(using: &random) ?? 0
            }
        }
        for index in 0..<10_000 {
            var headers = CapturedHeaders(addresses: .network)
            for name in ["a", "b"] {
                let value = field()
                headers.append(name: Array(name.utf8), value: value.span)
            }
            let input = Input(
                path: field(), query: field(), userAgent: field(), referrer: field(),
                language: field(), host: field(), origin: field(), address: field(),
                isAnonymous: index % 8 == 0, bot: field(), headers: headers.json)
            let json = encoded(input)
            #expect(!json.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "seed \(seed)")
            let event = try StoredEvent(json)
            if !input.userAgent.isEmpty, !input.isAnonymous {
                let expected = String(decoding: input.userAgent, as: UTF8.self)
                #expect(
                    event["user_agent"]?.unicodeScalars.elementsEqual(expected.unicodeScalars)
                        == true, "seed \(seed)")
            }
        }
    }

    @Test("the longest encoding stays within the announced length")
    func bound() throws {
        for byte: UInt8 in [0x01, 0x22, 0x26, 0xff] {
            let query = [UInt8](repeating: byte, count: 8000)
            _ = try parsed(Input(query: query, userAgent: query))
            _ = try parsed(Input(userAgent: [byte], isAnonymous: true))
        }
        let short = (0..<16_000).map { $0 % 2 == 0 ? UInt8($0 % 200 + 27) : 0x26 }
        _ = try parsed(Input(query: short))
    }
}
