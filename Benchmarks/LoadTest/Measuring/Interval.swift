import Histogram

/// What one thread, or all, measured in a span of time.
struct Interval: Sendable {
    /// Latencies in microseconds, from 1 us to an hour with three digits.
    typealias Latencies = Histogram<UInt64>

    /// The longest latency that is told apart from longer ones, in microseconds.
    static let latencyMax: UInt64 = 3_600_000_000

    /// Of requests that were answered with a status below 400: from the planned sending on if
    /// there is a schedule, else from the sending on, to the end of the reply.
    var latencies = Self.latencies()
    /// From the sending on; nil without a schedule.
    var uncorrected: Latencies?
    /// Replies by the hundreds of their statuses.
    var statuses = InlineArray<6, Int>(repeating: 0)
    var errors = InlineArray<5, Int>(repeating: 0)
    /// Requests that were sent, and replies that came.
    var (sent, replies) = (0, 0)
    var (bytesSent, bytesReceived) = (0, 0)
    /// Requests sent more than `Schedule.lateNanoseconds` after their time.
    var behindSchedule = 0
    /// Requests whose time was `Schedule.ownLateNanoseconds` ago when the tester looked, and
    /// connections were free all the while.
    var lateThroughTester = 0
    /// Cookies that were too long to be kept.
    var cookiesDropped = 0
    /// Connections that are open at the end.
    var openConnections = 0
    /// The time of the last reply, in nanoseconds of the monotonic clock.
    var lastReply: Int64 = 0

    init(hasSchedule: Bool) {
        if hasSchedule { uncorrected = Self.latencies() }
    }

    static func latencies() -> Latencies {
        Histogram(
            lowestDiscernibleValue: 1, highestTrackableValue: latencyMax,
            numberOfSignificantValueDigits: .three)
    }

    /// A time in nanoseconds as it is recorded.
    static func microseconds(_ nanoseconds: Int64) -> UInt64 {
        min(max(1, UInt64(max(0, nanoseconds)) / 1000), latencyMax)
    }

    var errorCount: Int {
        var sum = 0
        for index in errors.indices { sum += errors[index] }
        return sum
    }

    mutating func count(_ kind: ErrorKind, _ number: Int = 1) {
        errors[kind.index] += number
    }

    func errors(_ kind: ErrorKind) -> Int { errors[kind.index] }

    /// Adds what another thread, or a later span, has measured.
    mutating func add(_ other: Interval) {
        latencies.add(other.latencies)
        if let more = other.uncorrected { uncorrected?.add(more) }
        for index in statuses.indices { statuses[index] += other.statuses[index] }
        for index in errors.indices { errors[index] += other.errors[index] }
        sent += other.sent
        replies += other.replies
        bytesSent += other.bytesSent
        bytesReceived += other.bytesReceived
        behindSchedule += other.behindSchedule
        lateThroughTester += other.lateThroughTester
        cookiesDropped += other.cookiesDropped
        openConnections += other.openConnections
        lastReply = max(lastReply, other.lastReply)
    }
}

extension ErrorKind {
    /// A place in a table of all.
    var index: Int {
        switch self {
        case .connect: 0
        case .read: 1
        case .write: 2
        case .timeout: 3
        case .status: 4
        }
    }
}
