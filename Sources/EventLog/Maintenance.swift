internal import Glibc
internal import POSIX

/// What is done to sealed segments beside the writing, on a thread of its own with the lowest
/// priority.
struct Maintenance: Sendable {
    /// What is to be done.
    private struct Plan: Sendable {
        var compressAfterSeconds: Double?
        var retention: RetentionOptions
        var freeBytesMin: Int
    }

    private struct Shared {
        var plan: Plan
        var isChanged = false
        var isClosing = false
    }

    private let directory: LogDirectory
    private let notice: EventLog.NoticeHandler
    private let shared: Monitor<Shared>

    /// Seconds between two looks for segments.
    private static let lookSeconds = 10.0
    /// The same where room has to be made before the disk is full.
    private static let roomSeconds = 1.0

    init(
        _ directory: LogDirectory, _ options: LogOptions, notice: @escaping EventLog.NoticeHandler
    ) throws(SystemError) {
        self.directory = directory
        self.notice = notice
        shared = Monitor(Shared(plan: try Self.plan(options, directory)))
    }

    private static func plan(
        _ options: LogOptions, _ directory: LogDirectory
    ) throws(SystemError) -> Plan {
        Plan(
            compressAfterSeconds: options.compressAfterSeconds, retention: options.retention,
            freeBytesMin: try FreeSpace(of: directory, options).highWaterBytes)
    }

    /// Goes by these options from now on. Any thread.
    func update(_ options: LogOptions) throws(SystemError) {
        let plan = try Self.plan(options, directory)
        shared.withLock {
            $0.plan = plan
            $0.isChanged = true
        }
        shared.notify()
    }

    /// Works until `stop()`.
    func run() {
        // setpriority(2): of the calling thread alone, on Linux.
        setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
        var plan = shared.withLock { $0.plan }
        while true {
            let isClosing = shared.withLock(
                waitingFor: { $0.isClosing || $0.isChanged }, seconds: Self.seconds(plan)
            ) {
                $0.isChanged = false
                plan = $0.plan
                return $0.isClosing
            }
            if isClosing { return }
            work(plan)
        }
    }

    /// Seconds until there may be something to do.
    private static func seconds(_ plan: Plan) -> Double {
        let retention = plan.retention
        return [
            retention.dropsOldest ? roomSeconds : lookSeconds, plan.compressAfterSeconds,
            retention.ageSeconds,
        ].compactMap { $0 }.min() ?? lookSeconds
    }

    private func work(_ plan: Plan) {
        do throws(SystemError) {
            try Retention(
                directory: directory, options: plan.retention, freeBytesMin: plan.freeBytesMin,
                notice: notice
            ).run()
        } catch {
            notice(.retained(error))
        }
        guard let seconds = plan.compressAfterSeconds else { return }
        Compressor(
            directory: directory, afterSeconds: seconds, notice: notice,
            isClosing: { shared.withLock { $0.isClosing } }
        ).run()
    }

    /// Lets the thread end at its next step. Any thread.
    func stop() {
        shared.withLock { $0.isClosing = true }
        shared.notify()
    }
}
