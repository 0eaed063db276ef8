import Foundation
import TestSupport
import Testing

/// `Deploy/grafana.json` and `Deploy/alerts.yaml`, asked of a real Prometheus that scrapes a collector.
@Suite struct MonitoringTests {
    /// A query with where it comes from.
    private struct Query {
        let place: String
        let text: String
    }

    private static func text(_ path: String) throws -> String {
        try String(
            contentsOf: FootfallBinary.packageDirectory.appending(path: path), encoding: .utf8)
    }

    private static func queries() throws -> [Query] {
        let parsed = try JSONSerialization.jsonObject(
            with: Data(text("Deploy/grafana.json").utf8))
        let dashboard = try #require(parsed as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        var queries: [Query] = []
        for panel in panels {
            for target in panel["targets"] as? [[String: Any]] ?? [] {
                queries.append(
                    Query(
                        place: panel["title"] as? String ?? "",
                        text: try #require(target["expr"] as? String)
                            .replacing("$instance", with: ".+")
                            .replacing("$__rate_interval", with: "10s")))
            }
        }
        for line in try text("Deploy/alerts.yaml").split(separator: "\n") {
            guard let range = line.range(of: " expr: ") else { continue }
            queries.append(Query(place: "alert", text: String(line[range.upperBound...])))
        }
        return queries
    }

    private static func names(in query: Query) -> [String] {
        query.text.matches(of: /(footfall|process)_[a-z_]+/).map { String($0.output.0) }
    }

    /// A collector that has served something of everything.
    private func server(_ directory: TemporaryDirectory) throws -> FootfallServer {
        let server = try FootfallServer(
            data: directory.file("data"), ["--forward", "stdout", "--gpc-policy", "drop"])
        #expect(try server.request("/track.js?s=a")?.status == 200)
        #expect(try server.request("/track.js", ["Sec-GPC: 1"])?.status == 200)
        return server
    }

    @Test("every metric in a query is one that the collector has")
    func names() throws {
        let directory = TemporaryDirectory()
        let server = try server(directory)
        let exported = try Scrape(server).names
        let queries = try Self.queries()
        #expect(queries.count > 40)
        for query in queries {
            let names = Self.names(in: query)
            #expect(!names.isEmpty || query.text.hasPrefix("up{"), "\(query.place): \(query.text)")
            for name in names { #expect(exported.contains(name), "\(query.place): \(name)") }
        }
        // What is exported is also shown, but for what is the same in every process.
        let shown = Set(queries.flatMap { Self.names(in: $0) })
        let families = exported.filter { $0.hasPrefix("footfall_") }.map {
            $0.replacing(/_(bucket|sum|count)$/, with: "")
        }
        let unshown = Set(families).filter { family in !shown.contains { $0.hasPrefix(family) } }
        #expect(
            unshown.sorted()
                == [
                    "footfall_connections_total", "footfall_log_segments", "footfall_log_sequence",
                    "footfall_log_synced_sequence", "footfall_sink_checkpoint",
                    "footfall_sink_lag_bytes",
                    "footfall_sink_failing", "footfall_sink_required",
                ].sorted())
    }

    @Test("the README's table has every metric")
    func readme() throws {
        let directory = TemporaryDirectory()
        let server = try server(directory)
        let readme = try Self.text("README.md")
        for name in try Scrape(server).names where name.hasPrefix("footfall_") {
            let family = name.replacing(/_(bucket|sum|count)$/, with: "")
            #expect(readme.contains("`\(family)`"), "the README's table of metrics needs \(family)")
        }
    }

    @Test(
        "a real Prometheus answers every query, and no alert fires when all is well",
        .enabled(if: isInstalled("prometheus"), "prometheus is not installed"))
    func prometheus() async throws {
        let directory = TemporaryDirectory()
        let server = try server(directory)
        let alerts = FootfallBinary.packageDirectory.appending(path: "Deploy/alerts.yaml").path
        try directory.write(
            Array(
                """
                global: { scrape_interval: 1s, evaluation_interval: 1s }
                rule_files: [\(alerts)]
                scrape_configs:
                  - job_name: footfall
                    static_configs: [{ targets: ["127.0.0.1:\(server.adminPort)"] }]

                """.utf8), to: "prometheus.yml")
        let port = try freePort()
        let prometheus = try ChildProcess([
            "prometheus", "--config.file=\(directory.file("prometheus.yml"))",
            "--storage.tsdb.path=\(directory.file("tsdb"))",
            "--web.listen-address=127.0.0.1:\(port)",
        ])
        defer {
            prometheus.signal(SIGTERM)
            _ = prometheus.waitForEnd(seconds: 20)
        }
        try waitUntilListening(port, prometheus)
        func result(of query: String) throws -> [Any]? {
            let reply = try ChildProcess.run([
                "curl", "-sS", "--data-urlencode", "query=\(query)",
                "http://127.0.0.1:\(port)/api/v1/query",
            ])
            let parsed = try? JSONSerialization.jsonObject(with: Data(reply.output.utf8))
            let object = parsed as? [String: Any]
            #expect(object?["status"] as? String == "success", "\(query): \(reply.output)")
            return (object?["data"] as? [String: Any])?["result"] as? [Any]
        }
        var scrapes = 0
        for _ in 0..<100 where scrapes < 4 {
            #expect(try server.request("/track.js?s=b")?.status == 200)
            let samples = try result(of: "count_over_time(up[1m])")?.first as? [String: Any]
            scrapes = Int((samples?["value"] as? [Any])?.last as? String ?? "") ?? 0
            usleep(200_000)
        }
        #expect(scrapes >= 4)
        for query in try Self.queries() {
            let result = try result(of: query.text)
            // Without anything refused there is no such line.
            let mayBeEmpty = query.place == "alert" || query.place == "Refusals by reason"
            #expect(mayBeEmpty || result?.isEmpty == false, "\(query.place): \(query.text)")
        }
        #expect(try result(of: "ALERTS{alertstate=\"firing\"}")?.isEmpty == true)
        let rules = try ChildProcess.run([
            "curl", "-sS", "http://127.0.0.1:\(port)/api/v1/rules",
        ])
        #expect(rules.output.components(separatedBy: #""health":"ok""#).count == 11)
    }
}
