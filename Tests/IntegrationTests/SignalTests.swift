import Foundation
import TestSupport
import Testing

/// What the collector does on signals, while hits come in.
@Suite struct SignalTests {
    private let directory = TemporaryDirectory()
    private var data: String { directory.file("data") }
    private var file: String { directory.file("footfall.yaml") }

    private func write(_ settings: String) throws {
        try directory.write(Array(settings.utf8), to: "footfall.yaml")
    }

    private func serve(_ settings: String) throws -> FootfallServer {
        try write(settings)
        return try FootfallServer(data: data, ["--config", file])
    }

    /// Waits until the server has said `text` that often.
    private func wait(for text: String, count: Int = 1, _ server: FootfallServer) -> Bool {
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline {
            if server.process.errors.components(separatedBy: text).count > count { return true }
            usleep(5000)
        }
        return false
    }

    private func load(_ port: UInt16, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(
            [
                BenchBinary.path, "http://127.0.0.1:\(port)/track.js", "-q", "-o", "json",
                "--reconcile", data,
            ] + arguments)
    }

    private struct Load: Decodable {
        let sent: Int
        let acknowledged: Int
        let lost: Int
        let errors: [String: Int]
    }

    private func result(of load: ChildProcess) throws -> Load {
        let end = load.waitForEnd()
        return try JSONDecoder().decode(Load.self, from: Data(end.output.utf8))
    }

    // MARK: - SIGHUP

    @Test("what changes in the file is in force after a reload, on connections that are open too")
    func reload() throws {
        let server = try serve("cookie_names: [one]\nno_demo: true\nbody_bytes_max: 2KiB\n")
        let connection = try server.connect()
        #expect(connection.request("/track.js")?["set-cookie"]?.hasPrefix("one=") == true)
        #expect(connection.request("/")?.status == 404)
        try write(
            "cookie_names: [two]\nscript_paths: [/s.js]\ngpc_policy: drop\nhead_bytes_max: 32KiB\n")
        server.process.signal(SIGHUP)
        #expect(
            wait(
                for: "reloaded; changed: head_bytes_max, body_bytes_max, no_demo, cookie_names, "
                    + "gpc_policy, script_paths", server))
        #expect(connection.request("/s.js")?["set-cookie"]?.hasPrefix("two=") == true)
        #expect(connection.request("/track.js")?.status == 404)
        #expect(connection.request("/")?.status == 200)
        #expect(connection.request("/s.js", ["Sec-GPC: 1"])?.status == 200)
        let long = "X-Long: " + String(repeating: "x", count: 20_000)
        #expect(connection.request("/s.js", [long])?.status == 200)
        server.stop()
        #expect(try StoredEvents.paths(data) == ["/track.js", "/s.js", "/s.js"])
    }

    @Test("the class of durability can change both ways under load, and nothing is lost or refused")
    func reloadUnderLoad() throws {
        let server = try serve("durability: commit\n")
        let load = try load(server.port, "-n", "40k", "-c", "32")
        var reloads = 0
        while !load.hasEnded, reloads < 200 {
            reloads += 1
            let durability = reloads % 2 == 0 ? "commit" : "interval"
            try write("durability: \(durability)\ncookie_names: [id\(reloads)]\n")
            server.process.signal(SIGHUP)
            #expect(
                wait(for: "reloaded; changed: durability, cookie_names", count: reloads, server))
        }
        let result = try result(of: load)
        #expect(result.errors["total"] == 0)
        #expect(result.acknowledged == 40_000)
        #expect(result.lost == 0)
        #expect(reloads > 2, "it was reloaded under load")
        #expect(server.stop().status == 0)
    }

    @Test("a file that is wrong changes nothing, and the log says where it is wrong")
    func wrongFile() throws {
        let server = try serve("cookie_names: [one]\n")
        for (settings, reason) in [
            ("cookie_names: [two]\nlisen: 1\n", "footfall.yaml:2:1: unknown key 'lisen'"),
            ("cookie_names: [two\n", "footfall.yaml:2:1: "),
            ("cookie_names: [two]\nforward: [kafka]\n", "needs kafka_brokers"),
            (
                "cookie_names: [two]\nforward: [kafka]\nkafka_brokers: ['127.0.0.1:1']\n"
                    + "kafka_options: [no.such=1]\n", "no.such"
            ),
        ] {
            try write(settings)
            server.process.signal(SIGHUP)
            #expect(wait(for: reason, server), "\(server.process.errors)")
            #expect(
                try server.request("/track.js")?["set-cookie"]?.hasPrefix("one=") == true,
                "\(reason)")
        }
        try FileManager.default.removeItem(atPath: file)
        server.process.signal(SIGHUP)
        #expect(wait(for: "No such file or directory", server))
        #expect(try server.request("/track.js")?.status == 200)
    }

    @Test("what needs a restart stays as it was, and the log names it")
    func needsRestart() throws {
        let server = try serve("cookie_names: [one]\n")
        try write("cookie_names: [two]\nloops: 7\n")
        server.process.signal(SIGHUP)
        #expect(wait(for: "only a restart changes loops", server))
        #expect(try server.request("/track.js")?["set-cookie"]?.hasPrefix("two=") == true)
    }

    @Test("forwarding begins and ends with a reload, and goes on where it was")
    func reloadForwarding() throws {
        let server = try serve("print: none\n")
        for _ in 0..<3 { _ = try server.request("/track.js") }
        for round in 1...2 {
            try write("forward: [stdout]\n")
            server.process.signal(SIGHUP)
            let deadline = Date().addingTimeInterval(30)
            while lines(server) < 3 * round, Date() < deadline { usleep(5000) }
            #expect(lines(server) == 3 * round)
            try write("print: none\n")
            server.process.signal(SIGHUP)
            #expect(wait(for: "reloaded; changed: forward", count: 2 * round, server))
            for _ in 0..<3 { _ = try server.request("/track.js") }
        }
        server.stop()
        #expect(lines(server) == 6)
    }

    private func lines(_ server: FootfallServer) -> Int {
        server.process.output.split(separator: "\n").count
    }

    // MARK: - SIGUSR1

    @Test("SIGUSR1 seals the present segment, and no hit notices")
    func roll() throws {
        let server = try serve("")
        let load = try load(server.port, "-n", "20k", "-c", "16")
        var rolls = 0
        while !load.hasEnded, rolls < 100 {
            rolls += 1
            server.process.signal(SIGUSR1)
            usleep(50_000)
        }
        let result = try result(of: load)
        #expect(result.errors["total"] == 0)
        #expect(result.lost == 0)
        // Nothing to seal: no segment.
        let names = try segments()
        server.process.signal(SIGUSR1)
        server.process.signal(SIGUSR1)
        #expect(server.stop().status == 0)
        #expect(names.count > 1)
        #expect(try segments().count <= names.count)
        #expect(try FootfallBinary.run("verify", "--data", data).status == 0)
    }

    private func segments() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: data + "/events").sorted()
    }

    private func storedBytes() throws -> Int {
        try segments().map {
            try FileManager.default.attributesOfItem(atPath: "\(data)/events/\($0)")[.size]
                as? Int ?? 0
        }.reduce(0, +)
    }

    // MARK: - SIGTERM

    @Test("before a delayed shutdown hits are served while /ready says that none should come")
    func delay() throws {
        let server = try serve("drain_delay: 1s\n")
        let admin = try HTTPConnection(port: server.adminPort)
        let connection = try server.connect()
        server.process.signal(SIGTERM)
        #expect(wait(for: "not ready; serving for another 1s", server))
        let ready = admin.request("/ready")
        #expect(ready?.status == 503)
        #expect(ready?.text.contains("draining") == true)
        // A new connection, and one that was there.
        #expect(try server.request("/track.js")?.status == 200)
        let reply = connection.request("/track.js")
        #expect(reply?.status == 200)
        #expect(reply?["connection"] == nil)
        let end = server.process.waitForEnd(seconds: 40)
        #expect(end.status == 0)
        #expect(try StoredEvents.paths(data).count == 2)
    }

    @Test("a request that has begun is answered before the end, also on an idle connection")
    func finishes() throws {
        let server = try serve("")
        let beacon = try server.connect()
        beacon.send(
            "POST /track HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                + "Content-Length: 7\r\n\r\n{\"a\"")
        let idle = try server.connect()
        #expect(idle.request("/track.js")?.status == 200)
        server.process.signal(SIGTERM)
        #expect(wait(for: "answering what is held", server))
        let last = idle.request("/track.js")
        #expect(last?.status == 200)
        #expect(last?["connection"] == "close")
        // Longer than idle connections are kept.
        usleep(800_000)
        beacon.send(":1}")
        #expect(beacon.receive()?.status == 204)
        #expect(server.process.waitForEnd(seconds: 40).status == 0)
        #expect(try StoredEvents.paths(data).count == 3)
    }

    @Test("under load every request that was sent is answered before the end")
    func drainUnderLoad() throws {
        let server = try serve("")
        let load = try load(server.port, "-d", "60s", "-c", "32", "-T", "5s")
        let deadline = Date().addingTimeInterval(30)
        while try storedBytes() < 1 << 20, Date() < deadline { usleep(5000) }
        #expect(server.stop().status == 0)
        let result = try result(of: load)
        #expect(result.sent > 1000)
        #expect(result.errors["read"] == 0)
        #expect(result.errors["write"] == 0)
        #expect(result.errors["status"] == 0)
        #expect(result.sent == result.acknowledged)
        #expect(result.lost == 0)
    }
}

/// Parts of what is stored.
private enum StoredEvents {
    static func paths(_ data: String) throws -> [String] {
        try StoredEvent.all(in: data).map { $0["path"] ?? "" }
    }

    static func count(_ data: String) throws -> Int {
        try StoredEvent.all(in: data).count
    }
}
