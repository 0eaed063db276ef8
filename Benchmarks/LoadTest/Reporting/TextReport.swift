/// A result for people.
struct TextReport {
    private let result: RunResult

    init(_ result: RunResult) {
        self.result = result
    }

    /// The lines.
    var text: String {
        var lines = ["\(result.method) \(result.url)", "  \(load)"]
        if result.ended != "completed" { lines.append("  PARTIAL RESULT: \(result.ended)") }
        lines += [""] + throughput + [""] + latencies + [""] + extra
        return lines.joined(separator: "\n") + "\n"
    }

    private var load: String {
        let load = result.load
        let mode = load.rate.map { "constant rate of \(NumberText.grouped(Int($0)))/s" }
        return [
            mode ?? "closed loop", NumberText.counted(load.connections, "connection"),
            NumberText.counted(load.threads, "thread"),
            load.keepAlive ? nil : "a connection for each hit",
            load.pipelineDepth > 1 ? "\(load.pipelineDepth) requests deep" : nil,
            "\(NumberText.fixed(result.seconds, 2)) s measured",
            load.warmUpSeconds > 0 ? "after \(NumberText.fixed(load.warmUpSeconds, 1)) s" : nil,
            "seed \(load.seed)",
        ].compactMap { $0 }.joined(separator: ", ")
    }

    private var throughput: [String] {
        let errors = result.errors
        let kinds = [
            ("connect", errors.connect), ("read", errors.read), ("write", errors.write),
            ("timeout", errors.timeout), ("status", errors.status),
        ]
        let byKind = kinds.filter { $0.1 > 0 }.map { "\($0.0) \(NumberText.grouped($0.1))" }
        let detail = byKind.isEmpty ? "" : " (\(byKind.joined(separator: ", ")))"
        return [
            line("hits", NumberText.grouped(result.hits)),
            line("hits/s", NumberText.grouped(Int(result.hitsPerSecond.rounded()))),
            line("errors", NumberText.grouped(errors.total) + detail),
            line(
                "bytes",
                "\(NumberText.bytes(result.bytesSent)) sent, "
                    + "\(NumberText.bytes(result.bytesReceived)) received"),
        ]
    }

    private var latencies: [String] {
        let columns =
            [("min", 9)] + Latency.reported.map { ($0.name, 9) } + [("max", 9), ("mean", 9)]
        let header = columns.map { $0.0.right($0.1) }.joined()
        func row(_ latency: Latency) -> String {
            let values =
                [Double(latency.min)] + Latency.reported.map { Double(latency[$0.name]) }
                + [Double(latency.max), latency.mean]
            return values.map { NumberText.latency($0).right(9) }.joined()
        }
        var lines = [line("", header), line("latency", row(result.latency))]
        if let uncorrected = result.uncorrected {
            lines.append(line("uncorrected", row(uncorrected)))
        }
        return lines
    }

    private var extra: [String] {
        var lines: [String] = []
        if let kept = result.schedule {
            lines.append(
                line(
                    "schedule",
                    "\(NumberText.grouped(kept.behind)) sent over 1 ms late "
                        + "(\(NumberText.grouped(kept.lateThroughTester)) through this tester), "
                        + "\(NumberText.grouped(kept.neverSent)) not sent"))
        }
        if let stored = result.stored {
            lines.append(
                line(
                    "reconciled",
                    [
                        "sent \(NumberText.grouped(result.sent))",
                        "acknowledged \(NumberText.grouped(result.acknowledged))",
                        "stored \(NumberText.grouped(stored))",
                        "lost \(NumberText.grouped(result.lost ?? 0))",
                        "duplicated \(NumberText.grouped(result.duplicated ?? 0))",
                        "unacknowledged but stored "
                            + NumberText.grouped(result.unacknowledgedButStored ?? 0),
                    ].joined(separator: ", ")))
            if let foreign = result.foreign, foreign > 0 {
                lines.append(
                    line("", "\(NumberText.counted(foreign, "event")) not of this run"))
            }
        }
        let tester = result.tester
        lines.append(
            line(
                "tester",
                "\(NumberText.fixed(tester.cpuMicrosecondsPerRequest, 2)) us of CPU for each "
                    + "request, busy \(NumberText.fixed(tester.busy * 100, 0)) % of the time"))
        if let bottleneck = tester.bottleneck {
            lines.append(line("", "BOTTLENECK: \(bottleneck)"))
        }
        if tester.cookiesDropped > 0 {
            lines.append(
                line("", "\(NumberText.counted(tester.cookiesDropped, "cookie")) too long to keep"))
        }
        lines.append(line("flags", result.load.arguments.joined(separator: " ")))
        let machine = result.machine
        lines.append(
            line(
                "machine",
                "\(machine.processor), \(NumberText.counted(machine.cores, "core")), "
                    + "\(machine.kernel), libevent \(machine.libevent), footfall-bench "
                    + machine.footfallBench))
        return lines
    }

    private func line(_ name: String, _ text: String) -> String {
        "  \(name.left(11))  \(text)"
    }
}
