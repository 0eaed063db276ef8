import Foundation
import TestSupport
import Testing

@testable import EventHTTP

/// What the parser made of a head, in values that outlive it.
private struct Parsed: Equatable {
    var bytes: Int
    var method: HTTPMethod
    var minorVersion: Int
    var path: String
    var query: String
    var host: String
    var fields: [String]
    var framing: HeadParser.Framing
    var keepsAlive: Bool
    var expectsContinue: Bool
}

private enum Outcome: Equatable {
    case unfinished
    case refused(RequestRefusal)
    case parsed(Parsed)
}

private func parse(
    _ bytes: [UInt8], limits: HTTPLimits = HTTPLimits(), seen: Int = 0
) -> Outcome {
    let parser = HeadParser(limits: limits)
    return bytes.withUnsafeBufferPointer { buffer in
        func text(_ range: ByteRange) -> String {
            String(decoding: buffer[range.range], as: UTF8.self)
        }
        do throws(RequestRefusal) {
            guard let head = try parser.parse(buffer, seen: seen) else { return .unfinished }
            return .parsed(
                Parsed(
                    bytes: head.bytes, method: head.parts.method,
                    minorVersion: head.parts.minorVersion, path: text(head.parts.path),
                    query: text(head.parts.query), host: text(head.parts[.host]),
                    fields: parser.fields[..<head.fieldCount].map {
                        text($0.name) + "=" + text($0.value)
                    },
                    framing: head.framing, keepsAlive: head.keepsAlive,
                    expectsContinue: head.expectsContinue))
        } catch {
            return .refused(error)
        }
    }
}

private func parse(_ text: String) -> Outcome { parse(Array(text.utf8)) }

@Suite struct HeadParserTests {
    private static let browser = """
        GET /track.js?s=my%20search&t=1 HTTP/1.1\r
        Host: tracker.example:8080\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r
        Accept: */*\r
        Cookie:  id=1; other="a b" \t\r
        Empty:\r
        Referer: https://shop.example/ä\r
        Connection: keep-alive\r
        \r

        """

    @Test("a browser's request is taken apart where it lies")
    func browser() {
        #expect(
            parse(Self.browser)
                == .parsed(
                    Parsed(
                        bytes: Self.browser.utf8.count, method: .get, minorVersion: 1,
                        path: "/track.js", query: "s=my%20search&t=1",
                        host: "tracker.example:8080",
                        fields: [
                            "Host=tracker.example:8080",
                            "User-Agent=Mozilla/5.0 (X11; Linux x86_64)", "Accept=*/*",
                            "Cookie=id=1; other=\"a b\"", "Empty=",
                            "Referer=https://shop.example/ä", "Connection=keep-alive",
                        ],
                        framing: .length(0), keepsAlive: true, expectsContinue: false)))
    }

    @Test("a head in pieces, split at any byte, is the same head")
    func split() {
        let whole = Array(Self.browser.utf8)
        let expected = parse(whole)
        for count in 0..<whole.count {
            #expect(parse(Array(whole[..<count])) == .unfinished, "\(count)")
            #expect(parse(whole, seen: count) == expected, "\(count)")
        }
        #expect(parse(whole + Array("GET".utf8)) == expected)
        // One empty line in front is tolerated, and not more.
        guard case .parsed(let late) = parse(Array("\r\n".utf8) + whole) else {
            Issue.record("refused")
            return
        }
        #expect(late.bytes == whole.count + 2)
        #expect(parse(Array("\r\n\r\n".utf8) + whole) == .refused(.requestLine))
    }

    private func head(_ line: String, _ fields: String...) -> String {
        ([line] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(
        "what may follow a head is told by its fields alone",
        arguments: [
            ("POST / HTTP/1.1", "Content-Length: 12", HeadParser.Framing.length(12)),
            ("POST / HTTP/1.1", "content-length:\t0012 ", .length(12)),
            ("POST / HTTP/1.0", "Content-Length: 0", .length(0)),
            ("PUT / HTTP/1.1", "Transfer-Encoding: Chunked", .chunked),
            ("GET / HTTP/1.1", "Content-Length: 0", .length(0)),
            ("HEAD / HTTP/1.1", "X: y", .length(0)),
        ])
    func framing(_ line: String, _ field: String, _ expected: HeadParser.Framing) {
        guard case .parsed(let parsed) = parse(head(line, "Host: a", field)) else {
            Issue.record("refused")
            return
        }
        #expect(parsed.framing == expected)
    }

    @Test(
        "a connection is kept as RFC 9112, section 9.3 has it",
        arguments: [
            ("1.1", "X: y", true), ("1.1", "Connection: close", false),
            ("1.1", "Connection: keep-alive, Close", false),
            ("1.1", "Connection: a\r\nConnection: ,close,", false),
            ("1.1", "Connection: closed", true), ("1.0", "X: y", false),
            ("1.0", "Connection: x , KEEP-ALIVE", true),
            ("1.0", "Connection: keep-alive, close", false),
        ])
    func keepsAlive(_ version: String, _ fields: String, _ expected: Bool) {
        guard case .parsed(let parsed) = parse(head("GET / HTTP/\(version)", "Host: a", fields))
        else {
            Issue.record("refused")
            return
        }
        #expect(parsed.keepsAlive == expected)
    }

    @Test(
        "what is not exactly a request is refused, and says why",
        arguments: [
            ("GET  / HTTP/1.1\r\nHost: a", RequestRefusal.requestLine),
            ("GET /a b HTTP/1.1\r\nHost: a", .requestLine),
            (" GET / HTTP/1.1\r\nHost: a", .requestLine),
            ("GET\t/ HTTP/1.1\r\nHost: a", .requestLine),
            ("G(T / HTTP/1.1\r\nHost: a", .requestLine),
            ("GET / HTTP/1.1 \r\nHost: a", .requestLine),
            ("GET / http/1.1\r\nHost: a", .requestLine),
            ("GET /\r\nHost: a", .requestLine),
            ("GET / HTTP/1.1\nHost: a", .requestLine),
            ("GET /a\0b HTTP/1.1\r\nHost: a", .requestLine),
            ("GET /a\u{7f}b HTTP/1.1\r\nHost: a", .requestLine),
            ("GET /track.js?\u{e9} HTTP/1.1\r\nHost: a", .requestLine),
            ("GET /ä HTTP/1.1\r\nHost: a", .requestLine),
            ("GET / HTTP/2.0\r\nHost: a", .version), ("GET / HTTP/1.9\r\nHost: a", .version),
            ("GET / HTTP/0.9\r\nHost: a", .version), ("GET / HTTP/01.1\r\nHost: a", .requestLine),
            ("GET / HTTP/1.11\r\nHost: a", .requestLine),
            ("get / HTTP/1.1\r\nHost: a", .method), ("BREW / HTTP/1.1\r\nHost: a", .method),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a:80", .method),
            ("GET * HTTP/1.1\r\nHost: a", .target), ("GET a HTTP/1.1\r\nHost: a", .target),
            ("GET /a#b HTTP/1.1\r\nHost: a", .target),
            ("GET http://b/ HTTP/1.1\r\nHost: a", .host),
            ("GET / HTTP/1.1\r\nX: y", .host), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a", .host),
            ("GET / HTTP/1.0\r\nHost: a\r\nhost: a", .host), ("GET / HTTP/1.1\r\nHost:", .host),
            ("GET / HTTP/1.1\r\nHost: a/b", .host), ("GET / HTTP/1.1\r\nHost: a b", .host),
            ("GET / HTTP/1.1\r\nHost: a:b", .host), ("GET / HTTP/1.1\r\nHost: [::1", .host),
            ("GET / HTTP/1.1\r\nHost: u@a", .host),
            ("GET / HTTP/1.1\r\nHost : a", .field), ("GET / HTTP/1.1\r\n: a", .field),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: y\0z", .field),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: y\u{1}", .field),
            ("GET / HTTP/1.1\r\nHost: a\r\n\0X: y", .field),
            ("GET / HTTP/1.1\r\nHost: a\r\nX", .field),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z", .foldedField),
            ("GET / HTTP/1.1\r\n Host: a", .foldedField),
            ("GET / HTTP/1.1\r\nHost: a\nX: y", .lineEnd),
            ("GET / HTTP/1.1\r\nHost: a\rX: y", .lineEnd),
            ("POST / HTTP/1.1\r\nHost: a", .lengthRequired),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5",
                .contentLength
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5", .contentLength),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5", .contentLength),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5", .contentLength),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:", .contentLength),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\t", .contentLength),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5", .field),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617",
                .contentLength
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999", .contentTooLarge),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
                .transferEncoding
            ),
            ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked", .transferEncoding),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", .transferCoding),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"", .transferCoding),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t", .transferCoding),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity", .transferCoding),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                .transferCoding
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", .unexpectedContent),
            ("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", .unexpectedContent),
            ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", .unexpectedContent),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 200-ok", .expectation),
        ])
    func refuses(_ text: String, _ expected: RequestRefusal) {
        #expect(parse(text + "\r\n\r\n") == .refused(expected))
    }

    @Test(
        "hosts and targets of every form are taken",
        arguments: [
            "GET / HTTP/1.1\r\nHost: a.example:443", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80",
            "GET / HTTP/1.1\r\nHost: 192.0.2.1", "GET / HTTP/1.0", "OPTIONS * HTTP/1.1\r\nHost: a",
            "GET http://A.example/x?y HTTP/1.1\r\nHost: a.EXAMPLE", "GET // HTTP/1.1\r\nHost: a_b",
            "GET / HTTP/1.1\r\nHost: a:",
        ])
    func takes(_ text: String) {
        guard case .parsed = parse(text + "\r\n\r\n") else {
            Issue.record("refused: \(parse(text + "\r\n\r\n"))")
            return
        }
    }

    @Test("each limit is refused by its name, in a whole head and in one without an end")
    func limits() {
        var limits = HTTPLimits()
        (limits.requestLineBytesMax, limits.headBytesMax, limits.fieldsMax) = (100, 300, 4)
        func outcome(_ text: String) -> Outcome { parse(Array(text.utf8), limits: limits) }
        let line = "GET /" + String(repeating: "a", count: 120)
        #expect(outcome(line) == .refused(.targetTooLong))
        #expect(outcome(line + " HTTP/1.1\r\nHost: a\r\n\r\n") == .refused(.targetTooLong))
        let large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 300)
        #expect(outcome(large) == .refused(.headTooLarge))
        #expect(outcome(large + "\r\n\r\n") == .refused(.headTooLarge))
        let many = "GET / HTTP/1.1\r\n" + (0..<5).map { "A\($0): b\r\n" }.joined()
        #expect(outcome(many + "\r\n") == .refused(.tooManyFields))
        // Never more than so many bytes, wherever they are cut.
        for count in 300...320 {
            #expect(outcome(String(large.prefix(count))) == .refused(.headTooLarge))
        }
    }
}

/// Where the bytes of a head are cut makes no difference, at its limits neither.
@Suite struct HeadLimitTests {
    private static let limits = {
        var limits = HTTPLimits()
        (limits.requestLineBytesMax, limits.headBytesMax) = (100, 300)
        return limits
    }()

    private func check(_ text: String, isTaken: Bool) {
        let bytes = Array(text.utf8)
        let whole = parse(bytes, limits: Self.limits)
        let wasTaken = if case .parsed = whole { true } else { false }
        #expect(wasTaken == isTaken, "\(text)")
        for cut in 0..<bytes.count {
            var outcome = parse(Array(bytes[..<cut]), limits: Self.limits)
            if outcome == .unfinished { outcome = parse(bytes, limits: Self.limits, seen: cut) }
            #expect(outcome == whole, "\(text) cut at \(cut)")
        }
    }

    @Test("a request line has its limit without its line end", arguments: ["", "\r\n"])
    func requestLine(_ before: String) {
        for count in 95...105 {
            let target = "/" + String(repeating: "a", count: count - "GET / HTTP/1.1".utf8.count)
            let rest = " HTTP/1.1\r\nHost: a\r\n\r\n"
            check("\(before)GET \(target)\(rest)", isTaken: count <= 100)
            check("\(before)GET \(target)\u{1}\(rest)", isTaken: false)
            let method = String(repeating: "G", count: count)
            check("\(before)\(method)\u{1} /\(rest)", isTaken: false)
        }
    }

    @Test("a head has its limit with its empty line")
    func head() {
        for count in 295...305 {
            let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
            let value = String(repeating: "a", count: count - start.utf8.count - 4)
            check("\(start)\(value)\r\n\r\n", isTaken: count <= 300)
        }
    }
}

/// Nothing is taken that h11 or llhttp refuse.
@Suite(
    .enabled(if: Python.has("h11", "llhttp"), "Python lacks h11 or llhttp: pip install h11 llhttp"))
struct HeadOracleTests {
    /// Reads heads in hexadecimal, a line each, and tells what each parser makes of it.
    private static let oracle = """
        import sys, h11, llhttp

        def with_h11(data):
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
            try:
                connection.receive_data(data)
                event = connection.next_event()
                return "taken" if isinstance(event, h11.Request) else "refused"
            except h11.RemoteProtocolError:
                return "refused"

        class Request(llhttp.Request):
            whole = False
            def on_headers_complete(self):
                self.whole = True

        def with_llhttp(data):
            request = Request()
            try:
                request.execute(data)
            except llhttp.Error:
                return "refused"
            return "taken" if request.whole else "refused"

        for line in sys.stdin:
            data = bytes.fromhex(line)
            print(with_h11(data), with_llhttp(data))
        """

    private static let seeds = [
        "GET /track.js?s=a%20b HTTP/1.1\r\nHost: a.example:80\r\nCookie: id=1\r\n\r\n",
        "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
        "POST /track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HEAD http://a/ HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\nX-Y:\t z \r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8000\r\nOrigin: http://b\r\n\r\n",
    ]

    /// More than `make test` has time for, on request.
    private static let heads =
        ProcessInfo.processInfo.environment["FOOTFALL_HEADS"].flatMap { Int($0) } ?? 20_000

    @Test("no mutation is taken that another strict parser refuses")
    func oracle() throws {
        let seed = SeededRandom.newSeed()
        print("heads from seed \(seed)")
        var random = SeededRandom(seed: seed)
        var taken: [[UInt8]] = []
        var refused = 0
        for _ in 0..<Self.heads {
            var head = mutated(
                Array((Self.seeds.randomElement(using: &random) ?? "").utf8), atMost: 3,
                using: &random)
            guard case .parsed(let parsed) = parse(head) else {
                refused += 1
                continue
            }
            head.removeLast(head.count - parsed.bytes)
            // The one empty line that RFC 9112, section 2.2 asks to tolerate.
            if head.starts(with: [0x0d, 0x0a]) { head.removeFirst(2) }
            taken.append(head)
        }
        print("\(taken.count) taken, \(refused) refused")
        #expect(taken.count > 2000)
        #expect(refused > 2000)
        let verdicts = try Python.run(Self.oracle, on: taken)
        #expect(verdicts.count == taken.count)
        for (head, verdict) in zip(taken, verdicts) where verdict != "taken taken" {
            Issue.record("\(verdict): \(String(decoding: head, as: UTF8.self).debugDescription)")
        }
    }
}
