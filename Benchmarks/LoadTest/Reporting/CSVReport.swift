/// A line for each second, under a line of names.
struct CSVReport {
    private let result: RunResult

    init(_ result: RunResult) {
        self.result = result
    }

    /// The lines; latencies in microseconds.
    var text: String {
        let rows = result.series.map { second in
            [
                NumberText.fixed(second.from, 3), NumberText.fixed(second.to, 3),
                "\(second.hits)", NumberText.fixed(second.hitsPerSecond, 1), "\(second.p50)",
                "\(second.p99)", "\(second.max)", "\(second.errors)", "\(second.openConnections)",
            ].joined(separator: ",")
        }
        let names = "from_s,to_s,hits,hits_per_second,p50_us,p99_us,max_us,errors,open_connections"
        return ([names] + rows).joined(separator: "\n") + "\n"
    }
}
