internal import Glibc
internal import POSIX

/// What is done to sealed segments beside the writing, on a thread of its own with the lowest
/// priority.
struct Maintenance: Sendable {
    let compressor: Compressor?
    let retention: Retention
    let notice: EventLog.NoticeHandler
    private let isClosing = Monitor(false)

    /// Seconds between two looks for segments.
    private static let lookSeconds = 10.0
    /// The same where room has to be made before the disk is full.
    private static let roomSeconds = 1.0

    init(compressor: Compressor?, retention: Retention, notice: @escaping EventLog.NoticeHandler) {
        self.compressor = compressor
        self.retention = retention
        self.notice = notice
    }

    /// Works until `stop()`.
    func run() {
        // setpriority(2): of the calling thread alone, on Linux.
        setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
        let options = retention.options
        let seconds = [
            options.dropsOldest ? Self.roomSeconds : Self.lookSeconds,
            compressor?.afterSeconds, options.ageSeconds,
        ].compactMap { $0 }.min()
        while !isClosing.withLock(
            waitingFor: { $0 }, seconds: seconds ?? Self.lookSeconds, { $0 })
        {
            do throws(SystemError) {
                try retention.run()
            } catch {
                notice(.retained(error))
            }
            compressor?.run()
        }
    }

    /// Lets the thread end at its next step. Any thread.
    func stop() {
        compressor?.stop()
        isClosing.withLock { $0 = true }
        isClosing.notify()
    }
}
