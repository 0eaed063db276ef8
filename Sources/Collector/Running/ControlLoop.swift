internal import EventHTTP
internal import EventLog
internal import Glibc
internal import Logging
internal import POSIX

/// The loop of the main thread: signals, the admin side, the watchdog, and what the other loops
/// tell.
final class ControlLoop {
    private let loop = EventLoop()
    private var configuration: Configuration
    private let mailboxes: [LoopMailbox<LoopMessage>]
    private let control: LoopMailbox<ControlMessage>
    private let log: EventLog
    private let admin: AdminHandler
    private var adminServer: HTTPServer?
    private let reloader: Reloader
    private let manager: ServiceManager
    private let logger: Logger
    private var printer: Printer?
    private var sources: [EventSource] = []
    /// Fires when the delay of a shutdown is over.
    private var delay: EventSource?
    /// Loops that are still there.
    private var working: Int
    private var dropped = 0
    /// Several loops may come to the same one.
    private var lastWarning = ""
    /// Loops that have not answered since the last sign of life.
    private var silent: Set<Int> = []

    /// Of the time within which a service manager wants a sign of life, the part after which it gets
    /// one.
    private static let watchdogPart = 0.25

    init(
        _ configuration: Configuration, log: EventLog, mailboxes: [LoopMailbox<LoopMessage>],
        control: LoopMailbox<ControlMessage>, printer: Printer?, reloader: Reloader,
        manager: ServiceManager, logger: Logger
    ) {
        self.configuration = configuration
        self.log = log
        self.mailboxes = mailboxes
        self.control = control
        self.printer = printer
        self.reloader = reloader
        self.manager = manager
        self.logger = logger
        admin = AdminHandler(log: log, configuration)
        working = mailboxes.count
    }

    /// Runs until every worker has ended; then returns the printer that is in use. Calls `whenReady`
    /// when a signal would find it.
    func run(_ adminSocket: ListeningSocket?, whenReady: () -> Void) -> Printer? {
        adminServer = adminSocket.map {
            HTTPServer(loop: loop, socket: $0, limits: configuration.limits, handler: admin)
        }
        sources.append(control.attach(to: loop) { [unowned self] in receive($0) })
        for signal in [SIGTERM, SIGINT] {
            sources.append(loop.onSignal(signal) { [unowned self] in terminate() })
        }
        sources.append(loop.onSignal(SIGHUP) { [unowned self] in reload() })
        sources.append(
            loop.onSignal(SIGUSR1) { [unowned self] in
                logger.info("the present segment is sealed")
                log.roll()
            })
        if let seconds = manager.watchdogSeconds {
            sources.append(
                loop.every(seconds: seconds * Self.watchdogPart) { [unowned self] in
                    askLoops()
                })
        }
        whenReady()
        manager.ready()
        loop.run {}
        sources = []
        adminServer = nil
        reloader.waitForEnd()
        if dropped > 0 {
            logger.info("\(dropped) hits were not stored, as their visitors wished")
        }
        return printer
    }

    private func receive(_ message: ControlMessage) {
        switch message {
        case .workerEnded(let count):
            dropped += count
            working -= 1
            if working == 0 { loop.stop() }
        case .pong(let index):
            silent.remove(index)
            // Only when all of them live: one that is stuck is the manager's to restart.
            if silent.isEmpty { manager.isAlive() }
        case .warning(let text):
            if text != lastWarning { logger.warning("\(text)") }
            lastWarning = text
        case .reloaded(let outcome): reloaded(outcome)
        }
    }

    private func askLoops() {
        // One that has not answered is not asked again: its answer is still to come.
        guard silent.isEmpty else { return }
        silent = Set(mailboxes.indices)
        for mailbox in mailboxes { mailbox.post(.ping) }
    }

    // MARK: - Another configuration

    private func reload() {
        if admin.isDraining { return }
        manager.reloading()
        reloader.begin(configuration, printer)
    }

    private func reloaded(_ outcome: Reloader.Outcome) {
        switch outcome {
        case .refused(let reason):
            logger.error("the old configuration stays in force: \(reason)")
        case .changed(let update, let inForce, let needRestart):
            configuration = update.configuration.withConnectionLimit()
            admin.configuration = configuration
            adminServer?.update(limits: configuration.limits, handler: admin)
            printer = update.printer ?? printer
            let update = LoopUpdate(configuration: configuration, printer: update.printer)
            for mailbox in mailboxes { mailbox.post(.update(update)) }
            logger.info("reloaded; changed: \(Self.list(inForce))")
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
        if admin.isDraining { Self.endAtOnce(logger, "a second signal came") }
        admin.isDraining = true
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
