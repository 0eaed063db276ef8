internal import EventLog
public import POSIX

/// A thread that forwards a log to one sink. It reads what is on disk, so nothing that the sink does
/// holds up the collecting.
public final class ForwardingThread: Sendable {
    private struct Shared {
        var isStopping = false
        var status = ForwardingStatus()
    }

    private let shared = Monitor(Shared())
    private let thread: Thread

    /// Starts to forward the log in `directory` to what `makeSink` makes, on the thread. `name` is
    /// that of the sink's checkpoint. Notices come on the thread.
    public init(
        _ name: String, directory: String, _ options: ForwardingOptions = ForwardingOptions(),
        notice: @escaping @Sendable (ForwardingNotice) -> Void,
        makeSink: @escaping @Sendable () -> some Sink
    ) throws(SystemError) {
        let shared = self.shared
        thread = try Thread(name: "forward-\(name)") {
            var forwarder = Forwarder(
                name, makeSink(), log: LogDirectory(path: directory), options,
                random: SystemRandomNumberGenerator(), notice: notice)
            while true {
                let seconds = forwarder.turn()
                let status = forwarder.status
                let isStopping = shared.withLock(
                    waitingFor: { $0.isStopping }, seconds: seconds
                ) {
                    $0.status = status
                    return $0.isStopping
                }
                if isStopping { break }
            }
            let deadline = Clock.monotonicSeconds() + options.flushSeconds
            var seconds = forwarder.turn()
            while !forwarder.isCaughtUp, !forwarder.isHeldUp, Clock.monotonicSeconds() < deadline {
                Thread.sleep(seconds: seconds)
                seconds = forwarder.turn()
            }
            if !forwarder.finish() {
                notice(
                    .failing(sink: name, reason: forwarder.status.lastError ?? "no checkpoint"))
            }
            let status = forwarder.status
            shared.withLock { $0.status = status }
        }
    }

    /// The event up to which every one of `sinks` has dealt with the log in `directory`, and still
    /// has after a power loss; 0 if one has not begun. No segment that has more may be deleted.
    public static func durableCheckpoint(
        of sinks: [String], directory: String
    ) throws(SystemError) -> UInt64 {
        try Checkpoint.durableMinimum(of: sinks, in: LogDirectory(path: directory))
    }

    /// How far the sink is. Any thread.
    public var status: ForwardingStatus { shared.withLock { $0.status } }

    /// Delivers what is stored, for as long as the options allow, makes the last checkpoint and ends
    /// the thread. Once.
    public func stop() {
        shared.withLock { $0.isStopping = true }
        shared.notify()
        thread.join()
    }
}
