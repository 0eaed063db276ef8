import Histogram

/// How a result is written.
enum ReportFormat: String, CaseIterable, Sendable {
    /// For people.
    case text
    /// For programs.
    case json
    /// A line for each second.
    case csv
    /// The latencies as HdrHistogram's tools read them.
    case hgrm
    /// A page with charts.
    case html

    /// Writes a result in this format.
    func write(_ result: RunResult, _ latencies: Interval.Latencies) throws -> String {
        switch self {
        case .text: return TextReport(result).text
        case .json: return try result.json()
        case .csv: return CSVReport(result).text
        case .hgrm:
            var text = ""
            // In milliseconds, as wrk2 and HdrHistogram's plotter have it.
            latencies.outputPercentileDistribution(to: &text, outputValueUnitScalingRatio: 1000)
            return text
        case .html: return HTMLReport(result).text
        }
    }
}
