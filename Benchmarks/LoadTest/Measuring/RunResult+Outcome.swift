import FoundationEssentials
import Histogram

extension RunResult {
    /// What came of a run.
    init(
        _ outcome: LoadRun.Outcome, _ options: LoadOptions, arguments: [String],
        reconciliation: Reconciliation.Counts?
    ) {
        let total = outcome.total
        url = options.url
        method = options.method
        started = Self.timestamp(microseconds: outcome.startTime)
        ended = Self.text(outcome.ending)
        load = Load(
            connections: options.connections, threads: options.threads, seconds: options.seconds,
            requests: options.requests, rate: options.rate, warmUpSeconds: options.warmUpSeconds,
            timeoutSeconds: options.timeoutSeconds, keepAlive: options.keepsAlive,
            pipelineDepth: options.pipelineDepth, visitors: options.visitors, seed: options.seed,
            arguments: arguments)
        seconds = outcome.seconds
        hits = Int(total.latencies.totalCount)
        hitsPerSecond = seconds > 0 ? Double(hits) / seconds : 0
        bytesSent = total.bytesSent
        bytesReceived = total.bytesReceived
        sent = outcome.summaries.reduce(0) { $0 + $1.sent }
        acknowledged = outcome.summaries.reduce(0) { $0 + $1.acknowledged }
        stored = reconciliation?.stored
        lost = reconciliation?.lost
        duplicated = reconciliation?.duplicated
        unacknowledgedButStored = reconciliation?.unacknowledgedButStored
        foreign = reconciliation?.foreign
        errors = Errors(
            total: total.errorCount, connect: total.errors(.connect), read: total.errors(.read),
            write: total.errors(.write), timeout: total.errors(.timeout),
            status: total.errors(.status))
        statuses = [:]
        for index in total.statuses.indices where total.statuses[index] > 0 {
            statuses["\(index)xx"] = total.statuses[index]
        }
        latency = Latency(total.latencies)
        uncorrected = total.uncorrected.map { Latency($0) }
        let neverSent = outcome.summaries.reduce(0) { $0 + $1.neverSent }
        if options.rate != nil {
            schedule = ScheduleKept(
                behind: total.behindSchedule, lateThroughTester: total.lateThroughTester,
                neverSent: neverSent)
        }
        let busy = outcome.summaries.map(\.busy).max() ?? 0
        tester = Tester(
            busy: busy, cpuMicrosecondsPerRequest: outcome.cpuSeconds * 1e6 / Double(max(1, sent)),
            bottleneck: Bottleneck.reason(
                sent: total.sent, lateThroughTester: total.lateThroughTester,
                behindSchedule: total.behindSchedule, busy: busy,
                seconds: outcome.seconds, hasSchedule: options.rate != nil),
            cookiesDropped: total.cookiesDropped)
        machine = .current()
        series = outcome.series
    }

    private static func text(_ ending: LoadRun.Ending) -> String {
        switch ending {
        case .completed: "completed"
        case .interrupted: "interrupted"
        case .serverGone(let reason): "the server was gone: \(reason)"
        }
    }

    private static func timestamp(microseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(microseconds) / 1e6).formatted(.iso8601)
    }

    /// What another program reads.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    /// Reads what `json` wrote.
    init(json: some Sequence<UInt8>) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(RunResult.self, from: Data(json))
    }
}
