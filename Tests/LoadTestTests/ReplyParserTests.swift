import Testing

@testable import LoadTest

/// Replies, whole and in pieces.
@Suite struct ReplyParserTests {
    /// What a parser found: "200 id=a" for a head with its cookie, "end", "bad".
    private func parse(_ text: String, cut: Int?, isHead: Bool) -> [String] {
        var parser = ReplyParser()
        var found: [String] = []
        var held: [UInt8] = []
        let bytes = Array(text.utf8)
        let pieces = cut.map { [Array(bytes[..<$0]), Array(bytes[$0...])] } ?? [bytes]
        for piece in pieces {
            held += piece
            var offset = 0
            held.withUnsafeBufferPointer { held in
                while true {
                    switch parser.next(in: held, at: &offset, isHead: isHead) {
                    case .head(let cookie):
                        let text = String(decoding: cookie, as: UTF8.self)
                        found.append("\(parser.status)\(text.isEmpty ? "" : " ")\(text)")
                    case .end: found.append(parser.closes ? "end, closes" : "end")
                    case .needsMore: return
                    case .malformed:
                        found.append("bad")
                        return
                    }
                }
            }
            if found.last == "bad" { break }
            held.removeFirst(offset)
        }
        if parser.endsWithConnection { found.append("open") }
        return found
    }

    private static let replies: [(String, [String])] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ["200", "end"]),
        ("HTTP/1.1 200 OK\r\ncontent-length:3\r\nX: y\r\n\r\nabc", ["200", "end"]),
        ("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 N\r\n\r\n", ["204", "end", "304", "end"]),
        (
            "HTTP/1.1 200 OK\r\nSet-Cookie: id=a; Path=/\r\nContent-Length: 0\r\n\r\n",
            ["200 id=a", "end"]
        ),
        ("HTTP/1.1 200 OK\r\nSET-COOKIE:x=1\r\nContent-Length: 0\r\n\r\n", ["200 x=1", "end"]),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n"
                + "0\r\nT: u\r\n\r\nHTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
            ["200", "end", "404", "end"]
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ["200", "end"]
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            ["200", "end, closes"]
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", ["200", "end, closes"]),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", ["200", "open"]),
    ]

    @Test("replies are found whole and cut at any place", arguments: replies)
    func found(_ text: String, _ expected: [String]) {
        #expect(parse(text, cut: nil, isHead: false) == expected)
        for cut in 1..<text.utf8.count {
            #expect(parse(text, cut: cut, isHead: false) == expected, "cut at \(cut)")
        }
    }

    @Test("a reply to HEAD has no content, whatever its length")
    func head() {
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n"
        #expect(parse(reply + reply, cut: nil, isHead: true) == ["200", "end", "200", "end"])
    }

    @Test(
        "what is no reply is not taken for one",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "SMTP ready to serve\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 10_000),
        ])
    func malformed(_ text: String) {
        #expect(parse(text, cut: nil, isHead: false).last == "bad")
    }

    @Test("a chunk whose size is no number is not taken for one")
    func badChunk() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        #expect(parse(text, cut: nil, isHead: false) == ["200", "bad"])
    }
}
