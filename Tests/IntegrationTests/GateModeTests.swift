import Foundation
import TestSupport
import Testing

/// Hits answered by the gate, and by evhttp behind it: nobody can tell which it was.
@Suite(.enabled(if: Python.has("h11"), "Python lacks h11: pip install h11"))
struct GateModeTests {
    private static let visitor = "9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c"

    private static let fields = [
        "User-Agent: Mozilla/5.0 (X11)\r\n", "Referer: https://shop.example/?a=b\r\n",
        "Accept-Language: en, de;q=0.5\r\n", "Origin: https://shop.example\r\n",
        "Cookie: id=\(visitor)\r\n", "Cookie: a=b; id=\(visitor); c\r\n", "Cookie: id=nonsense\r\n",
        "X-Empty:\r\n", "Connection: keep-alive\r\n", "DNT: 1\r\n", "Host: again\r\n",
        "X-Bytes: \u{e4}\u{20ac}\r\n", "Content-Length: 0\r\n", "Content-Length: 5\r\n",
        " folded\r\n", "Expect: 100-continue\r\n", "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
    ]
    private static let lines = [
        "GET /track.js?s=my%20search&x HTTP/1.1", "GET /track.js HTTP/1.1",
        "HEAD /track.js?s=%00%ff HTTP/1.1", "GET /track.js?a&a=1&&b=+ HTTP/1.0",
        "POST /track.js HTTP/1.1", "GET /demo/search?search=x HTTP/1.1", "GET /none HTTP/1.1",
        "GET http://a/track.js?abs HTTP/1.1", "DELETE / HTTP/1.1", "OPTIONS * HTTP/1.1",
        "GET /favicon.ico HTTP/1.1", "BREW /track.js HTTP/1.1", "GET //track.js HTTP/1.1",
    ]

    private func request(_ random: inout SeededRandom) -> String {
        let line = Self.lines.randomElement(using: &random) ?? ""
        var request = line + "\r\n"
        if Int.random(in: 0..<20, using: &random) > 0 { request += "Host: a\r\n" }
        if line.hasPrefix("POST"), Bool.random(using: &random) {
            return request + "Content-Length: 7\r\n\r\ncontent"
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            request += Self.fields.randomElement(using: &random) ?? ""
        }
        return request + "\r\n"
    }

    /// What a client sends on one connection: some requests at once, in half of the cases with
    /// something wrong.
    private func stream(_ random: inout SeededRandom) -> [UInt8] {
        let requests = (0..<Int.random(in: 1...4, using: &random)).map { _ in request(&random) }
        let bytes = Array(requests.joined().utf8)
        return Bool.random(using: &random) ? bytes : mutated(bytes, atMost: 3, using: &random)
    }

    /// Reads streams of replies with h11, each to its end, and prints them without what differs
    /// from one time to the next, a stream a line. Which of the replies are to HEAD is what makes
    /// them whole.
    private static let reader = """
        import itertools, re, sys, h11

        def field(name, value):
            if name == b"set-cookie" and not value.startswith(b"id=\(visitor)"):
                value = re.sub(rb"^id=[0-9a-f-]{36}", b"id=new", value)
            return (name.decode(), value.decode("latin-1"))

        def replies(data, methods):
            if not data:
                return
            client = h11.Connection(h11.CLIENT)
            client.receive_data(data)
            client.receive_data(b"")
            for method in methods:
                client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
                client.send(h11.EndOfMessage())
                event = None
                while not isinstance(event, h11.EndOfMessage):
                    # The content that the client was told to go on with never came.
                    if isinstance(event, h11.InformationalResponse) and not client.trailing_data[0]:
                        return
                    event = client.next_event()
                    if isinstance(event, h11.Data):
                        yield re.sub(rb"demo-[0-9a-f]{20}", b"demo-new", bytes(event.data))
                    elif not isinstance(event, h11.EndOfMessage):
                        fields = sorted(field(*pair) for pair in event.headers)
                        yield event.status_code, [pair for pair in fields if pair[0] != "date"]
                if not client.trailing_data[0]:
                    return
                client.start_next_cycle()
            raise ValueError("more replies than requests")

        def whole(data):
            for methods in itertools.product(["GET", "HEAD"], repeat=5):
                try:
                    return methods, list(replies(data, methods))
                except (h11.RemoteProtocolError, h11.LocalProtocolError) as error:
                    failure = error
            raise failure

        for line in sys.stdin:
            print(whole(bytes.fromhex(line)))
        """

    /// An event without what differs from one to the next.
    private func text(_ event: StoredEvent) throws -> String {
        var object =
            try JSONSerialization.jsonObject(with: Data(event.line.utf8)) as? [String: Any] ?? [:]
        for key in ["id", "time", "sum", "synced"] { object[key] = nil }
        if object["new_visitor"] as? Bool == true { object["visitor"] = "new" }
        let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }

    @Test("the same requests, whole or broken, get the same replies and leave the same events")
    func differential() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let streams = (0..<1000).map { _ in stream(&random) }
        var outcomes: [(replies: [String], events: [String])] = []
        for mode in ["gate", "evhttp"] {
            let directory = TemporaryDirectory()
            let server = try FootfallServer(
                data: directory.file("data"), ["--http", mode, "--loops", "1"])
            let replies = try streams.map { stream in
                let connection = try server.connect()
                connection.send(stream)
                // Some announce content that never comes.
                connection.finishSending()
                return connection.receiveAll()
            }
            #expect(server.stop().status == 0)
            let events = try StoredEvent.all(in: directory.file("data"))
            outcomes.append(
                (try Python.run(Self.reader, on: replies), try events.map { try text($0) }))
        }
        try #require(outcomes.allSatisfy { $0.replies.count == streams.count })
        for index in streams.indices {
            #expect(
                outcomes[0].replies[index] == outcomes[1].replies[index],
                "\(String(decoding: streams[index], as: UTF8.self).debugDescription), seed \(seed)")
        }
        #expect(outcomes[0].events == outcomes[1].events, "seed \(seed)")
        #expect(outcomes[0].events.count > 200)
        #expect(Set(outcomes[0].replies).count > 100)
    }
}
