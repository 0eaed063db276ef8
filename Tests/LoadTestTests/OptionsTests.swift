import EventHTTP
import Testing

@testable import LoadTest

/// What is read from flags.
@Suite struct OptionsTests {
    @Test(
        "times have units; a number alone is seconds",
        arguments: [
            ("10s", 10.0), ("500ms", 0.5), ("50us", 0.00005), ("5m", 300), ("1.5h", 5400),
            ("10", 10), ("0s", 0),
        ])
    func seconds(_ text: String, _ expected: Double) throws {
        #expect(abs(try Units.seconds(text) - expected) < 1e-9)
    }

    @Test(
        "what is no time is refused",
        arguments: ["", "s", "-1s", "10 s", "1e3", "nan", "inf", "1.2.3s", "8d", "169h", "ten"])
    func badSeconds(_ text: String) {
        #expect(throws: InvalidValue.self) { try Units.seconds(text) }
    }

    @Test(
        "numbers have suffixes of thousands",
        arguments: [("64", 64), ("10k", 10_000), ("2.5M", 2_500_000), ("1G", 1_000_000_000)])
    func count(_ text: String, _ expected: Int) throws {
        #expect(try Units.count(text) == expected)
    }

    @Test("what is no number is refused", arguments: ["", "k", "-1", "1.5", "0x10", "1e3", "10kk"])
    func badCount(_ text: String) {
        #expect(throws: InvalidValue.self) { try Units.count(text) }
    }

    @Test(
        "a URL names an address, a host field and a target",
        arguments: [
            ("http://127.0.0.1:8000/track.js", "127.0.0.1:8000", "127.0.0.1:8000", "/track.js"),
            ("http://localhost/a?b=c#d", "localhost:80", "localhost", "/a?b=c"),
            ("127.0.0.1:8000", "127.0.0.1:8000", "127.0.0.1:8000", "/"),
            ("HTTP://[::1]:81/x", "[::1]:81", "[::1]:81", "/x"),
            ("http://[::1]?q", "[::1]:80", "[::1]", "/?q"),
        ])
    func url(_ text: String, _ address: String, _ host: String, _ target: String) throws {
        let url = try TargetURL(parsing: text)
        #expect(url.address.description == address)
        #expect(url.host == host)
        #expect(url.target == target)
    }

    @Test(
        "what is no URL that can be loaded is refused",
        arguments: [
            "", "http://", "https://127.0.0.1/", "ftp://a/", "http://a:b/", "http://a:99999/",
            "http://u@127.0.0.1/", "http://127.0.0.1/a b", "http://127.0.0.1/ä", "http://a:0/",
            "http://127.0.0.1/\r\nX: y",
        ])
    func badURL(_ text: String) {
        #expect(throws: InvalidValue.self) { try TargetURL(parsing: text) }
    }

    @Test(
        "header fields", arguments: [("A: b", "A", "b"), ("X-Y:z ", "X-Y", "z"), ("A:", "A", "")])
    func field(_ text: String, _ name: String, _ value: String) throws {
        #expect(try HeaderField(parsing: text) == HeaderField(name, value))
    }

    @Test(
        "what is no header field is refused",
        arguments: ["", "A", ": b", "A b: c", "A: b\r\nC: d", "Content-Length: 3"])
    func badField(_ text: String) {
        #expect(throws: InvalidValue.self) { try HeaderField(parsing: text) }
    }

    @Test(
        "conditions that cannot be read are refused",
        arguments: [
            "", "p99", "p99>", "p99>5", "p98>5ms", "errors>x", "errors>0,", "p99=5ms", "errors>1ms",
        ].filter { $0 != "p99>5" })
    func badCondition(_ text: String) {
        #expect(throws: InvalidValue.self) { try FailCondition.list(text) }
    }

    @Test(
        "an address of this machine is loopback, another is not",
        arguments: [
            ("127.0.0.1:1", true), ("127.8.9.10:1", true), ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true), ("unix:/tmp/s", true), ("192.0.2.1:1", false),
            ("[2001:db8::1]:1", false), ("0.0.0.0:1", false), ("[::ffff:192.0.2.1]:1", false),
        ])
    func loopback(_ text: String, _ expected: Bool) throws {
        let address = try ClientAddress(resolving: ListenAddress(parsing: text))
        #expect(address.isLoopback == expected)
    }
}
