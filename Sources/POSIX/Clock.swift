import Glibc

/// Readings of the system's clocks.
public enum Clock {
    /// Microseconds since 1970-01-01 UTC (`CLOCK_REALTIME`).
    public static func microsecondsSinceEpoch() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
    }

    /// Nanoseconds on a clock that nobody sets (`CLOCK_MONOTONIC`); only differences mean anything.
    public static func monotonicNanoseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    /// Seconds on a clock that nobody sets (`CLOCK_MONOTONIC`); only differences mean anything.
    public static func monotonicSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
