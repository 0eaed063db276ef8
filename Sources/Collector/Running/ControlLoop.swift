internal import EventHTTP
internal import EventLog
internal import Glibc
internal import Logging
internal import POSIX
internal import Tracking

/// The loop of the main thread: signals, the admin side, the watchdog, and what the other loops
/// tell.
final class ControlLoop {
    private let loop = EventLoop()
    private var resolved: ResolvedConfiguration
    private let mailboxes: [LoopMailbox<LoopMessage>]
    private let control: LoopMailbox<ControlMessage>
    private let log: EventLog
    private let gatherer: Gatherer
    private let admin: AdminHandler
    private let follower: LiveFollower
    private let live: LiveStreams
    private var adminServer: HTTPServer?
    private let reloader: Reloader
    private let manager: ServiceManager
    private let logger: Logger
    private var outputs: Outputs
    private var sources: [EventSource] = []
    /// Fires when the delay of a shutdown is over.
    private var delay: EventSource?
    /// Several loops may come to the same one.
    private var lastWarning = ""

    /// Of the time within which a service manager wants a sign of life, the part after which it gets
    /// one.
    private static let watchdogPart = 0.25

    init(
        _ resolved: ResolvedConfiguration, log: EventLog, forwarders: Forwarders,
        mailboxes: [LoopMailbox<LoopMessage>], control: LoopMailbox<ControlMessage>,
        outputs: Outputs, follower: LiveFollower, publicAddress: ListenAddress,
        manager: ServiceManager, resolve: @escaping Collector.Resolve, logger: Logger
    ) {
        self.resolved = resolved
        self.log = log
        self.mailboxes = mailboxes
        self.control = control
        self.outputs = outputs
        self.manager = manager
        self.logger = logger
        reloader = Reloader(log: log, forwarders: forwarders, control: control, resolve: resolve)
        gatherer = Gatherer(
            resolved.configuration, log: log, forwarders: forwarders, mailboxes: mailboxes,
            on: loop)
        self.follower = follower
        live = LiveStreams(follower, gatherer, publicAddress: publicAddress)
        admin = AdminHandler(resolved, gatherer, live)
    }

    private var configuration: Configuration { resolved.configuration }

    /// Runs until every worker has ended; then returns the outputs that are in use. Calls `whenReady`
    /// when a signal would find it.
    func run(_ adminSocket: ListeningSocket?, whenReady: () -> Void) -> Outputs {
        adminServer = adminSocket.map {
            HTTPServer(loop: loop, socket: $0, limits: configuration.limits, handler: admin)
        }
        sources.append(control.attach(to: loop) { [unowned self] in receive($0) })
        for signal in [SIGTERM, SIGINT] {
            sources.append(loop.onSignal(signal) { [unowned self] in terminate() })
        }
        sources.append(loop.onSignal(SIGHUP) { [unowned self] in reload() })
        sources.append(
            loop.onSignal(SIGUSR1) { [unowned self] in roll() })
        if let seconds = manager.watchdogSeconds {
            sources.append(
                loop.every(seconds: seconds * Self.watchdogPart) { [unowned self] in
                    askLoops()
                })
        }
        sources.append(
            loop.every(seconds: 1) { [logger] in
                logger.output?.reportSuppressed(
                    time: Timestamp(microseconds: Clock.microsecondsSinceEpoch()),
                    monotonic: Clock.monotonicSeconds())
            })
        whenReady()
        manager.ready()
        loop.run {}
        live.end()
        sources = []
        adminServer = nil
        reloader.waitForEnd()
        let dropped = gatherer.total.dropped
        if dropped > 0 {
            logger.info("\(dropped) hits were not stored, as their visitors wished")
        }
        return outputs
    }

    private func receive(_ message: ControlMessage) {
        switch message {
        case .counted(let index, let counts): gatherer.received(counts, fromLoop: index)
        case .workerEnded(let index, let counts):
            gatherer.ended(counts, loop: index)
            if gatherer.haveAllEnded { loop.stop() }
        case .live(let update): live.receive(update)
        case .warning(let text):
            if text != lastWarning { logger.warning("\(text)") }
            lastWarning = text
        case .reloaded(let outcome): reloaded(outcome)
        }
    }

    /// Tells the service manager that all is well, if every loop says so: one that is stuck is the
    /// manager's to restart.
    private func askLoops() {
        gatherer.gather { [manager] figures in
            if figures.loops.allSatisfy(\.isUp) { manager.isAlive() }
        }
    }

    /// Lets whoever rotates files have those that are being written.
    private func roll() {
        log.roll()
        do throws(SystemError) {
            try outputs.accessLog?.reopen()
        } catch {
            logger.error("the access log goes on in the old file: \(error)")
        }
        logger.info("sealed the present segment, opened the access log anew")
    }

    // MARK: - Another configuration

    private func reload() {
        if gatherer.isDraining { return }
        manager.reloading()
        reloader.begin(resolved, outputs)
    }

    private func reloaded(_ outcome: Reloader.Outcome) {
        switch outcome {
        case .refused(let reason):
            logger.error("the old configuration stays in force: \(reason)")
        case .changed(let resolved, let outputs, let inForce, let needRestart):
            self.resolved = resolved
            self.outputs = outputs
            admin.resolved = resolved
            gatherer.configuration = configuration
            follower.update(configuration.log.durability)
            logger.output?.apply(configuration.logging)
            let limited = configuration.withConnectionLimit()
            adminServer?.update(limits: limited.limits, handler: admin)
            let update = LoopUpdate(configuration: limited, outputs: outputs)
            for mailbox in mailboxes { mailbox.post(.update(update)) }
            logger.info("reloaded; changed: \(Self.list(inForce))")
            for warning in resolved.warnings { logger.warning("\(warning)") }
            if !needRestart.isEmpty {
                logger.warning("only a restart changes \(Self.list(needRestart))")
            }
        }
        let isAskedAgain = reloader.finished()
        if isAskedAgain { reload() } else { manager.ready() }
    }

    private static func list(_ keys: [String]) -> String {
        keys.isEmpty ? "nothing" : keys.joined(separator: ", ")
    }

    // MARK: - The end

    private func terminate() {
        if gatherer.isDraining { Self.endAtOnce(logger, "a second signal came") }
        gatherer.isDraining = true
        manager.stopping()
        guard let seconds = configuration.drainDelaySeconds else { return drain() }
        logger.info("not ready; serving for another \(UnitValue.text(seconds: seconds))")
        delay = loop.every(seconds: seconds) { [unowned self] in
            delay = nil
            drain()
        }
    }

    private func drain() {
        logger.info("stopping: answering what is held")
        limitShutdown()
        for mailbox in mailboxes { mailbox.post(.drain) }
    }

    /// Ends the process when a shutdown takes too long, whatever it waits for.
    private func limitShutdown() {
        let thread = try? Thread(name: "shutdown-limit") {
            [logger, seconds = configuration.shutdownSeconds] in
            Thread.sleep(seconds: seconds)
            Self.endAtOnce(logger, "the shutdown took longer than its limit")
        }
        if thread == nil { logger.warning("the shutdown has no time limit: no thread for it") }
    }

    private static func endAtOnce(_ logger: Logger, _ reason: String) -> Never {
        logger.error("\(reason): ending at once")
        _exit(EXIT_FAILURE)
    }
}
