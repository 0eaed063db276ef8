internal import EventHTTP
internal import EventLog
internal import POSIX

/// Reads the configuration again and puts in force what can be changed while the collector runs, on
/// a thread of its own: that may take as long as a sink takes to stop.
///
/// Used on the control loop.
final class Reloader {
    /// What became of a reload.
    enum Outcome: Sendable {
        /// These settings changed, and are in force; those need a restart, and stay as they were.
        case changed(
            ResolvedConfiguration, Outputs, inForce: [String], needRestart: [String])
        /// Everything stays as it was, for this reason.
        case refused(String)
    }

    private let log: EventLog
    private let forwarders: Forwarders
    private let control: LoopMailbox<ControlMessage>
    private let resolve: Collector.Resolve
    private var thread: Thread?
    /// Whether it is to be done once more: the file may have changed after it was read.
    private var isAskedAgain = false

    init(
        log: EventLog, forwarders: Forwarders, control: LoopMailbox<ControlMessage>,
        resolve: @escaping Collector.Resolve
    ) {
        self.log = log
        self.forwarders = forwarders
        self.control = control
        self.resolve = resolve
    }

    /// Begins, under `old` and with the outputs that there are; the outcome comes to the control
    /// loop, which then calls `finished()`. One at a time.
    func begin(_ old: ResolvedConfiguration, _ outputs: Outputs) {
        guard thread == nil else { return isAskedAgain = true }
        do throws(SystemError) {
            thread = try Thread(name: "reload") { [log, forwarders, control, resolve] in
                control.post(
                    .reloaded(Self.reload(old, outputs, log, forwarders, resolve)))
            }
        } catch {
            control.post(.reloaded(.refused(error.description)))
        }
    }

    /// Takes note that an outcome has come. Whether another reload was asked for meanwhile.
    func finished() -> Bool {
        waitForEnd()
        defer { isAskedAgain = false }
        return isAskedAgain
    }

    /// Waits for a reload that goes on.
    func waitForEnd() {
        thread?.join()
        thread = nil
    }

    private static func reload(
        _ old: ResolvedConfiguration, _ outputs: Outputs, _ log: EventLog,
        _ forwarders: Forwarders,
        _ resolve: Collector.Resolve
    ) -> Outcome {
        do {
            var new = try resolve()
            let (inForce, needRestart) = try new.keepFixed(of: old)
            // What can fail comes first, and changes nothing.
            try Forwarders.check(new.configuration)
            let outputs = try outputs.updated(for: new.configuration)
            try log.update(new.configuration.logOptions)
            try forwarders.update(new.configuration)
            return .changed(new, outputs, inForce: inForce, needRestart: needRestart)
        } catch {
            return .refused("\(error)")
        }
    }
}
