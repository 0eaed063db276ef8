import Foundation
import TestSupport
import Testing

/// The README is run: each command in order, and what it prints is compared.
@Suite struct ReadmeTests {
    /// A fenced block.
    struct Block {
        let language: String
        let text: String
        /// The line in front of it.
        let comment: String
    }

    private static func blocks() throws -> [Block] {
        let path = FootfallBinary.packageDirectory.appending(path: "README.md").path
        let lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
        var blocks: [Block] = []
        var start: Int?
        for (index, line) in lines.enumerated() where line.hasPrefix("```") {
            if let opened = start {
                blocks.append(
                    Block(
                        language: String(lines[opened].dropFirst(3)),
                        text: lines[opened + 1..<index].joined(separator: "\n") + "\n",
                        comment: opened > 0 ? lines[opened - 1] : ""))
                start = nil
            } else {
                start = index
            }
        }
        return blocks
    }

    /// What differs from run to run, made equal.
    private static func normalized(_ text: String) -> String {
        text.replacing(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/, with: "UUID")
            .replacing(/\d{4}-\d\d-\d\dT[0-9:.]+Z/, with: "TIME")
            .replacing(/Date: .* GMT/, with: "Date: NOW")
            .replacing(/127\.0\.0\.1:\d+/, with: "127.0.0.1:PORT")
            .replacing(/curl\/[0-9.]+/, with: "curl/VERSION")
            .replacing(/k=mail\.\d{10}\.[\w-]{43}/, with: "k=SIGNATURE")
            .replacing(/"sum":"[0-9a-f]{16}"/, with: "\"sum\":\"SUM\"")
            .replacing("\r\n", with: "\n")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What the server has printed, as soon as it is as many lines as expected: it has a thread for
    /// that, and nobody waits for it.
    private static func printed(_ server: FootfallServer, like expected: String) -> String {
        func lines(_ text: String) -> Int { text.count { $0 == "\n" } }
        for _ in 0..<3000 where lines(server.process.output) < lines(expected) { usleep(10_000) }
        return server.process.output
    }

    @Test("every command of the README does what the README says")
    func commands() throws {
        let directory = TemporaryDirectory()
        // The server that `make run` starts, on ports that are free.
        let arguments = ["--print", "hits"]
        var server = try FootfallServer(data: directory.file("data"), arguments)
        let environment = ProcessInfo.processInfo.environment
        let binaries = URL(fileURLWithPath: FootfallBinary.path).deletingLastPathComponent().path
        let path = "\(binaries):\(environment["PATH"] ?? "")"
        var output = ""
        var isRunning = true
        var compared = 0
        for block in try Self.blocks() {
            if block.language == "sh", !isRunning {
                server = try FootfallServer(data: directory.file("data"), arguments)
                isRunning = true
            }
            let text = block.text.replacing("127.0.0.1:8000", with: "127.0.0.1:\(server.port)")
                .replacing("127.0.0.1:8001", with: "127.0.0.1:\(server.adminPort)")
            switch block.language {
            case "sh" where text.hasPrefix("make "):
                // `make run` has a test of its own, and this is `make test`.
                let target = text.dropFirst("make ".count).trimmingCharacters(in: .newlines)
                let result = try ChildProcess.run(
                    ["make", "--dry-run", target], in: FootfallBinary.packageDirectory.path)
                #expect(result.status == 0, "\(text)\(result.errors)")
            case "sh":
                let result = try ChildProcess.run(
                    ["bash", "-euo", "pipefail", "-c", text], environment: ["PATH": path],
                    in: directory.path)
                #expect(result.status == 0, "\(text)\(result.errors)")
                output = result.output
            case "python":
                // The recipes read sealed files.
                if isRunning {
                    #expect(server.stop().status == 0)
                    isRunning = false
                }
                let result = try ChildProcess.run([Python.path, "-c", text], in: directory.path)
                #expect(result.status == 0, "\(text)\(result.errors)")
                output = result.output
            case "text":
                // Its time and address are nobody's here; AccessLogTests has such lines.
                if block.comment.contains("an example") { continue }
                // ImageTests holds them to Deploy/Dockerfile.
                if block.comment.contains("with Docker") { continue }
                if block.comment.contains("printed by the server") {
                    output = Self.printed(server, like: block.text)
                }
                #expect(Self.normalized(output) == Self.normalized(block.text))
                compared += 1
            case "yaml":
                // For Prometheus.
                guard isInstalled("promtool") else { continue }
                try directory.write(Array(text.utf8), to: "prometheus.yml")
                let result = try ChildProcess.run([
                    "promtool", "check", "config", directory.file("prometheus.yml"),
                ])
                #expect(result.status == 0, "\(result.output)\(result.errors)")
            default: #expect(block.language == "html", "a block that nobody runs")
            }
        }
        #expect(compared == 13)
    }

    @Test("make run serves with one command")
    func makeRun() throws {
        let directory = TemporaryDirectory()
        let arguments =
            "--listen 127.0.0.1:0 --admin off --data \(directory.path)/data --print none"
        let run = try ChildProcess(
            ["make", "run", "ARGS=\(arguments)"], in: FootfallBinary.packageDirectory.path)
        let deadline = Date().addingTimeInterval(120)
        while !run.errors.contains("events in "), !run.hasEnded, Date() < deadline {
            usleep(10_000)
        }
        let port = run.errors.components(separatedBy: "http://127.0.0.1:").dropFirst().first
            .flatMap { UInt16($0.prefix { $0.isNumber }) }
        let reply = try HTTPConnection(port: try #require(port, "\(run.errors)"))
            .request("/track.js?s=made")
        #expect(reply?.status == 200)
        // make waits for the server, so both get the signal, as from a terminal.
        let children = try ChildProcess.run(["pgrep", "-P", "\(run.identifier)"]).output
        for child in children.split(separator: "\n") {
            if let identifier = pid_t(child) { kill(identifier, SIGTERM) }
        }
        _ = run.waitForEnd(seconds: 40)
        #expect(try StoredEvent.all(in: directory.file("data")).map { $0.params["s"] } == ["made"])
    }
}
