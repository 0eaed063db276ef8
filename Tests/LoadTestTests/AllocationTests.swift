import Foundation
import TestSupport
import Testing

/// What a request costs the tester in memory. The optimized binary only, as `make test` gives it.
@Suite(
    .enabled(
        if: BenchBinary.path.contains("/release/"),
        "FOOTFALL_BENCH_BINARY is not the release build"))
struct AllocationTests {
    /// Allocations in the whole life of the tester, as valgrind counts them.
    private func allocations(requests: Int, _ more: [String]) throws -> Int {
        let server = try ScriptedServer {
            .ok("Set-Cookie: id=\(String($0.number, radix: 16)); Path=/\r\n")
        }
        defer { server.stop() }
        let directory = TemporaryDirectory()
        // valgrind cannot read the debug information of Swift.
        let binary = directory.file("footfall-bench")
        let stripped = try ChildProcess.run(["strip", "-g", "-o", binary, BenchBinary.path])
        #expect(stripped.status == 0)
        let run = try ChildProcess.run(
            ["valgrind", binary, server.url, "-n", "\(requests)", "-c", "4", "-t", "1", "-q"] + more
        )
        // 5: under valgrind the tester is always busy.
        #expect(run.status == 0 || run.status == 5, "\(run.errors)")
        let line = run.errors.split(separator: "\n").first { $0.contains("total heap usage:") }
        let count = line?.components(separatedBy: "usage: ").last?.prefix { $0 != " " }
        return Int((count ?? "").replacing(",", with: "")) ?? 0
    }

    @Test(
        "neither a request nor its latency allocates anything",
        arguments: [[], ["-R", "2k"], ["-p", "4"]])
    func perRequest(_ more: [String]) throws {
        let few = try allocations(requests: 2000, more)
        let many = try allocations(requests: 8000, more)
        print("\(few) allocations for 2,000 requests, \(many) for 8,000")
        #expect(few > 0)
        // Each second has a histogram of its own.
        #expect(many - few < 600)
    }
}
