import Foundation
import POSIX
import TestSupport
import Testing

@testable import LoadTest

/// Runs the binary and reads its JSON; without `expected` it has to end well.
func bench(
    _ arguments: String..., status expected: Int32? = nil
) throws -> (result: RunResult, errors: String) {
    let run = try ChildProcess.run([BenchBinary.path, "-o", "json", "-q"] + arguments)
    // 5: this tester had to wait for the processor.
    let good: [Int32] = expected.map { [$0] } ?? [0, 5]
    #expect(good.contains(run.status), "\(run.errors)")
    return (try RunResult(json: run.output.utf8), run.errors)
}

/// What the binary sends, to servers whose answers are known.
@Suite struct LoadTests {
    /// The requests that a server saw.
    private final class Seen: Sendable {
        private let list = Monitor<[ScriptedServer.Request]>([])

        func add(_ request: ScriptedServer.Request) { list.withLock { $0.append(request) } }
        var all: [ScriptedServer.Request] { list.withLock { $0 } }
    }

    @Test("each request is a hit of its own, as from a cache buster in a browser")
    func unique() throws {
        let seen = Seen()
        let server = try ScriptedServer { request in
            seen.add(request)
            return .ok()
        }
        defer { server.stop() }
        let before = Int(Date().timeIntervalSince1970 * 1000)
        let (result, _) = try bench(
            server.url, "-n", "3000", "-c", "8", "-t", "2", "-H", "X-Test: yes", "-H", "Referer:")
        let after = Int(Date().timeIntervalSince1970 * 1000)
        #expect(result.hits == 3000)
        #expect(result.sent == 3000)
        #expect(result.acknowledged == 3000)
        #expect(result.statuses == ["2xx": 3000])
        #expect(result.errors.total == 0)
        let requests = seen.all
        #expect(requests.count == 3000)
        #expect(Set(requests.compactMap { $0["r"] }).count == 3000)
        #expect(Set(requests.compactMap { $0["s"] }) == Set(LoadOptions.defaultWords))
        #expect(requests.allSatisfy { (before...after).contains(Int($0["t"] ?? "") ?? 0) })
        #expect(
            Set(requests.compactMap { $0.field("user-agent") })
                == Set(LoadOptions.defaultUserAgents))
        #expect(requests.allSatisfy { $0.field("x-test") == "yes" && $0.field("referer") == nil })
        #expect(requests.allSatisfy { $0.field("host") == "127.0.0.1:\(server.port)" })
    }

    @Test("the same seed makes the same requests")
    func seed() throws {
        func run() throws -> [String] {
            let seen = Seen()
            let server = try ScriptedServer { request in
                seen.add(request)
                return .ok()
            }
            defer { server.stop() }
            _ = try bench(server.url, "-n", "100", "-c", "1", "--seed", "7")
            return seen.all.map { ($0["r"] ?? "") + ($0["s"] ?? "") }
        }
        let first = try run()
        #expect(first.count == 100)
        #expect(try run() == first)
    }

    @Test("visitors keep the cookie that they were given, and their browser")
    func visitors() throws {
        let seen = Seen()
        let server = try ScriptedServer { request in
            seen.add(request)
            if let cookie = request.field("cookie") {
                return .ok("Set-Cookie: \(cookie); Path=/\r\n")
            }
            return .ok("Set-Cookie: id=v\(request.number); Path=/; HttpOnly\r\n")
        }
        defer { server.stop() }
        _ = try bench(server.url, "-n", "2000", "-c", "4", "-t", "2", "--visitors", "50")
        let requests = seen.all
        let known = requests.filter { $0.field("cookie") != nil }
        // A new visitor may have several hits in flight before it has a cookie.
        let new = requests.count - known.count
        #expect((50...200).contains(new), "\(new)")
        let byCookie = Dictionary(grouping: known) { $0.field("cookie") ?? "" }
        #expect((50...max(50, new)).contains(byCookie.count))
        for (cookie, hits) in byCookie {
            #expect(cookie.hasPrefix("id=v"))
            #expect(Set(hits.map { $0.field("user-agent") ?? "" }).count == 1, "\(cookie)")
        }
        let without = try bench(server.url, "-n", "50", "--visitors", "0").result
        #expect(without.hits == 50)
        #expect(seen.all.suffix(50).allSatisfy { $0.field("cookie") == nil })
    }

    @Test("beacons are posted with their body, from the command line or a file")
    func post() throws {
        let seen = Seen()
        let server = try ScriptedServer { request in
            seen.add(request)
            return .text("HTTP/1.1 204 No Content\r\n\r\n")
        }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        try directory.write(Array(#"{"from":"file"}"#.utf8), to: "body")
        let arguments = ["-n", "50", "-m", "POST", "-H", "Content-Type: application/json"]
        for (body, expected) in [
            (#"{"a":1}"#, #"{"a":1}"#), ("@\(directory.file("body"))", #"{"from":"file"}"#),
        ] {
            let run = try ChildProcess.run(
                [BenchBinary.path, server.url, "-q", "-b", body] + arguments)
            #expect(run.status == 0, "\(run.errors)")
            let last = seen.all.suffix(50)
            #expect(
                last.allSatisfy {
                    $0.method == "POST" && $0.body == expected
                        && $0.field("content-type") == "application/json"
                })
        }
        #expect(Set(seen.all.compactMap { $0["r"] }).count == 100)
    }

    @Test("URLs come from a file, in its order")
    func urls() throws {
        let seen = Seen()
        let server = try ScriptedServer { request in
            seen.add(request)
            return .ok()
        }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        try directory.write(
            Array("# mine\n/a\nhttp://elsewhere/b?x=1\n\n/c?\n".utf8), to: "urls")
        _ = try bench(
            server.url, "-n", "300", "-c", "1", "--urls-from-file", directory.file("urls"))
        let starts = seen.all.map { $0.target.components(separatedBy: "t=")[0] }
        #expect(starts == (0..<300).map { ["/a?", "/b?x=1&", "/c?"][$0 % 3] })
        #expect(seen.all.allSatisfy { $0["s"] == nil })
    }

    @Test("with pipelining several requests wait on each connection, and replies find theirs")
    func pipelining() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        let (result, _) = try bench(server.url, "-n", "5000", "-c", "2", "-p", "16")
        #expect(result.hits == 5000)
        #expect(result.errors.total == 0)
        #expect(server.count == result.sent)
        let paced = try bench(server.url, "-n", "500", "-R", "2k", "-c", "2", "-p", "4").result
        #expect(paced.hits == 500)
    }

    @Test("without keep-alive each hit has a connection of its own", arguments: [nil, "1k"])
    func connectionPerHit(_ rate: String?) throws {
        let seen = Seen()
        let server = try ScriptedServer { request in
            seen.add(request)
            return .last("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        var arguments = [BenchBinary.path, server.url, "-n", "300", "-c", "4", "-q", "-o", "json"]
        arguments += ["--no-keepalive"] + (rate.map { ["-R", $0] } ?? [])
        let run = try ChildProcess.run(arguments)
        #expect(run.status == 0 || run.status == 5, "\(run.errors)")
        let result = try RunResult(json: run.output.utf8)
        #expect(result.hits == 300)
        #expect(result.errors.total == 0)
        #expect(seen.all.count == 300)
        #expect(seen.all.allSatisfy { $0.field("connection") == "close" })
    }

    @Test("a unix socket is loaded too")
    func unixSocket() throws {
        let directory = TemporaryDirectory()
        let seen = Seen()
        let server = try ScriptedServer(unix: directory.file("s")) { request in
            seen.add(request)
            return .ok()
        }
        defer { server.stop() }
        let (result, _) = try bench(
            "http://collector/track.js", "--unix-socket", directory.file("s"), "-n", "200")
        #expect(result.hits == 200)
        #expect(seen.all.allSatisfy { $0.field("host") == "collector" })
    }

    @Test("a server that ends connections after some replies costs no hit")
    func closingServer() throws {
        let server = try ScriptedServer { request in
            request.number % 10 == 0
                ? .last("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") : .ok()
        }
        defer { server.stop() }
        for depth in ["1", "8"] {
            let (result, _) = try bench(server.url, "-n", "1000", "-c", "4", "-p", depth)
            #expect(result.hits == 1000)
            #expect(result.errors.total == 0)
        }
        let old = try ScriptedServer { _ in .last("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello") }
        defer { old.stop() }
        #expect(try bench(old.url, "-n", "200", "-c", "4").result.hits == 200)
    }

    @Test("errors are counted by their kind")
    func errors() throws {
        let server = try ScriptedServer { request in
            switch request.number % 100 {
            case 1: .hangUp
            case 2: .text("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")
            case 3: .text("no reply\r\n\r\n")
            case 4: .silence
            default: .ok()
            }
        }
        defer { server.stop() }
        let (result, _) = try bench(server.url, "-n", "400", "-c", "1", "-T", "500ms")
        #expect(result.errors.status == 4)
        #expect(result.errors.read == 8)
        #expect(result.errors.timeout == 4)
        #expect(result.errors.connect == 0)
        #expect(result.errors.total == 16)
        #expect(result.hits == 384)
        #expect(result.statuses == ["2xx": 384, "5xx": 4])
        #expect(result.acknowledged == 384)
    }

    @Test(
        "a hundred thousand simulated visitors cost no more than 64 MiB",
        .enabled(
            if: BenchBinary.path.contains("/release/"),
            "FOOTFALL_BENCH_BINARY is not the release build"))
    func visitorMemory() throws {
        let server = try ScriptedServer { request in
            .ok("Set-Cookie: id=00000000-0000-4000-8000-\(100_000_000_000 + request.number)\r\n")
        }
        defer { server.stop() }
        let run = try ChildProcess([
            BenchBinary.path, server.url, "-q", "-d", "60s", "-c", "16", "--visitors", "100k",
        ])
        let deadline = Date().addingTimeInterval(40)
        while server.count < 20_000, Date() < deadline { usleep(10_000) }
        let status = try String(contentsOfFile: "/proc/\(run.identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let peak = line.flatMap { Int($0.filter { $0.isNumber }) } ?? .max
        run.signal(SIGINT)
        #expect(run.waitForEnd().status == 130)
        // All slots are written by the end of a long run; their pages are counted in full here.
        let slots = 100_000 * Visitors.slotBytes / 1024
        print("peak \(peak) KiB, of all visitors \(slots) KiB")
        #expect(peak + slots <= 64 << 10)
    }
}
