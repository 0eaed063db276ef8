import Foundation
import POSIX
import TestSupport
import Testing

@testable import LoadTest

/// The constant rate: when requests are sent, and from when latency counts.
@Suite(.serialized) struct RateTests {
    /// Latencies as the server knows them, in microseconds.
    private final class Truth: Sendable {
        private let list = Monitor<[Double]>([])

        func add(_ seconds: Double) { list.withLock { $0.append(seconds * 1e6) } }

        func percentile(_ percentile: Double) -> Double {
            let sorted = list.withLock { $0 }.sorted()
            return sorted[min(Int(Double(sorted.count) * percentile / 100), sorted.count - 1)]
        }
    }

    /// Tries again if the machine was busy with something else: what is measured is a few
    /// milliseconds. Whether it was tells a thread that does nothing but sleep meanwhile. A machine
    /// that is never quiet proves nothing, and that is printed.
    private func untilQuiet(_ attempt: () throws -> String?) throws {
        var complaints: [String] = []
        var attempts = 0
        while complaints.count < 3, attempts < 15 {
            attempts += 1
            let isMeasured = Monitor(false)
            let oversleeps = Monitor<[Double]>([])
            let sleeper = try POSIX.Thread(name: "sleeper") {
                while !isMeasured.withLock({ $0 }) {
                    let start = Clock.monotonicSeconds()
                    usleep(1000)
                    oversleeps.withLock { $0.append(Clock.monotonicSeconds() - start - 0.001) }
                }
            }
            let complaint = Result { try attempt() }
            isMeasured.withLock { $0 = true }
            sleeper.join()
            guard let text = try complaint.get() else { return }
            let sorted = oversleeps.withLock { $0 }.sorted()
            let isQuiet = sorted[sorted.count * 99 / 100] < 0.0003
            print("again: \(text); the machine was \(isQuiet ? "quiet" : "busy")")
            if isQuiet { complaints.append(text) }
        }
        if complaints.isEmpty {
            print("NOT JUDGED: in \(attempts) attempts the machine was too busy to measure")
        } else {
            Issue.record("\(complaints)")
        }
    }

    private func complaint(_ name: String, _ measured: Int, _ truth: Double) -> String? {
        let difference = abs(Double(measured) - truth)
        return difference <= max(0.05 * truth, 1000)
            ? nil : "\(name): \(measured) us measured, \(Int(truth)) us true"
    }

    @Test(
        "latencies agree with a server that sleeps a known time, within 5 % or 1 ms",
        arguments: [5.0, 100])
    func sleepingServer(_ milliseconds: Double) throws {
        try untilQuiet {
            let truth = Truth()
            let server = try ScriptedServer { _ in
                let start = Clock.monotonicSeconds()
                usleep(UInt32(milliseconds * 1000))
                // What the kernel adds to a sleep is the server's too.
                truth.add(Clock.monotonicSeconds() - start)
                return .ok()
            }
            defer { server.stop() }
            let run = try ChildProcess.run([
                BenchBinary.path, server.url, "-R", "200", "-d", "2s", "-c", "32", "-q",
                "-o", "json",
            ])
            // 5: this tester had to wait for the processor.
            guard run.status == 0 else { return run.errors }
            let result = try RunResult(json: run.output.utf8)
            #expect(result.hits == 400)
            let uncorrected = try #require(result.uncorrected)
            return complaint("p50", result.latency["p50"], truth.percentile(50))
                ?? complaint("p99", result.latency["p99"], truth.percentile(99))
                ?? complaint("uncorrected p50", uncorrected["p50"], truth.percentile(50))
        }
    }

    @Test("a stall of one second shows in the corrected p99, and not in the uncorrected one")
    func stall() throws {
        try untilQuiet {
            let stalledUntil = Monitor(0.0)
            let start = Clock.monotonicSeconds()
            let server = try ScriptedServer { _ in
                let now = Clock.monotonicSeconds()
                // From the second second on it answers nothing for one.
                let until = stalledUntil.withLock { until in
                    if until == 0, now > start + 2 { until = now + 1 }
                    return until
                }
                if until > now { usleep(UInt32((until - now) * 1e6)) }
                usleep(2000)
                return .ok()
            }
            defer { server.stop() }
            let run = try ChildProcess.run([
                BenchBinary.path, server.url, "-R", "500", "-d", "6s", "-c", "4", "-t", "1", "-q",
                "-o", "json",
            ])
            guard run.status == 0 else { return run.errors }
            let result = try RunResult(json: run.output.utf8)
            #expect(result.hits == 3000)
            #expect(try #require(result.schedule).neverSent == 0)
            let uncorrected = try #require(result.uncorrected)
            // Of 3000 planned hits 500 fell into the stall; four of them were waiting.
            #expect(result.latency["p99"] > 700_000)
            #expect(result.latency.max > 900_000)
            #expect(uncorrected.max > 900_000)
            #expect(try #require(result.schedule).behind > 400)
            return uncorrected["p99"] < 100_000
                ? nil : "uncorrected p99 is \(uncorrected["p99"]) us"
        }
    }

    @Test("a server that cannot keep up is not blamed on the tester, and the rest is counted")
    func slowServer() throws {
        let server = try ScriptedServer { _ in
            usleep(20_000)
            return .ok()
        }
        defer { server.stop() }
        // Two connections take at most 100 a second.
        let (result, _) = try bench(server.url, "-R", "1000", "-d", "2s", "-c", "2", "-t", "1")
        let kept = try #require(result.schedule)
        #expect(result.hits <= 210)
        #expect(result.hits + kept.neverSent == 2000)
        #expect(kept.behind > result.hits / 2)
        #expect(result.tester.bottleneck == nil)
    }

    @Test("a tester that does not get to send says that it was the bottleneck, and exits with 5")
    func stoppedTester() throws {
        let server = try ScriptedServer { _ in .ok() }
        defer { server.stop() }
        let run = try ChildProcess([
            BenchBinary.path, server.url, "-R", "500", "-d", "3s", "-q", "-o", "json",
        ])
        let deadline = Date().addingTimeInterval(30)
        while server.count < 100, Date() < deadline { usleep(5000) }
        run.signal(SIGSTOP)
        usleep(800_000)
        run.signal(SIGCONT)
        let end = run.waitForEnd()
        #expect(end.status == 5)
        #expect(end.errors.contains("the tester was the bottleneck"))
        let result = try RunResult(json: end.output.utf8)
        #expect(result.hits == 1500)
        #expect(try #require(result.schedule).lateThroughTester > 300)
        // And it is in the latencies, because nobody could have known.
        #expect(result.latency["p99"] > 300_000)
    }

    @Test(
        "who was the bottleneck",
        arguments: [
            (10_000, 0, 0, 0.5, 9, true, false), (10_000, 101, 101, 0.5, 9, true, true),
            (10_000, 100, 5000, 0.5, 9, true, false), (10_000, 0, 5000, 0.99, 9, true, true),
            (10_000, 0, 50, 0.99, 9, true, false), (10_000, 0, 0, 0.99, 9, false, true),
            (10_000, 0, 0, 0.97, 9, false, false), (100, 0, 0, 1, 0.02, false, false),
            (0, 0, 0, 0, 9, true, false),
        ])
    func bottleneck(
        _ sent: Int, _ late: Int, _ behind: Int, _ busy: Double, _ seconds: Double,
        _ hasSchedule: Bool, _ expected: Bool
    ) {
        let reason = Bottleneck.reason(
            sent: sent, lateThroughTester: late, behindSchedule: behind, busy: busy,
            seconds: seconds, hasSchedule: hasSchedule)
        #expect((reason != nil) == expected)
    }
}
