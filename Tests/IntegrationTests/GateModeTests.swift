import Foundation
import TestSupport
import Testing

/// Hits answered by the gate, and by evhttp behind it: nobody can tell which it was.
@Suite struct GateModeTests {
    private static let visitor = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"

    private static let pieces = [
        "User-Agent: Mozilla/5.0 (X11)\r\n", "Referer: https://shop.example/?a=b\r\n",
        "Accept-Language: en, de;q=0.5\r\n", "Origin: https://shop.example\r\n",
        "Cookie: id=\(visitor)\r\n", "Cookie: a=b; id=\(visitor); c\r\n", "Cookie: id=nonsense\r\n",
        "X-Empty:\r\n", "Connection: keep-alive\r\n", "DNT: 1\r\n", "Host: again\r\n",
        "X-Bytes: \u{e4}\u{20ac}\r\n", "Content-Length: 0\r\n", "Content-Length: 5\r\n",
        " folded\r\n", "Expect: 100-continue\r\n", "Transfer-Encoding: chunked\r\n",
    ]
    private static let lines = [
        "GET /track.js?s=my%20search&x HTTP/1.1", "GET /track.js HTTP/1.1",
        "HEAD /track.js?s=%00%ff HTTP/1.1", "GET /track.js?a&a=1&&b=+ HTTP/1.0",
        "POST /track.js HTTP/1.1", "GET /demo/search?search=x HTTP/1.1", "GET /none HTTP/1.1",
        "GET http://a/track.js?abs HTTP/1.1", "DELETE / HTTP/1.1", "OPTIONS * HTTP/1.1",
        "GET /favicon.ico HTTP/1.1", "BREW /track.js HTTP/1.1", "GET //track.js HTTP/1.1",
    ]

    /// A reply without what differs from one to the next.
    private func text(_ reply: HTTPConnection.Reply?) -> String {
        guard let reply else { return "nothing" }
        let fields = reply.fields.filter { $0.name != "date" }.map { field in
            let isNew = field.name == "set-cookie" && !field.value.contains(Self.visitor)
            return isNew ? "set-cookie: new" : "\(field.name): \(field.value)"
        }
        return "\(reply.status)\n" + fields.sorted().joined(separator: "\n") + "\n\n" + reply.text
    }

    /// An event without what differs from one to the next.
    private func text(_ event: StoredEvent) throws -> String {
        var object =
            try JSONSerialization.jsonObject(with: Data(event.line.utf8)) as? [String: Any] ?? [:]
        for key in ["id", "time", "sum", "synced"] { object[key] = nil }
        if object["new_visitor"] as? Bool == true { object["visitor"] = "new" }
        let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }

    @Test("the same requests get the same replies and leave the same events")
    func differential() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let requests = (0..<400).map { _ in
            var request = (Self.lines.randomElement(using: &random) ?? "") + "\r\n"
            if Int.random(in: 0..<20, using: &random) > 0 { request += "Host: a\r\n" }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                request += Self.pieces.randomElement(using: &random) ?? ""
            }
            return request + "\r\n"
        }
        var outcomes: [(replies: [String], events: [String])] = []
        for mode in ["gate", "evhttp"] {
            let directory = TemporaryDirectory()
            let server = try FootfallServer(
                data: directory.file("data"), ["--http", mode, "--loops", "1"])
            let replies = try requests.map { request in
                let connection = try server.connect()
                connection.send(request)
                // Some announce content that never comes.
                connection.finishSending()
                return text(connection.receive(isHead: request.hasPrefix("HEAD")))
            }
            #expect(server.stop().status == 0)
            let events = try StoredEvent.all(in: directory.file("data"))
            outcomes.append((replies, try events.map { try text($0) }))
        }
        for index in requests.indices {
            #expect(
                outcomes[0].replies[index] == outcomes[1].replies[index],
                "\(requests[index].debugDescription), seed \(seed)")
        }
        #expect(outcomes[0].events == outcomes[1].events, "seed \(seed)")
        #expect(outcomes[0].events.count > 30)
    }
}
