internal import Measuring

/// A text in the exposition format of Prometheus, version 0.0.4: families of samples, each with its
/// help and type.
struct MetricsText {
    /// What it says of itself in `Content-Type`.
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// What the samples of a family are.
    enum Kind: String {
        case counter, gauge, histogram
    }

    typealias Label = (name: String, value: String)

    private(set) var text = ""
    private var family = ""

    /// Begins a family: what follows belongs to it. `help` is one line without backslashes.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// A family of one sample.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some MetricValue) {
        begin(name, kind, help)
        add([], value)
    }

    /// A sample of the family.
    mutating func add(_ labels: [Label] = [], _ value: some MetricValue) {
        write("", labels, value)
    }

    /// The samples of a histogram of seconds.
    mutating func add(_ labels: [Label] = [], _ histogram: DurationHistogram) {
        for bound in Self.shownBounds {
            write(
                "_bucket", labels + [("le", "\(bound)")], histogram.count(upTo: bound))
        }
        write("_bucket", labels + [("le", "+Inf")], histogram.count)
        write("_sum", labels, histogram.sum)
        write("_count", labels, histogram.count)
    }

    /// The samples of a histogram of sizes.
    mutating func add(_ labels: [Label] = [], _ histogram: SizeHistogram) {
        for bound in SizeHistogram.bounds {
            write("_bucket", labels + [("le", "\(bound)")], histogram.count(upTo: bound))
        }
        write("_bucket", labels + [("le", "+Inf")], histogram.count)
        write("_sum", labels, histogram.sum)
        write("_count", labels, histogram.count)
    }

    /// The bounds of durations that are shown: 25 µs, 50 µs, 100 µs and so on.
    private static let shownBounds = DurationHistogram.bounds.enumerated()
        .filter { index, bound in bound > 2e-5 && [0, 4, 7].contains(index % 10) }.map(\.element)

    private mutating func write(_ suffix: String, _ labels: [Label], _ value: some MetricValue) {
        text += family + suffix
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value.metricText)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n")
    }
}

/// What a sample can be.
protocol MetricValue {
    /// As the format has it.
    var metricText: String { get }
}

extension UInt64: MetricValue {
    var metricText: String { String(self) }
}

extension Int: MetricValue {
    var metricText: String { String(self) }
}

extension Double: MetricValue {
    var metricText: String { String(self) }
}

extension Bool: MetricValue {
    var metricText: String { self ? "1" : "0" }
}
