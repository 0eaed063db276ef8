import Foundation
import TestSupport
import Testing

/// The built binary on a disk that fails: strace makes system calls fail under it.
@Suite(.enabled(if: canTrace, "strace cannot trace a process here"))
struct DiskFailureTests {
    /// A server under which calls fail as `injection` says (`-e inject=`), of those on `files` if
    /// there are any.
    private func server(
        _ directory: TemporaryDirectory, _ injection: String, on files: [String] = [],
        arguments: [String] = []
    ) throws -> FootfallServer {
        let injections = injection.split(separator: " ")
        let calls = injections.map { $0.prefix { $0 != ":" } }.joined(separator: ",")
        return try FootfallServer(
            data: directory.file("data"), arguments,
            // With -D the process is the server, and strace its grandchild.
            wrapper: ["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=\(calls)"]
                + injections.flatMap { ["-e", "inject=\($0)"] }
                + files.flatMap { ["-P", directory.file("data/\($0)")] })
    }

    /// Calls that fail under a server, on which files, and whether a hit is refused for it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let injection: String
        var files: [String] = []
        let refuses: Bool
        var testDescription: String { injection }

        static let segment = "events/00000000000000000001.ndjson.open"
        static let successor = "events/.takeover.tmp"
        static let all = [
            Fault(injection: "write:error=EIO:when=3", files: [segment], refuses: false),
            Fault(injection: "write:error=ENOSPC:when=3", files: [segment], refuses: false),
            Fault(
                injection: "write:error=ENOSPC:when=1..2", files: [segment, successor],
                refuses: true),
            Fault(injection: "openat:error=EMFILE:when=1", files: [segment], refuses: false),
            Fault(injection: "openat:error=EIO:when=1", files: [segment], refuses: false),
            Fault(
                injection: "openat:error=ENOSPC:when=1..3", files: [segment, successor],
                refuses: true),
            Fault(injection: "fdatasync:error=EIO:when=4", refuses: false),
            Fault(injection: "fdatasync:error=ENOSPC:when=4..6", refuses: true),
            Fault(
                injection: "fdatasync:error=EIO:when=4 rename:error=EIO:when=1", refuses: true),
            Fault(
                injection: "fdatasync:error=EIO:when=4 rename:error=ENOSPC:when=1..2",
                refuses: true),
        ]
    }

    @Test(
        "whichever call fails, what was answered is stored once, and hits are taken again",
        arguments: Fault.all)
    func everyCall(_ fault: Fault) throws {
        let directory = TemporaryDirectory()
        // The directories are made by a start on a good disk.
        #expect(try FootfallServer(data: directory.file("data")).stop().status == 0)
        let server = try server(directory, fault.injection, on: fault.files)
        let connection = try server.connect()
        var statuses: [Int] = []
        let deadline = Date().addingTimeInterval(30)
        // Until the fault has struck, and is over.
        while Date() < deadline,
            statuses.count < 20 || statuses.suffix(10) != [Int](repeating: 200, count: 10)
        {
            let reply = connection.request("/track.js?n=\(statuses.count)")
            statuses.append(reply?.status ?? 0)
            if reply?.status == 503 { #expect(reply?["retry-after"] == "1") }
            usleep(20_000)
        }
        #expect(Set(statuses).isSubset(of: [200, 503]))
        #expect(statuses.contains(503) == fault.refuses)
        #expect(statuses.last == 200)
        #expect(server.process.errors.contains("go to a new segment"))
        #expect(server.stop().status == 0)
        let verified = try FootfallBinary.run("verify", "--data", directory.file("data"))
        #expect(verified.status == 0, "\(verified.output)")
        let tail = try FootfallBinary.run(
            "tail", "--data", directory.file("data"), "--format", "json")
        let numbers = try tail.output.split(separator: "\n").compactMap {
            try StoredEvent(String($0)).params["n"].flatMap { Int($0) }
        }
        #expect(Set(numbers).count == numbers.count)
        let answered = statuses.indices.filter { statuses[$0] == 200 }
        #expect(Set(answered).isSubset(of: numbers))
    }

    @Test("a segment that cannot be renamed stays open, and the next start seals it")
    func unsealed() throws {
        let directory = TemporaryDirectory()
        let data = directory.file("data")
        let server = try server(directory, "rename:error=EIO")
        #expect(try server.request("/track.js")?.status == 200)
        let stopped = server.stop()
        #expect(stopped.status == 0)
        #expect(stopped.errors.contains("a whole segment could not be sealed"))
        #expect(directory.list("data/events").map { "events/" + $0 } == [Fault.segment])
        #expect(try FootfallBinary.run("verify", "--data", data).status == 0)
        #expect(try FootfallServer(data: data).stop().status == 0)
        #expect(directory.list("data/events") == ["00000000000000000001.ndjson"])
        #expect(try StoredEvent.all(in: data).count == 1)
    }

    @Test(
        "a hit that cannot be synced is never answered with 2xx",
        arguments: ["fdatasync:error=EIO:when=2+", "fsync:error=EIO:when=2+"])
    func neverSynced(_ injection: String) throws {
        let directory = TemporaryDirectory()
        // The directories are made, and synced, by a start on a good disk.
        #expect(try FootfallServer(data: directory.file("data")).stop().status == 0)
        let server = try server(
            directory, injection,
            on: injection.hasPrefix("fsync") ? ["events"] : [Fault.segment, Fault.successor],
            arguments: ["--segment-bytes-max", "1KiB"])
        let connection = try server.connect()
        var stored = 0
        while stored < 20, connection.request("/track.js?n=\(stored)")?.status == 200 {
            stored += 1
        }
        #expect((1..<20).contains(stored))
        for number in 1...5 {
            let reply = connection.request("/track.js?n=x\(number)")
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
            arguments: ["--durability", durability, "--sync-interval", "50ms"])
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

    /// Every sync takes five seconds.
    private static let slow = "fdatasync:delay_enter=5000000"

    /// Sends `count` hits at once, each on a connection of its own.
    private func send(_ count: Int, to server: FootfallServer) throws -> [HTTPConnection] {
        try (0..<count).map { number in
            let connection = try server.connect()
            connection.send("GET /track.js?n=\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
            return connection
        }
    }

    /// Sends `count` hits as above, and waits until the log has them and only the sync is missing.
    private func hold(
        _ count: Int, at server: FootfallServer, _ directory: TemporaryDirectory
    ) throws -> [HTTPConnection] {
        let connections = try send(count, to: server)
        #expect(
            wait { (try? StoredEvent.all(in: directory.file("data")))?.count == count },
            "the hits are not written")
        return connections
    }

    /// Whether `condition` comes to hold within the time of a slow sync.
    private func wait(_ condition: () -> Bool) -> Bool {
        let deadline = Date().addingTimeInterval(4.5)
        while !condition() {
            if Date() > deadline { return false }
            usleep(5000)
        }
        return true
    }

    @Test("a reply that waits for longer than a handler may is a 503")
    func handlerTimeout() throws {
        let directory = TemporaryDirectory()
        let server = try server(
            directory, Self.slow, on: [Fault.segment], arguments: ["--handler-timeout", "500ms"])
        let connection = try server.connect()
        let reply = connection.request("/track.js")
        #expect(reply?.status == 503)
        #expect(reply?["retry-after"] == "1")
        #expect(reply?["set-cookie"] == nil)
        // The loop has not waited.
        #expect(try server.request("/favicon.ico")?.status == 204)
    }

    @Test("what goes beyond the backlog gets 503, and the rest is stored")
    func backlog() throws {
        let directory = TemporaryDirectory()
        let server = try server(
            directory, "fdatasync:delay_enter=2000000", on: [Fault.segment],
            arguments: ["--backlog-bytes-max", "2KiB", "--loops", "1"])
        // One after the other, so that each is a batch of its own.
        let connections = try (0..<20).flatMap { _ in
            defer { usleep(10_000) }
            return try send(1, to: server)
        }
        let replies = connections.map { $0.receive() }
        let refused = replies.filter { $0?.status == 503 }
        #expect(refused.count >= 8)
        #expect(refused.allSatisfy { $0?["retry-after"] == "1" })
        let stored = replies.count { $0?.status == 200 }
        #expect(stored >= 1)
        #expect(try StoredEvent.all(in: directory.file("data")).count == stored)
    }

    @Test("a second signal ends a shutdown at once")
    func secondSignal() throws {
        let directory = TemporaryDirectory()
        let server = try server(directory, Self.slow, on: [Fault.segment])
        let held = try hold(1, at: server, directory)
        server.process.signal(SIGTERM)
        #expect(wait { server.process.errors.contains("stopping") })
        server.process.signal(SIGTERM)
        let result = server.process.waitForEnd(seconds: 4)
        #expect(result.status == 1)
        #expect(result.errors.contains("a second signal came: ending at once"))
        withExtendedLifetime(held) {}
    }

    @Test("a shutdown that takes too long ends at once")
    func shutdownTimeout() throws {
        let directory = TemporaryDirectory()
        let server = try server(
            directory, Self.slow, on: [Fault.segment], arguments: ["--shutdown-timeout", "500ms"])
        let held = try hold(1, at: server, directory)
        server.process.signal(SIGTERM)
        let result = server.process.waitForEnd(seconds: 4)
        #expect(result.status == 1)
        #expect(result.errors.contains("the shutdown took longer than its limit"))
        withExtendedLifetime(held) {}
    }

    @Test("a shutdown waits for what is held, and answers it")
    func shutdownAnswers() throws {
        let directory = TemporaryDirectory()
        // Only the first: a second one takes the hits that the first came too early for.
        let server = try server(directory, Self.slow + ":when=1", on: [Fault.segment])
        let held = try hold(5, at: server, directory)
        server.process.signal(SIGTERM)
        #expect(
            wait {
                let ready = try? HTTPConnection(port: server.adminPort).request("/ready")
                return ready?.status == 503 && ready?.text.contains("draining") == true
            })
        let replies = held.map { $0.receive() }
        #expect(replies.allSatisfy { $0?.status == 200 })
        #expect(replies.allSatisfy { $0?["connection"] == "close" })
        #expect(server.process.waitForEnd(seconds: 30).status == 0)
        #expect(try StoredEvent.all(in: directory.file("data")).count == 5)
    }
}
