import Glibc

/// One or several results on one page that needs nothing else.
struct HTMLReport {
    private let results: [(name: String, result: RunResult)]

    /// A page about one run.
    init(_ result: RunResult) {
        results = [(name: result.url, result: result)]
    }

    /// A page that compares runs, each under a name.
    init(comparing results: [(name: String, result: RunResult)]) {
        self.results = results
    }

    /// The document.
    var text: String {
        let title = results.count == 1 ? "Load of \(results[0].name)" : "Comparison of runs"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>\(Self.escaped(title))</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(Self.escaped(title))</h1>
            \(legend)
            \(percentileChart.figure)
            \(latencyChart.figure)
            \(throughputChart.figure)
            \(table)
            \(notes)
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1c1a; --soft: #5c5b57;
          --rule: #e3e2de; --c0: #2a78d6; --c1: #eb6834; --c2: #1baf7a; --c3: #b07800;
          --c4: #4a3aa7; --c5: #e34948; }
        @media (prefers-color-scheme: dark) { :root { --paper: #191918; --ink: #f2f1ed;
          --soft: #b4b2aa; --rule: #383835; --c0: #5598e7; --c1: #e8814f; --c2: #2fb886;
          --c3: #d9a521; --c4: #9d93ee; --c5: #ec7070; } }
        body { background: var(--paper); color: var(--ink); max-width: 900px; margin: 2em auto;
          padding: 0 16px; font: 15px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.4em; overflow-wrap: anywhere; }
        figure { margin: 1.6em 0; }
        figcaption, .notes, .legend { color: var(--soft); }
        figcaption b { color: var(--ink); }
        svg { width: 100%; height: auto; display: block; margin-top: 6px; }
        svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
        .end { text-anchor: end; } .middle { text-anchor: middle; }
        .grid, .tick { stroke: var(--rule); fill: none; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .dashed { stroke-dasharray: 5 4; }
        .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
        .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
        .legend span { display: inline-block; margin-right: 1.4em; }
        .legend svg { display: inline-block; width: 28px; height: 10px; margin: 0 6px 0 0; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--rule);
          white-space: nowrap; }
        th:first-child, td:first-child { text-align: left; padding-left: 0; }
        .bad { color: var(--c5); font-weight: 600; }
        """

    private var hasUncorrected: Bool { results.contains { $0.result.uncorrected != nil } }

    private var legend: String {
        guard results.count > 1 || hasUncorrected else { return "" }
        func sample(_ color: Int, _ isDashed: Bool, _ name: String) -> String {
            "<span><svg viewBox=\"0 0 28 10\"><path class=\"line c\(color % 6)"
                + "\(isDashed ? " dashed" : "")\" d=\"M0 5h28\"/></svg>\(Self.escaped(name))</span>"
        }
        var parts: [String] = []
        for (index, entry) in results.enumerated() {
            let name = results.count > 1 ? entry.name : "from the planned time"
            parts.append(sample(index, false, name))
        }
        if hasUncorrected {
            parts.append(
                sample(0, true, "from the sending (waiting for the server to take it left out)"))
        }
        return "<p class=\"legend\">\(parts.joined(separator: "\n"))</p>"
    }

    private var percentileChart: Chart {
        // The horizontal axis is the number of nines.
        func nines(_ percentile: Double) -> Double { -log10(max(1 - percentile / 100, 1e-9)) }
        func points(_ latency: Latency) -> [(x: Double, y: Double)] {
            // Beyond the longest one there is nothing to see.
            let end = latency.curve.firstIndex { $0.count == latency.count }
            return latency.curve.prefix((end ?? -1) + 1).map {
                (x: nines($0.percentile), y: Double($0.value))
            }
        }
        var lines: [Chart.Line] = []
        for (index, entry) in results.enumerated() {
            lines.append(Chart.Line(color: index, points: points(entry.result.latency)))
            if let uncorrected = entry.result.uncorrected {
                lines.append(Chart.Line(color: index, isDashed: true, points: points(uncorrected)))
            }
        }
        let most = lines.flatMap(\.points).map(\.x).max() ?? 1
        let ticks = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"]
        let values = lines.flatMap(\.points).map(\.y)
        return Chart(
            title: "Latency by percentile", description: "how long the slower hits take",
            xEnd: max(most, 1),
            xTicks: ticks.enumerated().map { Chart.Tick(value: Double($0), label: $1) },
            yTicks: Chart.logarithmicTicks(
                values.min() ?? 1, values.max() ?? 10, { NumberText.axisLatency($0) }),
            isLogarithmic: true, lines: lines)
    }

    private var latencyChart: Chart {
        var lines: [Chart.Line] = []
        for (index, entry) in results.enumerated() {
            lines.append(line(entry.result, index) { Double($0.p99) })
            lines.append(line(entry.result, index, isDashed: true) { Double($0.p50) })
        }
        let values = lines.flatMap(\.points).map(\.y).filter { $0 > 0 }
        return Chart(
            title: "Latency over time", description: "p99, and p50 dashed, second by second",
            xEnd: timeEnd, xTicks: timeTicks,
            yTicks: Chart.logarithmicTicks(
                values.min() ?? 1, values.max() ?? 10, { NumberText.axisLatency($0) }),
            isLogarithmic: true, lines: lines)
    }

    private var throughputChart: Chart {
        let lines = results.enumerated().map { index, entry in
            line(entry.result, index, \.hitsPerSecond)
        }
        let most = lines.flatMap(\.points).map(\.y).max() ?? 1
        return Chart(
            title: "Throughput over time", description: "hits answered in each second",
            xEnd: timeEnd, xTicks: timeTicks,
            yTicks: Chart.linearTicks(upTo: most * 1.05, { "\(NumberText.grouped(Int($0)))/s" }),
            isLogarithmic: false, lines: lines)
    }

    private func line(
        _ result: RunResult, _ color: Int, isDashed: Bool = false,
        _ value: (SecondResult) -> Double
    ) -> Chart.Line {
        Chart.Line(
            color: color, isDashed: isDashed,
            points: result.series.filter { $0.to - $0.from > 0.2 }.map {
                (x: ($0.from + $0.to) / 2, y: value($0))
            })
    }

    private var timeEnd: Double {
        results.flatMap(\.result.series).map(\.to).max() ?? 1
    }

    private var timeTicks: [Chart.Tick] {
        Chart.linearTicks(upTo: timeEnd) { value in
            let digits = value == value.rounded() ? 0 : value * 10 == (value * 10).rounded() ? 1 : 2
            return "\(NumberText.fixed(value, digits)) s"
        }
    }

    private var table: String {
        let names = ["p50", "p90", "p99", "p99.9", "p99.99"]
        let header = (["run", "hits/s", "errors"] + names + ["max"]).map { "<th>\($0)</th>" }
        var rows = ["<tr>\(header.joined())</tr>"]
        func row(_ name: String, _ result: RunResult, _ latency: Latency) -> String {
            let errors = NumberText.grouped(result.errors.total)
            let cells =
                [
                    Self.escaped(name), NumberText.grouped(Int(result.hitsPerSecond.rounded())),
                    result.errors.total > 0 ? "<span class=\"bad\">\(errors)</span>" : errors,
                ] + names.map { NumberText.latency(Double(latency[$0])) }
                + [NumberText.latency(Double(latency.max))]
            return "<tr>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
        }
        for (name, result) in results {
            rows.append(row(name, result, result.latency))
            if let uncorrected = result.uncorrected {
                rows.append(row("\(name), from the sending", result, uncorrected))
            }
        }
        return "<div class=\"scroll\"><table>\n\(rows.joined(separator: "\n"))\n</table></div>"
    }

    private var notes: String {
        results.map { name, result in
            let report = TextReport(result).text
            return "<details class=\"notes\"\(results.count == 1 ? " open" : "")>"
                + "<summary>\(Self.escaped(name)), \(result.started)</summary>\n"
                + "<div class=\"scroll\"><pre>\(Self.escaped(report))</pre></div></details>"
        }.joined(separator: "\n")
    }

    /// Text as HTML.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
