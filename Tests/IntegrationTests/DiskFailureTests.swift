import Foundation
import TestSupport
import Testing

/// Whether strace(1) may trace a process here; containers can forbid it.
private let canTrace =
    (try? ChildProcess.run(["strace", "-D", "-o", "/dev/null", "true"]).status) == 0

/// The built binary on a disk that fails: strace makes system calls fail under it.
@Suite(.enabled(if: canTrace, "strace cannot trace a process here"))
struct DiskFailureTests {
    /// A server under which calls fail as `injection` says (`-e inject=`).
    private func server(
        _ directory: TemporaryDirectory, _ injection: String, _ arguments: [String] = []
    ) throws -> FootfallServer {
        let call = String(injection.prefix { $0 != ":" })
        return try FootfallServer(
            data: directory.file("data"), arguments,
            // With -D the process is the server, and strace its grandchild.
            wrapper: [
                "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                "inject=\(injection)",
            ])
    }

    @Test(
        "a hit that cannot be synced is never answered with 2xx",
        arguments: ["fdatasync:error=EIO", "fsync:error=EIO"])
    func neverSynced(_ injection: String) throws {
        let directory = TemporaryDirectory()
        let server = try server(directory, injection)
        let connection = try server.connect()
        for number in 1...5 {
            let reply = connection.request("/track.js?n=\(number)")
            #expect(reply?.status == 503)
            #expect(reply?["retry-after"] == "1")
            #expect(reply?["set-cookie"] == nil)
        }
        let ready = try HTTPConnection(port: server.adminPort).request("/ready")
        #expect(ready?.status == 503)
        #expect(ready?.text.hasPrefix(#"{"ready":false,"durability":"commit","reason":"#) == true)
        #expect(ready?.text.contains("Input/output error") == true)
        #expect(server.process.errors.contains("hits are refused until"))
        server.stop()
    }

    @Test(
        "a disk that fails once loses nothing: a new segment takes over",
        arguments: ["commit", "interval"])
    func failsOnce(_ durability: String) throws {
        let directory = TemporaryDirectory()
        let server = try server(
            directory, "fdatasync:error=EIO:when=2",
            ["--durability", durability, "--sync-interval", "50ms"])
        let connection = try server.connect()
        for number in 1...100 {
            #expect(connection.request("/track.js?n=\(number)")?.status == 200)
            usleep(2000)
        }
        let errors = server.process.errors
        #expect(errors.contains("the events that are not yet on disk go to a new segment"))
        #expect(errors.contains("took over"))
        #expect(server.stop().status == 0)
        #expect(directory.list("data/events").count == 2)
        #expect(directory.list("data/events").allSatisfy { $0.hasSuffix(".ndjson") })
        let tail = try FootfallBinary.run(
            "tail", "--data", directory.file("data"), "--format", "json")
        let events = try tail.output.split(separator: "\n").map { try StoredEvent(String($0)) }
        #expect(events.map(\.sequence) == Array(1...100))
        #expect(events.map { $0.params["n"] } == (1...100).map { "\($0)" })
        #expect(try FootfallBinary.run("verify", "--data", directory.file("data")).status == 0)
    }

    @Test("hits are taken again when the disk works again")
    func recovers() throws {
        let directory = TemporaryDirectory()
        // The second sync, the take-over after it, and two attempts a second apart.
        let server = try server(directory, "fdatasync:error=EIO:when=2..5")
        let connection = try server.connect()
        var statuses: [Int] = []
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline, !(statuses.contains(503) && statuses.last == 200) {
            statuses.append(connection.request("/track.js?n=\(statuses.count)")?.status ?? 0)
            usleep(20_000)
        }
        #expect(statuses.first == 200)
        #expect(statuses.contains(503))
        #expect(statuses.last == 200)
        #expect(try HTTPConnection(port: server.adminPort).request("/ready")?.status == 200)
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.file("data"))
        let stored = Set(events.compactMap { $0.params["n"].flatMap { Int($0) } })
        for (number, status) in statuses.enumerated() where status == 200 {
            #expect(stored.contains(number))
        }
        #expect(try FootfallBinary.run("verify", "--data", directory.file("data")).status == 0)
    }
}
