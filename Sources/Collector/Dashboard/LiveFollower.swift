internal import EventLog
internal import Glibc
internal import Insight
internal import POSIX
internal import Tracking

/// Reads the log for the dashboard, on a thread of its own with the lowest priority, and tells each
/// second what happened.
///
/// It reads only while somebody watches, and a few minutes longer; whoever comes then is told of the
/// last hour at once. Otherwise that is read from the log first, and until then the collector spends
/// nothing on the dashboard. Only synced events are seen.
final class LiveFollower: Sendable {
    /// What it has to tell.
    enum Update: Sendable {
        /// The part of the last hour that was read, up to 1.
        case progress(Double)
        /// The members of a `start`, for those who have just come, and of a `tick` for all others,
        /// as JSON without braces. Without a tick everybody has to start again.
        case second(start: String?, tick: String?)
    }

    private struct Shared {
        var watchers = 0
        /// Whether some of them have to be told from the start.
        var hasNew = false
        var isStopping = false
        /// Seconds that a hit may take to the disk and still be told in its second.
        var delaySeconds: Double
    }

    private let shared: Monitor<Shared>
    private let thread: Thread

    /// Seconds for which it goes on when nobody watches any more.
    private static let warmSeconds = 300.0
    /// Events that are read at most to know the last hour.
    static let eventsMax: UInt64 = 4_000_000
    /// Events that it may be behind, before it passes over some.
    private static let lagEventsMax: UInt64 = 1_000_000
    /// Seconds of each second that it may read.
    private static let readingSeconds = 0.5
    /// Events between two looks at the clock.
    private static let eventsPerLook = 1024
    /// Seconds that a hit may take to the disk when nothing is waited for.
    private static let settlingSeconds = 0.25
    /// Seconds after an error.
    private static let retrySeconds = 1.0

    /// Follows the log in `directory`. Both closures are called on the thread.
    init(
        directory: String, _ durability: Durability, eventsMax: UInt64 = LiveFollower.eventsMax,
        post: @escaping @Sendable (Update) -> Void,
        warn: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        let shared = Monitor(Shared(delaySeconds: Self.delaySeconds(durability)))
        self.shared = shared
        thread = try Thread(name: "dashboard") {
            // setpriority(2): of the calling thread alone, on Linux.
            setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
            while Self.waitForWatchers(shared) {
                do throws(SystemError) {
                    var reading = try Reading(
                        directory, delaySeconds: shared.withLock { $0.delaySeconds },
                        eventsMax: eventsMax)
                    try reading.run(shared, post)
                } catch {
                    warn("the dashboard cannot read the log: \(error)")
                    Self.wait(shared, seconds: Self.retrySeconds)
                }
            }
        }
    }

    /// Hits are synced in that way from now on. Any thread.
    func update(_ durability: Durability) {
        shared.withLock { $0.delaySeconds = Self.delaySeconds(durability) }
    }

    private static func delaySeconds(_ durability: Durability) -> Double {
        guard case .interval(let seconds) = durability else { return settlingSeconds }
        return settlingSeconds + seconds
    }

    /// So many watch now, and some of them have to be told from the start. Any thread.
    func setWatchers(_ count: Int, hasNew: Bool) {
        shared.withLock {
            $0.watchers = count
            if hasNew { $0.hasNew = true }
        }
        shared.notify()
    }

    /// Ends the thread. Once.
    func stop() {
        shared.withLock { $0.isStopping = true }
        shared.notify()
        thread.join()
    }

    /// False when the thread is to end.
    private static func waitForWatchers(_ shared: Monitor<Shared>) -> Bool {
        while true {
            let (isStopping, isWatched) = shared.withLock(
                waitingFor: { $0.isStopping || $0.watchers > 0 }, seconds: 3600
            ) { ($0.isStopping, $0.watchers > 0) }
            if isStopping { return false }
            if isWatched { return true }
        }
    }

    private static func wait(_ shared: Monitor<Shared>, seconds: Double) {
        shared.withLock(waitingFor: { $0.isStopping }, seconds: seconds) { _ in }
    }

    /// The log from the last hour on.
    private struct Reading: ~Copyable {
        private let directory: String
        private var delaySeconds: Double
        private var log: LogReader
        private var rollup: LiveRollup
        /// The second that was told last.
        private var told: Int64 = 0

        init(
            _ directory: String, delaySeconds: Double, eventsMax: UInt64
        ) throws(SystemError) {
            self.directory = directory
            self.delaySeconds = delaySeconds
            let now = Clock.microsecondsSinceEpoch()
            rollup = LiveRollup(now: now / 1_000_000)
            log = LogReader(directory: directory, from: 1)
            try log.narrow(
                since: Timestamp(microseconds: now - 3_600_000_000), until: nil)
            try skip(beyond: eventsMax)
        }

        /// Tells until nobody has watched for a while, or the thread is to end.
        mutating func run(
            _ shared: Monitor<Shared>, _ post: (Update) -> Void
        ) throws(SystemError) {
            try begin(shared, post)
            var watchedAt = Clock.monotonicSeconds()
            while true {
                let fraction = clock - clock.rounded(.down)
                LiveFollower.wait(shared, seconds: max(0.001, 1 - fraction))
                let (isStopping, isWatched, hasNew) = shared.withLock { shared in
                    defer { shared.hasNew = false }
                    delaySeconds = shared.delaySeconds
                    return (shared.isStopping, shared.watchers > 0, shared.hasNew)
                }
                let now = Clock.monotonicSeconds()
                if isWatched { watchedAt = now }
                if isStopping || now - watchedAt > LiveFollower.warmSeconds { return }
                if !(try readOn()) {
                    // What is not yet read cannot be told.
                    try skip(beyond: LiveFollower.lagEventsMax)
                    if hasNew { shared.withLock { $0.hasNew = true } }
                    continue
                }
                tell(isWatched: isWatched, hasNew: hasNew, post)
            }
        }

        /// Reads what is there.
        private mutating func begin(
            _ shared: Monitor<Shared>, _ post: (Update) -> Void
        ) throws(SystemError) {
            let first = log.next
            let last = try LogReader.synced(in: directory)
            while !(try readOn()) {
                if shared.withLock({ $0.isStopping }) { return }
                let (read, all) = (Double(log.next - first), Double(max(last, log.next) - first))
                post(.progress(read / max(all, 1)))
            }
            shared.withLock { $0.hasNew = false }
            told = second
            post(.second(start: startMembers(), tick: nil))
        }

        private mutating func tell(isWatched: Bool, hasNew: Bool, _ post: (Update) -> Void) {
            let second = second
            guard second > told else { return }
            let isNext = second == told + 1
            told = second
            guard isWatched else { return }
            let tick = isNext ? "\(rollup.tick(second: second)),\(total)" : nil
            post(.second(start: hasNew || !isNext ? startMembers() : nil, tick: tick))
        }

        private mutating func startMembers() -> String {
            "\(rollup.start(second: told)),\(total)"
        }

        private var total: String { "\"total_events\":\(log.next - 1)" }

        /// The time up to which everything has been synced.
        private var clock: Double {
            Double(Clock.microsecondsSinceEpoch()) / 1e6 - delaySeconds
        }

        /// The last second of that which is complete.
        private var second: Int64 { Int64(clock.rounded(.down)) - 1 }

        /// Reads on for as long as it may. Whether everything was read.
        private mutating func readOn() throws(SystemError) -> Bool {
            rollup.advance(to: Clock.microsecondsSinceEpoch() / 1_000_000)
            return try Self.read(&log, into: &rollup)
        }

        private static func read(
            _ log: inout LogReader, into rollup: inout LiveRollup
        ) throws(SystemError) -> Bool {
            let deadline = Clock.monotonicSeconds() + LiveFollower.readingSeconds
            var (events, isAtEnd) = (0, true)
            try log.readSome { sequence, line in
                rollup.add(sequence, line)
                events += 1
                if events % LiveFollower.eventsPerLook == 0, Clock.monotonicSeconds() > deadline {
                    isAtEnd = false
                }
                return isAtEnd
            }
            return isAtEnd
        }

        /// Passes over events, if more than `count` are to be read.
        private mutating func skip(beyond count: UInt64) throws(SystemError) {
            let synced = try LogReader.synced(in: directory)
            guard synced >= log.next, synced - log.next >= count else { return }
            let first = synced - count + 1
            rollup.skip(Int(first - log.next))
            log.skip(to: first)
        }
    }
}
