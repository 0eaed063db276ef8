import TestSupport
import Testing

/// Hits of programs and of pages that nobody has seen yet: stored, and marked.
@Suite struct MarkedBotTests {
    private static let browser =
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        + "Chrome/156.0.0.0 Safari/537.36"

    @Test(
        "programs and pages loaded ahead are marked with the reason", arguments: ["gate", "evhttp"])
    func marked(_ mode: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--http", mode, "--loops", "1"])
        let cases: [([String], String?)] = [
            ([Self.browser], nil), (["User-Agent: curl/7.88.1"], "curl"), ([], nil),
            ([Self.browser, "Sec-Purpose: prefetch"], "prefetch"),
            ([Self.browser, "Sec-Purpose: prefetch;prerender"], "prerender"),
            ([Self.browser, "purpose: Prefetch"], "prefetch"),
            ([Self.browser, "X-Moz: prefetch"], "prefetch"),
            ([Self.browser, "X-Purpose: preview"], "preview"),
            ([Self.browser, "Sec-Purpose: else"], nil),
            (["User-Agent: Googlebot/2.1", "Sec-Purpose: prefetch"], "Googlebot"),
            // The verdict is about the whole user agent, of which the event has less.
            (["User-Agent: Googlebot/2.1", "Sec-GPC: 1"], "Googlebot"),
        ]
        for (fields, _) in cases {
            #expect(try server.request("/track.js", fields)?.status == 200)
        }
        let connection = try server.connect()
        let lines = ["POST /track HTTP/1.1", "Host: a", "User-Agent: curl/8", "Content-Length: 4"]
        connection.send(lines.joined(separator: "\r\n") + "\r\n\r\n[{}]")
        #expect(connection.receive()?.status == 200)
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map { $0["bot"] } == cases.map(\.1) + ["curl"])
        #expect(events[10]["user_agent"] == "Other")
    }
}
