import Foundation
import POSIX
import TestSupport
import Testing

@testable import LoadTest

/// What the command takes, prints and exits with.
@Suite struct CommandTests {
    @Test(
        "a bad command line gets one line and exit code 64",
        arguments: [
            ["https://127.0.0.1/"], ["http://127.0.0.1:0/"], ["http://192.0.2.1/"],
            ["http://127.0.0.1/", "-c", "0"], ["http://127.0.0.1/", "-c", "x"],
            ["http://127.0.0.1/", "-d", "10x"], ["http://127.0.0.1/", "-R", "1.5"],
            ["http://127.0.0.1/", "--nothing"], ["http://127.0.0.1/", "-H", "no field"],
            ["http://127.0.0.1/", "--fail-if", "p98>1ms"], ["http://127.0.0.1/", "-o", "xml"],
            ["http://127.0.0.1/", "-p", "4", "--no-keepalive"], ["http://127.0.0.1/", "-d", "0"],
            ["http://127.0.0.1/", "--urls-from-file", "/nonexistent"],
            ["http://127.0.0.1/", "-b", "@/nonexistent"], ["http://127.0.0.1/", "-c", "999999"],
            ["http://127.0.0.1/", "-m", "GET POST"], ["http://no-such-host.invalid/"], [],
            ["compare", "/nonexistent"], ["compare", "/proc/self/stat"], ["compare"],
        ])
    func badUsage(_ arguments: [String]) throws {
        let run = try ChildProcess.run([BenchBinary.path] + arguments)
        #expect(run.status == 64, "\(arguments)")
        #expect(run.output == "")
        #expect(run.errors.hasPrefix("footfall-bench: "))
        #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
    }

    @Test("another host is refused, unless it is said to be one's own")
    func otherHost() throws {
        let refused = try BenchBinary.run("http://192.0.2.1/")
        #expect(refused.status == 64)
        #expect(refused.errors.contains("--i-own-this-host"))
        // Taken then; nothing is there, or no way leads there.
        let taken = try BenchBinary.run(
            "http://192.0.2.1/", "--i-own-this-host", "-d", "200ms", "-T", "200ms", "-q", "-c", "1")
        #expect(taken.status != 64)
    }

    @Test("where nothing listens, it says so and exits with 6")
    func nothingThere() throws {
        let server = try ScriptedServer { _ in .ok() }
        server.stop()
        for more in [[], ["--no-keepalive"]] {
            let run = try ChildProcess.run([BenchBinary.path, server.url, "-d", "5s"] + more)
            #expect(run.status == 6)
            #expect(run.errors.contains("Connection refused"))
        }
    }

    @Test("a server that dies ends the run with the partial result, which says so")
    func dyingServer() throws {
        let server = try ScriptedServer { _ in .ok() }
        let run = try ChildProcess([
            BenchBinary.path, server.url, "-d", "60s", "-c", "4", "-q", "-o", "json",
        ])
        let deadline = Date().addingTimeInterval(30)
        while server.count < 500, Date() < deadline { usleep(5000) }
        server.stop()
        let end = run.waitForEnd(seconds: 30)
        #expect(end.status == 6)
        #expect(end.errors.contains("the server was gone before the end: Connection refused"))
        let result = try RunResult(json: end.output.utf8)
        #expect(result.ended == "the server was gone: Connection refused")
        #expect(result.hits >= 400)
        #expect(result.seconds < 30)
    }

    @Test("Ctrl-C prints the result so far")
    func interrupt() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        for format in ["text", "json"] {
            let start = server.count
            let run = try ChildProcess([
                BenchBinary.path, server.url, "-d", "60s", "-c", "4", "-o", format,
            ])
            let deadline = Date().addingTimeInterval(30)
            while server.count < start + 500, Date() < deadline { usleep(5000) }
            run.signal(SIGINT)
            let end = run.waitForEnd(seconds: 30)
            #expect(end.status == 130)
            #expect(end.output.contains("interrupted"))
            #expect(end.output.contains("hits"))
        }
    }

    @Test("a server that answers nothing does not hold up Ctrl-C")
    func interruptStall() throws {
        let server = try ScriptedServer { _ in .silence }
        defer { server.stop() }
        let run = try ChildProcess([BenchBinary.path, server.url, "-d", "60s", "-q"])
        let deadline = Date().addingTimeInterval(30)
        while server.count < 64, Date() < deadline { usleep(5000) }
        run.signal(SIGINT)
        #expect(run.waitForEnd(seconds: 30).status == 130)
    }

    @Test("conditions decide whether a run has failed")
    func failIf() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        for (condition, status) in [
            ("errors>0", 0), ("p99>60s,errors>0", 0), ("hits<=99", 0), ("hits>=100", 3),
            ("errors>0, p50>0us", 3), ("rate>0", 3), ("max<60s", 3), ("lost>=0", 0),
            ("uncorrected.p50>0us", 0),
        ] as [(String, Int32)] {
            let run = try BenchBinary.run(server.url, "-n", "100", "--fail-if", condition, "-q")
            #expect(run.status == status, "\(condition): \(run.errors)")
            #expect(run.output.contains("hits"), "the result is printed all the same")
        }
    }

    @Test("results go to standard output only, progress to standard error only, a line each second")
    func streams() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        let run = try BenchBinary.run(server.url, "-d", "2500ms", "-c", "2")
        #expect(run.status == 0 || run.status == 5)
        let progress = run.errors.split(separator: "\n").filter { $0.contains("hits/s") }
        #expect(progress.count >= 2)
        #expect(progress.allSatisfy { $0.contains("p99") && $0.contains("2 connections") })
        #expect(!run.errors.contains("\u{1b}"))
        #expect(run.output.contains("p99.99"))
        let quiet = try BenchBinary.run(server.url, "-n", "10", "-q")
        #expect(quiet.errors == "")
    }

    @Test("a terminal sees one line that changes, and is left clean")
    func terminal() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        // script(1) gives it a terminal.
        let command =
            "\(BenchBinary.path) \(server.url) -d 2500ms -c 2 --out \(directory.file("o"))"
        let run = try ChildProcess.run([
            "script", "--quiet", "--command", command, "/dev/null",
        ])
        let parts = run.output.components(separatedBy: "\r\u{1b}[K")
        #expect(parts.count >= 4, "\(run.output)")
        #expect(parts.dropFirst().dropLast().allSatisfy { $0.contains("hits/s") })
        #expect(!(parts.last ?? "").contains("hits/s"))
    }

    @Test("every format has what it is for, on standard output or in a file")
    func formats() throws {
        let server = try ScriptedServer { _ in
            usleep(1000)
            return .ok()
        }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        func output(_ format: String) throws -> String {
            let path = directory.file("out.\(format)")
            let run = try BenchBinary.run(
                server.url, "-d", "1200ms", "-c", "4", "-R", "500", "-o", format, "--out", path,
                "-q")
            #expect(run.output == "")
            return String(decoding: try directory.bytes("out.\(format)"), as: UTF8.self)
        }
        #expect(try output("text").contains("uncorrected"))
        let csv = try output("csv").split(separator: "\n").map { $0.split(separator: ",") }
        #expect(csv[0].first == "from_s" && csv[0].count == 9)
        #expect(csv.count >= 2 && csv.allSatisfy { $0.count == 9 })
        let hgrm = try output("hgrm")
        #expect(hgrm.contains("Value     Percentile TotalCount 1/(1-Percentile)"))
        #expect(hgrm.contains("#[Mean    ="))
        #expect(hgrm.contains("600]"))
        let html = try output("html")
        #expect(html.hasPrefix("<!DOCTYPE html>"))
        #expect(html.components(separatedBy: "<figure>").count == 4)
        #expect(!html.contains("src=") && !html.contains("<link"))
        let json = try RunResult(json: Array(try output("json").utf8))
        #expect(json.load.arguments.contains("500"))
        #expect(json.load.rate == 500)
        #expect(json.machine.cores > 0)
        #expect(json.latency.curve.last?.count == json.hits)
        #expect(try RunResult(json: Array(json.json().utf8)) == json)
    }

    @Test("several results make one page")
    func compare() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        for name in ["a", "b"] {
            let run = try BenchBinary.run(
                server.url, "-d", "1500ms", "-R", "500", "-q", "-o", "json", "--out",
                directory.file("\(name).json"))
            #expect(run.status == 0 || run.status == 5)
        }
        let run = try BenchBinary.run(
            "compare", directory.file("a.json"), "<second>=\(directory.file("b.json"))")
        #expect(run.status == 0)
        #expect(run.output.contains(">a</span>"))
        #expect(run.output.contains("&lt;second&gt;"))
        #expect(!run.output.contains("<second>"))
        // In the legend and in each chart.
        let lines = run.output.components(separatedBy: "class=\"line c1\"")
        #expect(lines.count == 5)
    }
}
