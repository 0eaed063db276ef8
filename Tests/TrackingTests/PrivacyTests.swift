import TestSupport
import Testing

@testable import Tracking

@Suite struct PrivacyTests {
    struct Signals {
        var optOut = false
        var gpc = ""
        var dnt = ""
    }

    private func applied(
        _ policies: PrivacyPolicies, _ signals: Signals
    ) -> (signal: PrivacySignal, policy: PrivacyPolicy)? {
        let (gpc, dnt) = (Array(signals.gpc.utf8), Array(signals.dnt.utf8))
        return policies.applied(
            hasOptedOut: signals.optOut, globalPrivacyControl: gpc.span, doNotTrack: dnt.span)
    }

    @Test("by default opting out and GPC count, and DNT does not")
    func defaults() {
        let policies = PrivacyPolicies()
        #expect(applied(policies, Signals(optOut: true))?.signal == .optOut)
        #expect(applied(policies, Signals(gpc: "1"))?.signal == .globalPrivacyControl)
        #expect(applied(policies, Signals(gpc: "1"))?.policy == .anonymize)
        #expect(applied(policies, Signals(dnt: "1")) == nil)
        for value in ["0", "", "true", "11", " 1"] {
            #expect(applied(policies, Signals(gpc: value)) == nil, "\(value)")
        }
    }

    @Test("the strictest policy wins, and of the same the first signal")
    func strictest() {
        let all = Signals(optOut: true, gpc: "1", dnt: "1")
        for optOut in PrivacyPolicy.allCases {
            for gpc in PrivacyPolicy.allCases {
                for dnt in PrivacyPolicy.allCases {
                    var policies = PrivacyPolicies()
                    (policies.optOut, policies.globalPrivacyControl, policies.doNotTrack) =
                        (optOut, gpc, dnt)
                    let found = applied(policies, all)
                    let strictest = max(optOut, gpc, dnt)
                    #expect(found?.policy == (strictest == .record ? nil : strictest))
                    let order: [(PrivacyPolicy, PrivacySignal)] = [
                        (optOut, .optOut), (gpc, .globalPrivacyControl), (dnt, .doNotTrack),
                    ]
                    let first = order.first { $0.0 == strictest && strictest > .record }
                    #expect(found?.signal == first?.1)
                }
            }
        }
    }

    @Test(
        "of an address the network is left",
        arguments: [
            ("203.0.113.77", "203.0.113.0"), ("10.255.9.1", "10.255.9.0"), ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.0"), ("::ffff:203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("2001:db8::7", "2001:db8::"),
            ("2001::1", "2001::"), ("::1", "::"), ("0:0:5::1", "0:0:5::"), ("::", "::"),
            ("fe80::1", "fe80::"), ("ABCD:0EF0:1::", "abcd:ef0:1::"),
        ])
    func network(_ text: String, _ network: String) {
        let bytes = Array(text.utf8)
        #expect(IPAddress(text: bytes.span)?.network == network)
    }

    @Test(
        "what is left of a user agent is its family",
        arguments: [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                    + "Chrome/126.0.0.0 Safari/537.36", "Chrome"
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                    + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge"
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
                    + "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari"
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
                    + "(KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome"
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0)", "Internet Explorer"),
            ("curl/8.0", "Other"), ("", ""),
        ])
    func family(_ userAgent: String, _ family: String) {
        let bytes = Array(userAgent.utf8)
        #expect("\(BrowserFamily.name(of: bytes.span))" == family)
    }

    static let headers: [(value: String, network: String, none: String)] = [
        ("203.0.113.7", "203.0.113.0", ""),
        ("203.0.113.7, 10.1.2.3", "203.0.113.0, 10.1.2.0", ", "),
        ("203.0.113.7:4711", "203.0.113.0:4711", ":4711"),
        (
            #"for="[2001:db8:1:2::7]:80";proto=https"#,
            #"for=\"[2001:db8:1::]:80\";proto=https"#, #"for=\"[]:80\";proto=https"#
        ),
        ("2001:db8::7, ::1.", "2001:db8::, ::.", ", ."),
        ("x203.0.113.7y", "x203.0.113.0y", "xy"),
        ("abc203.0.113.7def", "abc203.0.113.0def", "abcdef"),
        ("1203.0.113.7", "1203.0.113.0", "1"), ("203.0.113.771", "203.0.113.01", "1"),
        ("771.1.203.0.113.77.", "771.1.203.0.0.0.", "7."),
        ("::ffff:203.0.113.7", "203.0.113.0", ""), ("12:30:45", "12:30:45", "12:30:45"),
        ("no-cache", "no-cache", "no-cache"), ("version 1.2.3", "version 1.2.3", "version 1.2.3"),
        ("", "", ""),
    ]

    @Test("addresses in captured header fields are cut too", arguments: headers.indices)
    func capturedAddresses(_ index: Int) {
        let (value, network, none) = Self.headers[index]
        let details: [(AddressDetail, String)] = [
            (.network, network), (.none, none),
            (.full, value.replacing("\"", with: "\\\"")),
        ]
        for (detail, expected) in details {
            var headers = CapturedHeaders(addresses: detail)
            let bytes = Array(value.utf8)
            headers.append(name: Array("x-forwarded-for".utf8), value: bytes.span)
            #expect(
                String(decoding: headers.json, as: UTF8.self)
                    == #"{"x-forwarded-for":"\#(expected)"}"#)
        }
    }

    @Test("whatever a captured field holds, the object is JSON without an address")
    func randomHeaders() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let pieces = [
            "203.0.113.77", "2001:db8:5:6::77", ".", ":", ",", "[", "]", "\"", "é", "a", "1", " ",
        ]
        for _ in 0..<2000 {
            let value = (0..<Int.random(in: 0...8, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            var headers = CapturedHeaders(addresses: .network)
            let bytes = Array(value.utf8)
            headers.append(name: Array("a".utf8), value: bytes.span)
            headers.append(name: Array("b".utf8), value: bytes.span)
            let object = try StoredEvent(String(decoding: headers.json, as: UTF8.self))
            #expect(object.keys == ["a", "b"])
            #expect(object["a"]?.contains("0.113.77") == false, "\(value), seed \(seed)")
        }
    }
}
