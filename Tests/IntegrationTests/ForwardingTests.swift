import Foundation
import TestSupport
import Testing

/// `serve --forward stdout`, `replay` and `audit`, as an operator has them.
@Suite(.serialized) struct ForwardingTests {
    private func sequences(_ output: String) throws -> [Int] {
        try output.split(separator: "\n").map { try StoredEvent(String($0)).sequence }
    }

    private func wait(_ seconds: Double = 20, until condition: () -> Bool) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while !condition(), Date() < deadline { usleep(10_000) }
        return condition()
    }

    private func audit(_ directory: TemporaryDirectory) throws -> ChildProcess.Result {
        try FootfallBinary.run("audit", "--data", directory.path)
    }

    @Test("every event goes to standard output as it is stored, and a stop sends the last ones")
    func stdout() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--forward", "stdout"])
        let connection = try server.connect()
        for number in 1...20 {
            #expect(connection.request("/track.js?s=\(number)")?.status == 200)
        }
        let output = { server.process.output }
        #expect(wait { output().count { $0 == "\n" } == 20 })
        #expect(connection.request("/track.js?s=21")?.status == 200)
        let result = server.stop()
        #expect(result.status == 0)
        let stored = try StoredEvent.all(in: directory.path)
        #expect(result.output == stored.map { $0.line + "\n" }.joined())
        #expect(stored.count == 21)
        let audited = try audit(directory)
        #expect(audited.status == 0)
        #expect(audited.output == "stdout: 21 stored = 21 delivered + 0 pending + 0 rejected\n")
    }

    @Test("whenever the server is killed, every stored event is delivered at least once, in order")
    func killed() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let directory = TemporaryDirectory()
        var delivered: [String] = []
        for round in 0..<8 {
            let server = try FootfallServer(
                data: directory.path,
                ["--forward", "stdout", "--loops", "1", "--segment-bytes-max", "20KiB"])
            let connection = try server.connect()
            // In two parts, so that the second one comes between two checkpoints.
            for part in 0..<2 {
                for number in 0..<Int.random(in: 10...80, using: &random) {
                    let target = "/track.js?s=\(round)-\(part)-\(number)"
                    #expect(connection.request(target)?.status == 200)
                }
                usleep(150_000)
            }
            // Sometimes there is a checkpoint, sometimes not.
            usleep(UInt32.random(in: 0...1_500_000, using: &random))
            server.kill()
            var lines = server.process.output.components(separatedBy: "\n")
            // The last piece has no end: it was cut, or is empty.
            lines.removeLast()
            let numbers = try lines.map { try StoredEvent($0).sequence }
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "seed \(seed)")
            delivered += lines
        }
        let last = try FootfallServer(data: directory.path, ["--forward", "stdout"]).stop()
        #expect(last.status == 0)
        delivered += last.output.split(separator: "\n").map { String($0) }
        let stored = try StoredEvent.all(in: directory.path)
        #expect(Set(delivered) == Set(stored.map(\.line)), "seed \(seed)")
        var seen: Set<Int> = []
        let first = try sequences(delivered.joined(separator: "\n")).filter {
            seen.insert($0).inserted
        }
        #expect(first == Array(1...stored.count), "seed \(seed)")
        print("\(stored.count) stored, \(delivered.count) delivered")
        let audited = try audit(directory)
        #expect(audited.status == 0, "\(audited.output)")
        #expect(audited.output.contains("\(stored.count) delivered + 0 pending + 0 rejected"))
    }

    @Test("a reader that has gone, or that reads nothing, holds up no hit and no stop")
    func stuckReader() throws {
        for reader in ["true", "sleep 20"] {
            let directory = TemporaryDirectory()
            // The server becomes this process, and its output goes to the reader.
            let server = try FootfallServer(
                data: directory.path, ["--forward", "stdout"],
                wrapper: ["bash", "-c", "exec \"$0\" \"$@\" > >(exec \(reader) > /dev/null)"])
            let connection = try server.connect()
            let long = String(repeating: "x", count: 3000)
            for number in 1...100 {
                #expect(connection.request("/track.js?s=\(number)&l=\(long)")?.status == 200)
            }
            let result = server.stop()
            #expect(result.status == 0, "\(result.errors)")
            let audited = try audit(directory)
            #expect(audited.status == 0, "\(audited.output)")
            #expect(audited.output.contains("stdout: 100 stored = "))
            #expect(!audited.output.contains(" 0 pending"), "\(reader): \(audited.output)")
            if reader == "true" { #expect(result.errors.contains("Broken pipe")) }
        }
    }

    @Test("replay sends stored events again, byte for byte, and says which are not there")
    func replay() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let connection = try server.connect()
        for number in 1...5 {
            #expect(connection.request("/track.js?s=\(number)")?.status == 200)
        }
        // From a live log too.
        let live = try FootfallBinary.run(
            "replay", "--data", directory.path, "--from", "1", "--to-sink", "stdout")
        #expect(try sequences(live.output) == [1, 2, 3, 4, 5])
        #expect(server.stop().status == 0)
        let lines = try StoredEvent.all(in: directory.path).map { $0.line + "\n" }
        #expect(live.output == lines.joined())
        let some = try FootfallBinary.run(
            "replay", "--data", directory.path, "--from", "2", "--to", "4", "--to-sink", "stdout")
        #expect(some.status == 0)
        #expect(some.output == lines[1...3].joined())
        #expect(some.errors == "footfall: 3 events were sent\n")
        let beyond = try FootfallBinary.run(
            "replay", "--data", directory.path, "--from", "5", "--to", "7", "--to-sink", "stdout")
        #expect(beyond.status == 1)
        #expect(beyond.output == lines[4])
        #expect(beyond.errors.hasSuffix("footfall: 2 of the events are not in the log\n"))
        for wrong in [["--from", "0"], ["--from", "3", "--to", "2"]] {
            let result = try ChildProcess.run(
                [FootfallBinary.path, "replay", "--data", directory.path, "--to-sink", "stdout"]
                    + wrong)
            #expect(result.status == 64)
        }
    }

    @Test("audit exits with 1 if the log, the checkpoint and what was rejected do not add up")
    func audits() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--forward", "stdout"])
        for number in 1...5 {
            #expect(try server.request("/track.js?s=\(number)")?.status == 200)
        }
        #expect(server.stop().status == 0)
        #expect(try audit(directory).status == 0)
        let good = "\"sequence\":5,\"origin\":0,\"delivered\":5,\"rejected\":0,\"missing\":0"
        #expect(
            try directory.bytes("checkpoints/stdout") == Array("{\(good)}\n".utf8))
        for (counts, words) in [
            (good.replacing("\"delivered\":5", with: "\"delivered\":4"), "make up its sequence"),
            (good.replacing(":5", with: ":9"), "the log ends at 5"),
            (
                "\"sequence\":5,\"origin\":0,\"delivered\":4,\"rejected\":1,\"missing\":0",
                "rejected/stdout.ndjson has 0"
            ),
            ("rubbish", "cannot be read"),
        ] {
            try directory.write(Array("{\(counts)}\n".utf8), to: "checkpoints/stdout")
            let result = try audit(directory)
            #expect(result.status == 1, "\(counts)")
            #expect(result.output.contains(words), "\(result.output)")
        }
        // A loss that the checkpoint accounts for is told, and adds up.
        let lost = "\"sequence\":5,\"origin\":0,\"delivered\":4,\"rejected\":0,\"missing\":1"
        try directory.write(Array("{\(lost)}\n".utf8), to: "checkpoints/stdout")
        let accounted = try audit(directory)
        #expect(accounted.status == 0)
        #expect(
            accounted.output
                == "stdout: 5 stored = 4 delivered + 0 pending + 0 rejected + 1 missing\n")
        // Pending events, and then one of them is damaged.
        let behind = "{\"sequence\":2,\"origin\":0,\"delivered\":2,\"rejected\":0,\"missing\":0}\n"
        try directory.write(Array(behind.utf8), to: "checkpoints/stdout")
        let pending = try audit(directory)
        #expect(pending.status == 0)
        #expect(pending.output == "stdout: 5 stored = 2 delivered + 3 pending + 0 rejected\n")
        let name = "events/00000000000000000001.ndjson"
        var bytes = try directory.bytes(name)
        bytes[bytes.count - 100] ^= 1
        try directory.write(bytes, to: name)
        let damaged = try audit(directory)
        #expect(damaged.status == 1)
        #expect(damaged.output.contains("stdout: of 3 pending events 1 cannot be read"))
    }

    @Test("old segments go when the sink has them, and stay when it does not")
    func retention() throws {
        for isRead in [true, false] {
            let directory = TemporaryDirectory()
            let reader = isRead ? "cat" : "sleep 20"
            let server = try FootfallServer(
                data: directory.path,
                ["--forward", "stdout", "--retain-bytes", "20KiB", "--retain-age", "1s"]
                    + ["--segment-bytes-max", "10KiB", "--compress-after", "off"],
                wrapper: ["bash", "-c", "exec \"$0\" \"$@\" > >(exec \(reader) > /dev/null)"])
            let connection = try server.connect()
            let long = String(repeating: "x", count: 3000)
            for number in 1...100 {
                #expect(connection.request("/track.js?s=\(number)&l=\(long)")?.status == 200)
            }
            let segments = directory.list("events").count
            #expect(segments > 20)
            if isRead {
                #expect(wait { directory.list("events").count == 1 })
            } else {
                sleep(3)
                #expect(directory.list("events").count > segments / 2)
            }
            server.stop()
            let audited = try audit(directory)
            #expect(audited.status == 0, "\(audited.output)")
            #expect(audited.output.contains("stdout: 100 stored = "))
        }
    }

    @Test("printing and forwarding to standard output at once is refused")
    func bothOnStandardOutput() throws {
        let result = try FootfallBinary.run("check", "--forward", "stdout", "--print", "hits")
        #expect(result.status == 64)
        #expect(result.errors.contains("both would write to standard output"))
    }
}
