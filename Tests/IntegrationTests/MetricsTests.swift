import Foundation
import TestSupport
import Testing

/// `/metrics`: what is counted, and how Prometheus likes it.
@Suite struct MetricsTests {
    /// The admin side of a server.
    private func admin(_ server: FootfallServer) throws -> HTTPConnection {
        try HTTPConnection(port: server.adminPort)
    }

    @Test(
        "after a known load every number is exactly right, summed over the loops",
        arguments: [
            ["--durability", "commit"], ["--durability", "interval"], ["--http", "evhttp"],
        ])
    func knownLoad(_ arguments: [String]) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            [
                "--loops", "3", "--gpc-policy", "drop", "--event-bytes-max", "1KiB",
                "--click-hosts", "shop.example",
            ] + arguments)
        let connections = try (0..<48).map { _ in try server.connect() }
        func send(_ times: Int, _ status: Int, _ request: String) {
            for number in 0..<times {
                let connection = connections[number % connections.count]
                connection.send(request)
                #expect(connection.receive()?.status == status)
            }
        }
        func get(_ target: String, _ fields: String = "") -> String {
            "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
        }
        func post(_ target: String, _ content: String) -> String {
            "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.utf8.count)\r\n\r\n"
                + content
        }
        let long = String(repeating: "x", count: 1500)
        send(200, 200, get("/track.js?s=a"))
        send(70, 200, get("/track.gif", "Origin: https://a.example\r\n"))
        send(11, 200, get("/track.js", "Sec-GPC: 1\r\n"))
        send(3, 204, post("/track", #"{"a":1}"#))
        // Two are stored, one is no object, one too long.
        send(5, 200, post("/track", #"[{"a":1},7,{"a":"\#(long)"},{"b":2}]"#))
        send(2, 400, post("/track", "{"))
        send(
            1, 204, post("/track", #"{"a":1}"#).replacing("Host: a", with: "Host: a\r\nSec-GPC: 1"))
        send(4, 413, get("/track.js?\(long)"))
        send(6, 302, get("/click?u=https://shop.example/x"))
        send(2, 403, get("/click?u=https://evil.example/x"))
        send(3, 200, get("/"))
        send(9, 404, get("/nope"))
        send(2, 405, "PUT /track.gif HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        for _ in 0..<7 {
            let connection = try server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            #expect(connection.receive()?.status == 400)
        }

        let scrape = try Scrape(server)
        func requests(_ route: String, _ status: Int) -> Double? {
            scrape["footfall_requests_total", #"route="\#(route)",status="\#(status)""#]
        }
        #expect(requests("script", 200) == 211)
        #expect(requests("script", 413) == 4)
        #expect(requests("image", 200) == 70)
        #expect(requests("image", 405) == 2)
        #expect(requests("beacon", 204) == 4)
        #expect(requests("beacon", 200) == 5)
        #expect(requests("beacon", 400) == 2)
        #expect(requests("click", 302) == 6)
        #expect(requests("click", 403) == 2)
        #expect(requests("demo", 200) == 3)
        #expect(requests("none", 404) == 9)
        #expect(scrape.sum("footfall_requests_total") == 318)
        let events = 200.0 + 70 + 3 + 10 + 6
        #expect(scrape["footfall_events_accepted_total"] == events)
        #expect(scrape["footfall_log_sequence"] == events)
        #expect(scrape["footfall_append_events_sum"] == events)
        func rejected(_ reason: String) -> Double? {
            scrape["footfall_events_rejected_total", #"reason="\#(reason)""#]
        }
        #expect(rejected("too_large") == 9)
        #expect(rejected("invalid") == 7)
        #expect(scrape.sum("footfall_events_rejected_total") == 16)
        #expect(scrape["footfall_requests_dropped_total", #"signal="gpc""#] == 12)
        #expect(scrape.sum("footfall_requests_dropped_total") == 12)
        #expect(
            scrape["footfall_refused_requests_total", #"reason="host",status="400""#] == 7)
        #expect(scrape.sum("footfall_refused_requests_total") == 7)
        #expect(scrape["footfall_connections_total"] == 55)
        #expect(scrape.sum("footfall_loop_up") == 3)
        // One for each request that was stored.
        #expect(scrape["footfall_commit_latency_seconds_count"] == 284)
        #expect(
            scrape["footfall_commit_latency_seconds_bucket", #"le="+Inf""#]
                == scrape["footfall_commit_latency_seconds_count"])
        let durable = try #require(scrape["footfall_events_durable_total"])
        #expect(scrape["footfall_sync_events_sum"] == durable)
        if !arguments.contains("interval") { #expect(durable == events) }
        #expect(scrape["footfall_ready"] == 1)
        #expect(server.stop().status == 0)
        #expect(try StoredEvent.all(in: directory.path).count == Int(events))
    }

    @Test(
        "connections that are closed are no longer open, and what came before a start is not counted"
    )
    func restart() throws {
        let directory = TemporaryDirectory()
        let first = try FootfallServer(data: directory.path)
        for _ in 0..<3 { #expect(try first.request("/track.js")?.status == 200) }
        #expect(first.stop().status == 0)
        let server = try FootfallServer(data: directory.path)
        var open: Double? = -1
        do {
            let connection = try server.connect()
            #expect(connection.request("/track.js")?.status == 200)
            let scrape = try Scrape(server)
            #expect(scrape["footfall_connections"] == 1)
            #expect(scrape["footfall_log_sequence"] == 4)
            #expect(scrape["footfall_log_synced_sequence"] == 4)
            #expect(scrape["footfall_events_durable_total"] == 1)
            #expect(scrape["footfall_log_segments", #"state="open""#] == 1)
            #expect(scrape["footfall_log_segments", #"state="sealed""#] == 1)
        }
        // The server has yet to notice.
        for _ in 0..<1000 where open != 0 {
            open = try Scrape(server)["footfall_connections"]
            usleep(10_000)
        }
        #expect(open == 0)
    }

    @Test(
        "promtool finds nothing to say of the metrics",
        .enabled(if: isInstalled("promtool"), "promtool is not installed"))
    func promtool() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"), ["--forward", "stdout", "--required-sinks", "stdout"])
        #expect(try server.request("/track.js")?.status == 200)
        let reply = try #require(try admin(server).request("/metrics"))
        #expect(reply["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let head = try admin(server).request("/metrics", method: "HEAD")
        #expect(head?.status == 200)
        #expect(head?["content-type"] == reply["content-type"])
        try directory.write(reply.body, to: "metrics")
        let path = directory.file("metrics")
        let check = try ChildProcess.run(
            ["bash", "-c", "promtool check metrics < \(path)"])
        #expect(check.status == 0)
        #expect(check.output + check.errors == "")
        // promtool takes one without for untyped.
        let lines = reply.text.split(separator: "\n")
        func described(_ word: String) -> Set<Substring> {
            Set(lines.filter { $0.hasPrefix("# \(word) ") }.map { $0.split(separator: " ")[2] })
        }
        #expect(described("HELP") == described("TYPE"))
        for name in Scrape(reply.text).names {
            let family = name.replacing(/_(bucket|sum|count)$/, with: "")
            #expect(described("TYPE").contains(Substring(family)), "\(name)")
        }
        let build = Scrape(reply.text).samples.first { $0.name == "footfall_build_info" }
        #expect(build?.labels.contains(#"libevent="2."#) == true)
    }

    @Test("no label has a value that a client has chosen")
    func labels() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--loops", "1"])
        func series() throws -> Set<String> {
            Set(
                try Scrape(server).samples.filter { $0.name != "footfall_requests_total" }
                    .map { "\($0.name){\($0.labels)}" })
        }
        let before = try series()
        for number in 0..<50 {
            let connection = try server.connect()
            connection.send(
                "X\(number) /evil\(number)\"%0a HTTP/1.1\r\nHost: evil\(number)\r\n"
                    + "User-Agent: evil\(number)\r\nReferer: evil\(number)\r\n\r\n")
            _ = connection.receive()
            _ = try server.request("/evil\(number)?evil\(number)", ["Host: evil"])
            _ = try server.request("/track.js?evil\(number)", ["Sec-GPC: evil\(number)"])
        }
        #expect(try series() == before)
        let scrape = try Scrape(server)
        #expect(!scrape.text.contains("evil"))
        // Some routes and statuses, however many paths and methods there are.
        #expect(scrape.samples.count { $0.name == "footfall_requests_total" } < 12)
    }

    @Test(
        "hits that the disk has no room for are counted by that reason, and a click that goes on too"
    )
    func full() throws {
        let directory = TemporaryDirectory()
        // More than any disk of a test has.
        let server = try FootfallServer(
            data: directory.path, ["--low-water-bytes", "1TiB", "--click-hosts", "shop.example"])
        for _ in 0..<4 { #expect(try server.request("/track.js")?.status == 503) }
        let click = try server.request("/click?u=https://shop.example/")
        #expect(click?.status == 302)
        let scrape = try Scrape(server)
        #expect(scrape["footfall_events_rejected_total", #"reason="disk_full""#] == 5)
        #expect(scrape["footfall_requests_total", #"route="script",status="503""#] == 4)
        #expect(scrape["footfall_requests_total", #"route="click",status="302""#] == 1)
        #expect(scrape["footfall_unstored_clicks_total"] == 1)
        #expect(scrape["footfall_events_accepted_total"] == 0)
        #expect(scrape["footfall_log_refusing"] == 1)
        #expect(scrape["footfall_ready"] == 0)
    }

    @Test(
        "a loop that hangs is said to be down, with its last numbers, and holds up nobody for long",
        .enabled(if: canTrace, "strace cannot trace a process here"))
    func hangingLoop() throws {
        let directory = TemporaryDirectory()
        let data = directory.file("data")
        // The second write to the segment takes so long.
        let server = try FootfallServer(
            data: data, ["--loops", "1", "--handler-timeout", "60s"],
            wrapper: [
                "strace", "-D", "-f", "-o", "/dev/null", "-P",
                "\(data)/events/00000000000000000001.ndjson.open", "-e",
                "inject=write:delay_enter=8000000:when=2",
            ])
        let connection = try server.connect()
        #expect(connection.request("/track.js")?.status == 200)
        #expect(try Scrape(server)["footfall_loop_up", #"loop="0""#] == 1)
        connection.send("GET /track.js HTTP/1.1\r\nHost: a\r\n\r\n")
        var scrape = try Scrape(server)
        for _ in 0..<10 where scrape["footfall_loop_up", #"loop="0""#] == 1 {
            scrape = try Scrape(server)
            usleep(100_000)
        }
        #expect(scrape["footfall_loop_up", #"loop="0""#] == 0)
        #expect(scrape["footfall_events_accepted_total"] == 1)
        #expect(connection.receive()?.status == 200)
        let later = try Scrape(server)
        #expect(later["footfall_loop_up", #"loop="0""#] == 1)
        #expect(later["footfall_events_accepted_total"] == 2)
        server.stop()
    }
}
