import EventLog
import Foundation
import POSIX
import TestSupport
import Testing

@testable import LoadTest

/// `--reconcile`: what was acknowledged against what is stored.
@Suite(.serialized) struct ReconciliationTests {
    /// A server with a real log that it does not keep as it should.
    private final class UnfaithfulServer: Sendable {
        enum Deed: Sendable { case store, lose, storeTwice, storeSilently }

        private struct Log: ~Copyable {
            let log: EventLog
            var batch = Batch()
            var deeds: [Deed: Int] = [:]
        }

        private let log: Monitor<Log>
        let directory = TemporaryDirectory()

        init() throws {
            var options = LogOptions(directory: directory.file("data"))
            options.durability = .interval(seconds: 0.1)
            let opened = try EventLog(options, progress: { _ in }, notice: { _ in })
            log = Monitor(Log(log: opened))
        }

        func handle(_ request: ScriptedServer.Request, _ deed: Deed) -> ScriptedServer.Answer {
            let line = #"{"v":1,"params":{"t":"1","r":"\#(request["r"] ?? "")"}"#
            log.withLock { log in
                log.deeds[deed, default: 0] += 1
                let copies = deed == .lose ? 0 : deed == .storeTwice ? 2 : 1
                for _ in 0..<copies {
                    _ = log.batch.append(bytesMax: 1024) { output in
                        for byte in line.utf8 { output.append(byte) }
                    }
                }
                if copies > 0 { _ = log.log.append(&log.batch) }
            }
            return deed == .storeSilently ? .hangUp : .ok()
        }

        func count(_ deed: Deed) -> Int { log.withLock { $0.deeds[deed] ?? 0 } }
        func close() -> Bool { log.withLock { $0.log.close() } }
    }

    @Test("a server that acknowledges every 1,000th hit without storing it is found out exactly")
    func lossyServer() throws {
        let log = try UnfaithfulServer()
        let server = try ScriptedServer { log.handle($0, $0.number % 1000 == 0 ? .lose : .store) }
        defer { server.stop() }
        let (result, errors) = try bench(
            server.url, "-n", "10k", "-c", "8", "-t", "2", "--reconcile",
            log.directory.file("data"),
            "--reconcile-wait", "2s", status: 4)
        #expect(result.sent == 10_000)
        #expect(result.acknowledged == 10_000)
        #expect(result.lost == 10)
        #expect(result.lost == log.count(.lose))
        #expect(result.stored == 9990)
        #expect(result.duplicated == 0)
        #expect(result.unacknowledgedButStored == 0)
        #expect(result.foreign == 0)
        #expect(errors.contains("10 acknowledged hits lost"))
        #expect(log.close())
    }

    @Test("hits stored twice, or stored and not acknowledged, are told apart")
    func otherFaults() throws {
        let log = try UnfaithfulServer()
        let server = try ScriptedServer { request in
            let deed: UnfaithfulServer.Deed =
                switch request.number % 500 {
                case 0: .storeTwice
                case 100: .storeSilently
                case 200: .lose
                default: .store
                }
            return log.handle(request, deed)
        }
        defer { server.stop() }
        let data = log.directory.file("data")
        // What another one has sent is not the run's.
        let other = try bench(server.url, "-n", "700", "-c", "1").result
        #expect(other.sent == 700)
        let before = [UnfaithfulServer.Deed.storeTwice, .storeSilently, .lose].map { log.count($0) }
        // Until all of it can be read, and so lies before the run.
        let deadline = Date().addingTimeInterval(30)
        let lines = log.count(.store) + 2 * log.count(.storeTwice) + log.count(.storeSilently)
        while try LogReader.synced(in: data) < lines, Date() < deadline { usleep(10_000) }
        #expect(try LogReader.synced(in: data) == lines)
        let (result, _) = try bench(
            server.url, "-n", "5000", "-c", "4", "--reconcile", data, "--reconcile-wait", "2s",
            status: 4)
        let after = [UnfaithfulServer.Deed.storeTwice, .storeSilently, .lose].map { log.count($0) }
        #expect(result.duplicated == after[0] - before[0])
        #expect(result.unacknowledgedButStored == after[1] - before[1])
        #expect(result.lost == after[2] - before[2])
        #expect(result.lost == 10)
        #expect(result.foreign == 0)
        #expect(result.acknowledged == result.sent - (after[1] - before[1]))
        #expect(
            result.stored
                == result.acknowledged - (result.lost ?? 0) + (result.unacknowledgedButStored ?? 0))
        #expect(log.close())
    }

    @Test("the collector loses nothing", arguments: ["commit", "interval"])
    func collector(_ durability: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, ["--durability", durability, "--loops", "2"])
        #expect(try server.request("/track.js?r=00000000000000ff")?.status == 200)
        let url = "http://127.0.0.1:\(server.port)/track.js"
        for more in [[], ["-p", "4"], ["--no-keepalive"], ["-R", "1k", "-w", "200ms"]] {
            let run = try ChildProcess.run(
                [
                    BenchBinary.path, url, "-c", "8", "-d", "700ms", "-q", "-o", "json",
                    "--reconcile", directory.path,
                ] + more)
            // Nobody promises that this machine can hold the rate.
            #expect(run.status == 0 || run.status == 5, "\(run.errors)")
            let result = try RunResult(json: run.output.utf8)
            #expect(result.acknowledged > 100)
            #expect(result.lost == 0)
            #expect(result.duplicated == 0)
            #expect(result.unacknowledgedButStored == 0)
            #expect(result.stored == result.acknowledged)
            #expect(result.errors.total == 0)
        }
        #expect(server.stop().status == 0)
    }

    @Test("nothing is lost when the collector is killed and started again during the run")
    func killedCollector() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let directory = TemporaryDirectory()
        let arguments = ["--loops", "2", "--segment-bytes-max", "1MiB"]
        var server = try FootfallServer(data: directory.path, arguments)
        let port = server.port
        let run = try ChildProcess([
            BenchBinary.path, "http://127.0.0.1:\(port)/track.js", "-c", "16", "-d", "8s", "-q",
            "-o", "json", "--reconcile", directory.path, "--reconnect",
        ])
        for _ in 0..<4 {
            usleep(UInt32.random(in: 200_000...1_000_000, using: &random))
            server.kill()
            server = try FootfallServer(
                data: directory.path, arguments + ["--listen", "127.0.0.1:\(port)"])
        }
        let end = run.waitForEnd()
        #expect(end.status == 0 || end.status == 5, "\(end.errors)")
        let result = try RunResult(json: end.output.utf8)
        #expect(result.acknowledged > 200)
        #expect(result.lost == 0, "seed \(seed)")
        #expect(result.duplicated == 0, "seed \(seed)")
        #expect(result.errors.total > 0)
        #expect(result.ended == "completed")
        #expect(server.stop().status == 0)
        #expect(try FootfallBinary.run("verify", "--data", directory.path).status == 0)
    }

    @Test("without a log there is nothing to reconcile with")
    func noLog() throws {
        let directory = TemporaryDirectory()
        let run = try BenchBinary.run(
            "http://127.0.0.1:1/", "--reconcile", directory.file("none"))
        #expect(run.status == 1)
        #expect(run.errors == "footfall-bench: there is no log in \(directory.file("none"))\n")
    }
}
