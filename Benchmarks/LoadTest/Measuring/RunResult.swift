import Histogram

/// A run as it is written as JSON, and read again to be compared. Latencies are in microseconds.
struct RunResult: Codable, Equatable {
    /// The version of this layout.
    var format = 1
    var url: String
    var method: String
    /// RFC 3339, UTC.
    var started: String
    /// `completed`, `interrupted`, or why the server was gone.
    var ended: String
    var load: Load
    /// What was measured: the run without its warm-up.
    var seconds: Double
    /// Replies with a status below 400.
    var hits: Int
    var hitsPerSecond: Double
    var bytesSent: Int
    var bytesReceived: Int
    /// From the first request on, warm-up included.
    var sent: Int
    var acknowledged: Int
    /// Set if the run was reconciled with the log.
    var stored: Int?
    var lost: Int?
    var duplicated: Int?
    var unacknowledgedButStored: Int?
    /// Events of the log that no request of the run asked for.
    var foreign: Int?
    var errors: Errors
    /// Replies by status: `2xx`.
    var statuses: [String: Int]
    var latency: Latency
    /// From the sending on, not from the planned time; set with a constant rate.
    var uncorrected: Latency?
    var schedule: ScheduleKept?
    var tester: Tester
    var machine: Machine
    var series: [SecondResult]

    /// How the load was made.
    struct Load: Codable, Equatable {
        var connections: Int
        var threads: Int
        var seconds: Double?
        var requests: Int?
        /// Requests a second; absent in closed mode.
        var rate: Double?
        var warmUpSeconds: Double
        var timeoutSeconds: Double
        var keepAlive: Bool
        var pipelineDepth: Int
        var visitors: Int
        var seed: UInt64
        /// The command line.
        var arguments: [String]
    }

    /// Failed requests by kind.
    struct Errors: Codable, Equatable {
        var total: Int
        var connect: Int
        var read: Int
        var write: Int
        var timeout: Int
        var status: Int
    }

    /// How well the schedule was kept.
    struct ScheduleKept: Codable, Equatable {
        /// Sent more than 1 ms after their time.
        var behind: Int
        /// Of those, sent more than 10 ms late although a connection was free.
        var lateThroughTester: Int
        /// Not sent by the end.
        var neverSent: Int
    }

    /// What the load cost.
    struct Tester: Codable, Equatable {
        /// The part of its time in which the busiest thread computed.
        var busy: Double
        /// CPU time per request of the whole process.
        var cpuMicrosecondsPerRequest: Double
        /// Why the tester was the bottleneck, if it was.
        var bottleneck: String?
        /// Cookies that were longer than a visitor can keep.
        var cookiesDropped: Int
    }
}

/// A distribution of latencies in microseconds.
struct Latency: Codable, Equatable {
    var count: Int
    var min: Int
    var mean: Double
    var deviation: Double
    var max: Int
    /// `p50` to `p99.99`.
    var percentiles: [String: Int]
    /// The curve: percentile, latency, and how many were not longer.
    var curve: [Point]

    /// A point of the curve.
    struct Point: Codable, Equatable {
        var percentile: Double
        var value: Int
        var count: Int
    }

    /// The percentiles that every report has.
    static let reported: [(name: String, percentile: Double)] = [
        ("p50", 50), ("p75", 75), ("p90", 90), ("p95", 95), ("p99", 99), ("p99.9", 99.9),
        ("p99.99", 99.99),
    ]

    init(_ histogram: Interval.Latencies) {
        count = Int(histogram.totalCount)
        min = count == 0 ? 0 : Int(histogram.min)
        mean = count == 0 ? 0 : histogram.mean
        deviation = count == 0 ? 0 : histogram.stdDeviation
        max = count == 0 ? 0 : Int(histogram.max)
        percentiles = [:]
        for (name, percentile) in Self.reported {
            percentiles[name] = count == 0 ? 0 : Int(histogram.valueAtPercentile(percentile))
        }
        curve =
            count == 0
            ? []
            : histogram.percentiles(ticksPerHalfDistance: 5).map {
                Point(
                    percentile: $0.percentileLevelIteratedTo, value: Int($0.value),
                    count: Int($0.totalCountToThisValue))
            }
    }

    /// A percentile by its name, in microseconds.
    subscript(name: String) -> Int { percentiles[name] ?? 0 }
}

/// About a second of a run.
struct SecondResult: Codable, Equatable {
    /// Seconds since the measuring began.
    var from: Double
    var to: Double
    var hits: Int
    var hitsPerSecond: Double
    var p50: Int
    var p99: Int
    var max: Int
    var errors: Int
    var openConnections: Int

    init(_ interval: Interval, from: Double, to: Double) {
        self.from = from
        self.to = to
        hits = Int(interval.latencies.totalCount)
        hitsPerSecond = to > from ? Double(hits) / (to - from) : 0
        p50 = hits == 0 ? 0 : Int(interval.latencies.valueAtPercentile(50))
        p99 = hits == 0 ? 0 : Int(interval.latencies.valueAtPercentile(99))
        max = hits == 0 ? 0 : Int(interval.latencies.max)
        errors = interval.errorCount
        openConnections = interval.openConnections
    }
}
