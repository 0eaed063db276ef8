import Foundation
import POSIX
import TestSupport
import Testing

/// The promise: a hit that was answered is on disk, whenever the process is killed.
@Suite(.serialized) struct CrashTests {
    /// Rounds of load and `kill -9`; `make test-crash` sets more.
    private static let rounds =
        ProcessInfo.processInfo.environment["FOOTFALL_CRASH_ROUNDS"].flatMap { Int($0) } ?? 12
    private static let connections = 8

    @Test(
        "every hit that was answered is in the log exactly once, whenever the server is killed",
        arguments: ["commit", "interval"])
    func killed(_ durability: String) throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed), \(Self.rounds) rounds with \(durability)")
        var random = SeededRandom(seed: seed)
        let directory = TemporaryDirectory()
        var answered: Set<String> = []
        var sent: Set<String> = []
        for round in 0..<Self.rounds {
            let server = try FootfallServer(
                data: directory.path,
                ["--durability", durability, "--loops", "2", "--segment-bytes-max", "300KiB"])
            let load = try Load(server, connections: Self.connections, round: round)
            usleep(UInt32.random(in: 5_000...250_000, using: &random))
            server.kill()
            let result = load.wait()
            answered.formUnion(result.answered)
            sent.formUnion(result.sent)
            let verified = try FootfallBinary.run("verify", "--data", directory.path)
            #expect(verified.status == 0, "round \(round): \(verified.output)")
        }
        #expect(try FootfallServer(data: directory.path).stop().status == 0)
        let verified = try FootfallBinary.run("verify", "--data", directory.path)
        #expect(verified.status == 0, "\(verified.output)")
        let events = try StoredEvent.all(in: directory.path)
        var stored: [String: Int] = [:]
        for event in events { stored[event.params["r"] ?? "?", default: 0] += 1 }
        #expect(answered.subtracting(stored.keys).isEmpty, "lost, seed \(seed)")
        #expect(stored.values.allSatisfy { $0 == 1 }, "stored twice, seed \(seed)")
        #expect(Set(stored.keys).isSubset(of: sent), "never sent, seed \(seed)")
        #expect(events.map(\.sequence) == Array(1...max(1, events.count)), "seed \(seed)")
        print(
            "\(sent.count) sent, \(answered.count) answered, \(events.count) stored, "
                + "\(directory.list("events").count) segments")
        #expect(answered.count > Self.rounds * 10)
    }

    /// Connections that send hits, each with an `r` of its own, until the server goes.
    private final class Load {
        struct Result {
            var sent: Set<String> = []
            var answered: Set<String> = []
        }

        private let result = Monitor(Result())
        private let threads: [POSIX.Thread]

        init(_ server: FootfallServer, connections: Int, round: Int) throws {
            let result = result
            threads = try (0..<connections).map { index in
                try POSIX.Thread(name: "load") {
                    var own = Result()
                    defer {
                        result.withLock { all in
                            all.sent.formUnion(own.sent)
                            all.answered.formUnion(own.answered)
                        }
                    }
                    guard let connection = try? server.connect() else { return }
                    for number in 0... {
                        let name = "\(round)-\(index)-\(number)"
                        own.sent.insert(name)
                        guard let reply = connection.request("/track.js?r=\(name)") else { return }
                        if (200...299).contains(reply.status) { own.answered.insert(name) }
                    }
                }
            }
        }

        func wait() -> Result {
            for thread in threads { thread.join() }
            return result.withLock { $0 }
        }
    }
}
