import Foundation
import POSIX
import TestSupport
import Testing

/// What a hit costs besides time: instructions, allocations, system calls, memory. The optimized
/// binary only, as `make test` gives it.
@Suite(
    .enabled(
        if: FootfallBinary.path.contains("/release/"), "FOOTFALL_BINARY is not the release build"))
struct CostTests {
    /// The headers that Chromium sends for a script of another site.
    private static let fields = [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Safari/537.36",
        "Accept: */*", "Accept-Language: en-US,en;q=0.9,de;q=0.8",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Referer: https://shop.example.com/search?search=my%20cool%20search&page=2",
        "Cookie: id=9b2d0c0e-7a1f-4b7e-8c55-0d6a1f2e3b4c", "Sec-Fetch-Dest: script",
        "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site",
        "sec-ch-ua: \"Chromium\";v=\"156\", \"Not.A/Brand\";v=\"24\"", "sec-ch-ua-mobile: ?0",
        "sec-ch-ua-platform: \"Linux\"",
    ]
    private static let target =
        "/track.js?t=1795475738316&r=75799909354&s=my%20cool%20search"
        + "&u=https%3A%2F%2Fshop.example.com%2Fsearch"

    private func hit(_ connection: HTTPConnection, times: Int) {
        for _ in 0..<times {
            #expect(connection.request(Self.target, Self.fields)?.status == 200)
        }
    }

    // MARK: - Instructions and allocations

    /// What callgrind counted in a run of the server.
    struct Count {
        var instructions = 0
        /// Calls that take or give back memory, also those of libevent and of Swift.
        var allocations = 0

        static let allocators: Set<String> = [
            "malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign",
            "swift_allocObject", "swift_slowAlloc", "swift_slowDealloc",
        ]

        /// Reads a file of callgrind (its manual, "Callgrind Format Specification"). The names of
        /// functions are written once and have numbers afterwards.
        init(callgrind text: String) {
            var names: [Substring: Substring] = [:]
            var called: Substring = ""
            for line in text.split(separator: "\n") {
                if line.hasPrefix("fn=") || line.hasPrefix("cfn=") {
                    let parts = line.drop { $0 != "(" }.split(separator: " ", maxSplits: 1)
                    if parts.count > 1 { names[parts[0]] = parts[1] }
                    called = names[parts[0]] ?? ""
                } else if line.hasPrefix("calls="), Self.allocators.contains(String(called)) {
                    allocations += Int(line.dropFirst(6).prefix { $0.isNumber }) ?? 0
                } else if line.hasPrefix("totals: ") {
                    instructions = Int(line.dropFirst(8)) ?? 0
                }
            }
        }
    }

    private func count(
        _ times: Int, durability: String, _ load: (HTTPConnection, Int) -> Void
    ) throws -> Count {
        let directory = TemporaryDirectory()
        // valgrind cannot read the debug information of Swift.
        let binary = directory.file("footfall")
        let stripped = try ChildProcess.run(["strip", "-g", "-o", binary, FootfallBinary.path])
        #expect(stripped.status == 0)
        let profile = directory.file("callgrind.out")
        let server = try FootfallServer(
            data: directory.file("data"), ["--loops", "1", "--durability", durability],
            wrapper: ["valgrind", "--tool=callgrind", "--callgrind-out-file=\(profile)"],
            binary: binary)
        load(try server.connect(), times)
        #expect(server.stop().status == 0)
        return Count(callgrind: try String(contentsOfFile: profile, encoding: .utf8))
    }

    /// Instructions in user space that a hit alone in its turn takes, with all the threads of the
    /// server, as they were when this was last looked at. An improvement belongs here too.
    private static let baselines = ["interval": 22_800, "commit": 31_000]

    @Test(
        "a hit allocates nothing and takes no more instructions than it did",
        .enabled(if: isInstalled("valgrind"), "valgrind is not installed"),
        arguments: ["interval", "commit"])
    func instructions(_ durability: String) throws {
        let hits = 2000
        let few = try count(200, durability: durability, hit)
        let many = try count(200 + hits, durability: durability, hit)
        let instructions = (many.instructions - few.instructions) / hits
        let allocations = Double(many.allocations - few.allocations) / Double(hits)
        print("\(durability): \(instructions) instructions, \(allocations) allocations a hit")
        #expect(few.allocations > 1000, "the allocators have other names")
        // One for each hit would be one; a few come with time, and more on a slow machine.
        #expect(allocations < 0.3)
        #expect(instructions < (Self.baselines[durability] ?? 0) * 105 / 100)
    }

    /// Posts a batch of ten events of 300 bytes each.
    private func post(_ connection: HTTPConnection, times: Int) {
        let event = #"{"event":"sold","price":12.5,"note":""#
        let note = String(repeating: "x", count: 300 - event.utf8.count - 2)
        let events = Array(repeating: event + note + #""}"#, count: 10)
        let content = "[" + events.joined(separator: ",") + "]"
        let lines =
            ["POST /track HTTP/1.1", "Host: a", "Content-Length: \(content.utf8.count)"]
            + Self.fields
        let request = lines.joined(separator: "\r\n") + "\r\n\r\n" + content
        for _ in 0..<times {
            connection.send(request)
            #expect(connection.receive()?.status == 200)
        }
    }

    @Test(
        "a beacon of ten events takes no more instructions than it did",
        .enabled(if: isInstalled("valgrind"), "valgrind is not installed"))
    func beacons() throws {
        let few = try count(50, durability: "interval", post)
        let many = try count(550, durability: "interval", post)
        let instructions = (many.instructions - few.instructions) / 500
        print("a beacon of ten events: \(instructions) instructions")
        #expect(instructions < 129_700 * 105 / 100)
    }

    // MARK: - System calls

    /// System calls of the loop's thread while `load` runs, whose hits are returned.
    private func systemCallsAHit(_ load: (FootfallServer) throws -> Int) throws -> Double {
        let directory = TemporaryDirectory()
        let trace = directory.file("trace")
        let server = try FootfallServer(
            data: directory.file("data"), ["--loops", "1", "--durability", "interval"],
            wrapper: ["strace", "-D", "-f", "-o", trace])
        let hits = try load(server)
        #expect(server.stop().status == 0)
        // strace writes the last lines when the server has ended.
        var threads: [Substring: [Substring]] = [:]
        for _ in 0..<500 where threads.values.joined().allSatisfy({ !$0.contains("+++ exited") }) {
            usleep(10_000)
            let text = try String(contentsOfFile: trace, encoding: .utf8)
            threads = Dictionary(grouping: text.split(separator: "\n")) { $0.prefix { $0 != " " } }
        }
        let calls = threads.values.map { $0.filter { !$0.contains(" resumed>") } }
        let loop = calls.max { one, other in
            one.count { $0.contains("recvfrom(") } < other.count { $0.contains("recvfrom(") }
        }
        return Double(loop?.count ?? .max) / Double(hits)
    }

    @Test(
        "a hit alone takes four system calls",
        .enabled(if: canTrace, "strace cannot trace a process here"))
    func callsAlone() throws {
        let calls = try systemCallsAHit { server in
            hit(try server.connect(), times: 2000)
            return 2000
        }
        print("alone: \(calls) system calls a hit")
        // Some come with time.
        #expect(calls < 4.3)
    }

    @Test(
        "hits that come together take little more than two system calls each",
        .enabled(if: canTrace, "strace cannot trace a process here"))
    func callsTogether() throws {
        let rounds = 60
        let calls = try systemCallsAHit { server in
            let connections = try (0..<64).map { _ in try server.connect() }
            for _ in 0..<rounds {
                for connection in connections {
                    connection.send("GET /track.js HTTP/1.1\r\nHost: a\r\n\r\n")
                }
                for connection in connections { #expect(connection.receive()?.status == 200) }
            }
            return rounds * connections.count
        }
        print("together: \(calls) system calls a hit")
        #expect(calls < 3)
    }

    // MARK: - Memory

    @Test("ten thousand idle connections take at most 8 KiB each")
    func idle() throws {
        let count = 10_000
        try #require(FileLimit.raise() > count + 1000, "too few descriptors are allowed here")
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"), ["--loops", "1", "--durability", "interval"])
        hit(try server.connect(), times: 100)
        let before = try residentBytes(server)
        let connections = try (0..<count).map { _ in try server.connect() }
        for connection in connections {
            connection.send("GET /track.js HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        for connection in connections { #expect(connection.receive()?.status == 200) }
        let bytes = (try residentBytes(server) - before) / count
        print("\(bytes) bytes an idle connection")
        #expect(bytes <= 8192)
        withExtendedLifetime(connections) {}
        #expect(server.stop().status == 0)
    }

    /// proc(5): `VmRSS`.
    private func residentBytes(_ server: FootfallServer) throws -> Int {
        let status = try String(
            contentsOfFile: "/proc/\(server.process.identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let number = try #require(line).split(whereSeparator: { $0 == " " || $0 == "\t" })[1]
        return try #require(Int(number)) * 1024
    }
}
