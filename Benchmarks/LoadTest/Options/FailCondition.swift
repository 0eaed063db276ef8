/// A condition under which a run counts as failed: `p99>5ms`, `errors>0`.
struct FailCondition: Equatable, Sendable, CustomStringConvertible {
    private enum Comparison: String, CaseIterable {
        // The longer ones first, so that they are found first.
        case atLeast = ">="
        case atMost = "<="
        case above = ">"
        case below = "<"
    }

    private enum Unit {
        case microseconds, number
    }

    let description: String
    private let metric: String
    private let comparison: Comparison
    private let limit: Double

    private static let latencies = Latency.reported.map(\.name) + ["min", "mean", "max"]
    private static let counts = [
        "errors", "errors.connect", "errors.read", "errors.write", "errors.timeout",
        "errors.status", "rate", "hits", "lost", "duplicated", "behind",
    ]

    /// Reads conditions with commas between them.
    static func list(_ text: String) throws(InvalidValue) -> [FailCondition] {
        var conditions: [FailCondition] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            conditions.append(try FailCondition(part.filter { $0 != " " }))
        }
        return conditions
    }

    private init(_ text: String) throws(InvalidValue) {
        guard let comparison = Comparison.allCases.first(where: { text.contains($0.rawValue) }),
            let place = text.firstRange(of: comparison.rawValue)
        else {
            throw InvalidValue(
                description: "'\(text)': expected a condition such as p99>5ms or errors>0")
        }
        let name = String(text[..<place.lowerBound])
        let value = String(text[place.upperBound...])
        description = text
        metric = name
        self.comparison = comparison
        let latencyName = name.split(separator: "uncorrected.").last.map { String($0) } ?? ""
        if Self.latencies.contains(latencyName) {
            limit = try Units.seconds(value) * 1e6
        } else if Self.counts.contains(name) {
            limit = Double(try Units.count(value))
        } else {
            let known = (Self.latencies + Self.counts).joined(separator: ", ")
            throw InvalidValue(
                description: "'\(text)': nothing is called '\(name)'; there are \(known)")
        }
    }

    /// Whether it holds, so that the run has failed.
    func holds(for result: RunResult) -> Bool {
        guard let value = value(in: result) else { return false }
        return switch comparison {
        case .above: value > limit
        case .below: value < limit
        case .atLeast: value >= limit
        case .atMost: value <= limit
        }
    }

    /// The measured value; nil if it was not measured.
    private func value(in result: RunResult) -> Double? {
        let prefix = "uncorrected."
        if metric.hasPrefix(prefix) {
            return result.uncorrected.flatMap {
                Self.value(String(metric.dropFirst(prefix.count)), in: $0)
            }
        }
        return switch metric {
        case "errors": Double(result.errors.total)
        case "errors.connect": Double(result.errors.connect)
        case "errors.read": Double(result.errors.read)
        case "errors.write": Double(result.errors.write)
        case "errors.timeout": Double(result.errors.timeout)
        case "errors.status": Double(result.errors.status)
        case "rate": result.hitsPerSecond
        case "hits": Double(result.hits)
        case "lost": result.lost.map { Double($0) }
        case "duplicated": result.duplicated.map { Double($0) }
        case "behind": result.schedule.map { Double($0.behind) }
        default: Self.value(metric, in: result.latency)
        }
    }

    private static func value(_ name: String, in latency: Latency) -> Double? {
        switch name {
        case "min": Double(latency.min)
        case "mean": latency.mean
        case "max": Double(latency.max)
        default: latency.percentiles[name].map { Double($0) }
        }
    }
}
