import Foundation
import TestSupport
import Testing

/// What the dashboard is told, held against the log.
@Suite struct LiveStreamTests {
    /// Somebody who watches.
    private final class Watcher {
        private let connection: HTTPConnection

        init(_ server: FootfallServer) throws {
            connection = try HTTPConnection(port: server.adminPort)
            connection.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }

        /// The next event; nil if the stream ends first.
        func next() throws -> (name: String, data: [String: Any])? {
            while true {
                let text = connection.receiveText(through: "\n\n")
                guard text.hasSuffix("\n\n") else { return nil }
                guard let name = text.range(of: "event: "), let data = text.range(of: "\ndata: ")
                else { continue }
                let parsed = try JSONSerialization.jsonObject(
                    with: Data(text[data.upperBound...].utf8))
                return (
                    String(text[name.upperBound..<data.lowerBound]),
                    try #require(parsed as? [String: Any])
                )
            }
        }

        /// The next event that knows of `count` events of the log.
        func next(knowing count: Int) throws -> [String: Any] {
            for _ in 0..<60 {
                guard let (name, data) = try next() else { break }
                if name != "progress", data["total_events"] as? Int == count { return data }
            }
            Issue.record("nothing knows of \(count) events")
            return [:]
        }

        func rest() -> String { String(decoding: connection.receiveAll(), as: UTF8.self) }
    }

    private func hit(_ server: FootfallServer, _ index: Int) throws {
        let agents = ["curl/8", "Mozilla/5.0 Firefox/140.0", "Mozilla/5.0 Chrome/140 Safari/537"]
        var fields = ["User-Agent: \(agents[index % 3])", "Accept-Language: en"]
        // Some of them come again.
        if index % 4 != 0 {
            fields.append("Cookie: id=6f9619ff-8b86-4d01-b42d-00cf4fc964\(10 + index % 7)")
        }
        if index % 5 == 0 { fields.append("Sec-GPC: 1") }
        let query =
            "s=search\(index % 13)&u=https://shop.example/%22\(index % 3)"
            + (index % 2 == 0 ? "&ref=https://from.example/" : "")
        #expect(try server.request("/track.js?\(query)", fields)?.status == 200)
    }

    private static func events(in data: String) throws -> [[String: Any]] {
        try StoredEvent.all(in: data).map { event in
            let parsed = try JSONSerialization.jsonObject(with: Data(event.line.utf8))
            return try #require(parsed as? [String: Any])
        }
    }

    private func expect(_ told: [String: Any], toBe events: [[String: Any]]) throws {
        let hour = try #require(told["hour"] as? [String: Double])
        func count(_ isWanted: ([String: Any]) -> Bool) -> Double {
            Double(events.filter(isWanted).count)
        }
        #expect(hour["hits"] == Double(events.count))
        let visitors = Set(events.compactMap { $0["visitor"] as? String })
        #expect(hour["visitors"] == Double(visitors.count) && hour["visitors_error"] == 0)
        #expect(hour["new"] == count { $0["new_visitor"] as? Bool == true })
        #expect(hour["gpc"] == count { $0["privacy"] as? String == "gpc" })
        #expect(hour["bots"] == count { $0["bot"] != nil })
        let top = try #require(told["top"] as? [String: [[Any]]])
        for (name, key) in [("search", "s"), ("page", "u"), ("referrer", "ref")] {
            let values = events.compactMap { ($0["params"] as? [String: String])?[key] }
            let counts = values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            let rows = try #require(top[name])
            #expect(rows.count == min(10, counts.count))
            for row in rows {
                #expect(counts[row[0] as? String ?? ""] == row[1] as? Int, "\(name)")
            }
        }
    }

    @Test func `after a known load and after a restart the figures are those of the log`() throws {
        let directory = TemporaryDirectory()
        let data = directory.file("data")
        var server = try FootfallServer(data: data)
        for index in 0..<70 { try hit(server, index) }
        // Nobody has watched until now.
        var watcher = try Watcher(server)
        let first = try #require(try watcher.next())
        #expect(first.name == "start" || first.name == "progress")
        // What was there before, and what comes while somebody watches.
        for index in 70..<90 { try hit(server, index) }
        let told = try watcher.next(knowing: 90)
        try expect(told, toBe: Self.events(in: data))
        let newest = try #require(told["newest"] as? [[String: Any]])
        #expect(newest.last?["seq"] as? Int == 90)
        #expect(newest.last?["search"] as? String == "search\(89 % 13)")
        #expect(told["ready"] as? Bool == true)
        #expect(told["connections"] is Int && told["disk_free_bytes"] is Int)
        #expect(told["refused"] as? Int == 0 && told["sinks"] is [Any])
        // Somebody else is told the same.
        try expect(try Watcher(server).next(knowing: 90), toBe: Self.events(in: data))
        #expect(server.stop().status == 0)

        server = try FootfallServer(data: data)
        for index in 90..<100 { try hit(server, index) }
        watcher = try Watcher(server)
        let again = try watcher.next(knowing: 100)
        try expect(again, toBe: Self.events(in: data))
        let minutes = try #require(again["minutes"] as? [String: Any])
        #expect((minutes["hits"] as? [Int])?.reduce(0, +) == 100)
        #expect(server.stop().status == 0)
    }

    @Test func `each second follows on the one before it, whoever comes and goes`() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.file("data"))
        let watcher = try Watcher(server)
        var second: Int?
        for index in 0..<8 {
            if index == 3 { _ = try Watcher(server).next() }
            let (name, told) = try #require(try watcher.next())
            let now = told["now"] as? Int
            if name == "tick", let second { #expect(now == second + 1) }
            #expect((told["recent"] as? [Int])?.count == 5)
            second = now ?? second
        }
    }

    @Test func `a shutdown ends all streams and waits for none`() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.file("data"))
        let watchers = try (0..<5).map { _ in try Watcher(server) }
        for watcher in watchers { _ = try watcher.next() }
        let begin = Date()
        #expect(server.stop().status == 0)
        // Far below the limit of a shutdown.
        #expect(Date().timeIntervalSince(begin) < 20)
        for watcher in watchers { #expect(watcher.rest().hasSuffix("0\r\n\r\n")) }
    }

    @Test func `only so many may watch, and others can when they have gone`() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.file("data"))
        var watchers = try (0..<32).map { _ in try Watcher(server) }
        for watcher in watchers { _ = try watcher.next() }
        let admin = try HTTPConnection(port: server.adminPort)
        #expect(admin.request("/live")?.status == 503)
        watchers.removeLast()
        var isIn = false
        for _ in 0..<300 where !isIn {
            usleep(20_000)
            isIn = try Watcher(server).next() != nil
        }
        #expect(isIn)
        #expect(admin.request("/live", method: "HEAD")?["content-type"] == "text/event-stream")
        #expect(admin.request("/live", method: "POST", ["Content-Length: 0"])?.status == 405)
        #expect(server.stop().status == 0)
    }

    @Test func `without a dashboard there is none`() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"), ["--no-dashboard"])
        let admin = try HTTPConnection(port: server.adminPort)
        #expect(admin.request("/live")?.status == 404)
        #expect(admin.request("/")?.status == 404)
        #expect(server.stop().status == 0)
    }

    @Test func `a demo page sees its own hit as the log has it, and no other`() throws {
        let directory = TemporaryDirectory()
        let data = directory.file("data")
        let server = try FootfallServer(data: data, ["--segment-bytes-max", "4KiB"])
        let identifiers = (0..<30).map { "demo-0123456789abcdefgh\(10 + $0)" }
        for identifier in identifiers {
            _ = try server.request("/track.js?s=a%22b&e=\(identifier)")
        }
        // No page of the demo has made this one.
        _ = try server.request("/track.js?e=0123456789abcdefghijklmno")
        let connection = try server.connect()
        // As the page does it: a segment that is just being given its name is found at the next look.
        let replies = identifiers.map { identifier in
            var reply = connection.request("/demo/hit?e=\(identifier)")
            for _ in 0..<25 where reply?.status == 404 {
                usleep(200_000)
                reply = connection.request("/demo/hit?e=\(identifier)")
            }
            return reply
        }
        #expect(connection.request("/demo/hit?e=demo-0123456789abcdefghij")?.status == 404)
        for wrong in [
            "", "?e=", "?e=demo-", "?e=0123456789abcdefghijklmno", "?e=demo-0123456789abcdefghijk",
            "?e=demo-0123456789abcdefgh%22i",
        ] {
            #expect(connection.request("/demo/hit\(wrong)")?.status == 400, "\(wrong)")
        }
        #expect(server.stop().status == 0)
        let lines = try StoredEvent.all(in: data).map(\.line)
        #expect(replies.map { $0?.text } == lines.dropLast().map { $0 + "\n" })
        for reply in replies {
            #expect(reply?["content-type"] == "application/json")
            #expect(reply?["cache-control"] == "no-store")
        }
        let bare = try FootfallServer(data: directory.file("other"), ["--no-demo"])
        #expect(try bare.request("/demo/hit?e=demo-0123456789abcdefghij")?.status == 404)
    }
}
