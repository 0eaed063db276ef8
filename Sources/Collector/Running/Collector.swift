internal import EventHTTP
internal import EventLog
internal import Forwarding
internal import Glibc
public import Logging
internal import POSIX
internal import Tracking

/// A running collector: its log, its loops, its admin side, until a signal ends it.
public struct Collector {
    private let resolved: ResolvedConfiguration
    private let configuration: Configuration
    private let logger: Logger

    /// Why a collector does not start: one line for an operator.
    public struct StartError: Error, CustomStringConvertible {
        /// What was tried and how it failed.
        public let description: String
    }

    /// What the workers and the signals tell the control loop.
    private enum ControlMessage: Sendable {
        // Far larger than the others, and seldom sent.
        indirect case counted(loop: Int, LoopCounts)
        indirect case workerEnded(loop: Int, LoopCounts)
        case warning(String)
        /// News for those who watch the dashboard.
        case live(LiveFollower.Update)
    }

    /// A collector. It writes to `logger`, and hits to standard output if so configured.
    public init(_ resolved: ResolvedConfiguration, logger: Logger) {
        self.resolved = resolved
        configuration = resolved.configuration
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT; then accepts nothing more, answers what is held, syncs,
    /// seals and returns. Whether everything went to disk. A second signal, or the shutdown's time
    /// limit, ends the process at once.
    ///
    /// To be called on the main thread. Throws before anything is served.
    public func serve() throws(StartError) -> Bool {
        prepareLibevent()
        do {
            return try run()
        } catch let error as EventLogError {
            throw StartError(description: error.description)
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private func prepareLibevent() {
        LibeventLibrary.prepare { [logger] severity, message in
            switch severity {
            case .debug: logger.debug("libevent: \(message)")
            case .notice: logger.notice("libevent: \(message)")
            case .warning: logger.warning("libevent: \(message)")
            case .error: logger.error("libevent: \(message)")
            }
        }
        if !LibeventLibrary.hasSecurityPatches {
            logger.warning(
                """
                the loaded libevent \(LibeventLibrary.version) lacks the security fixes of 2026 \
                (request smuggling); install Debian's 2.1.12-stable-8+deb12u1 or later
                """)
        }
    }

    private func run() throws -> Bool {
        let mailboxes = try (0..<configuration.loops).map { _ in
            try LoopMailbox<LoopMessage>()
        }
        let log = try openLog(mailboxes)
        let sockets = try configuration.listen.map {
            try ListeningSocket.open($0, count: configuration.loops)
        }
        let adminSocket = try configuration.admin.map { try ListeningSocket.open($0, count: 1)[0] }
        defer { removeSocketFiles() }
        let printer = configuration.print == .none ? nil : try Printer(.standardOutput)
        let control = try LoopMailbox<ControlMessage>()
        let forwarders = try Forwarders(configuration, logger: logger)

        let demoHits =
            configuration.servesDemo ? try DemoHits(directory: configuration.log.directory) : nil
        let follower =
            try adminSocket == nil || !configuration.servesDashboard
            ? nil
            : LiveFollower(directory: configuration.log.directory, configuration.log.durability) {
                control.post(.live($0))
            } warn: {
                control.post(.warning($0))
            }

        let limited = withConnectionLimit()
        let crawlers = CrawlerList()
        let workers = try mailboxes.enumerated().map { index, mailbox in
            let own = sockets.map { $0[index] }
            return try Thread(name: "loop-\(index)") {
                let worker = LoopWorker(
                    limited, sockets: own, log: log, mailbox: mailbox, printer: printer,
                    crawlers: crawlers, demoHits: demoHits, warn: { control.post(.warning($0)) },
                    report: { control.post(.counted(loop: index, $0)) })
                control.post(.workerEnded(loop: index, worker.run()))
            }
        }
        runControlLoop(
            adminSocket, log: log, forwarders: forwarders, mailboxes: mailboxes, control: control,
            follower: follower, demo: configuration.servesDemo ? sockets[0][0].address : nil
        ) {
            announce(sockets.map { $0[0].address }, adminSocket?.address)
        }
        for worker in workers { worker.join() }
        demoHits?.stop()
        follower?.stop()
        let isComplete = log.close()
        // After the log, so that they see its last event.
        forwarders.stop()
        printer?.close()
        if isComplete {
            logger.info("stopped; every hit that was answered is on disk")
        } else {
            logger.error("stopped; not every hit that was answered could be written")
        }
        return isComplete
    }

    /// The configuration with each listener's share of the connections.
    private func withConnectionLimit() -> Configuration {
        var configuration = configuration
        let files = FileLimit.raise()
        let most = configuration.connectionsMax ?? files - Configuration.spareDescriptors
        configuration.limits.connectionsMax = max(
            1, most / (configuration.loops * configuration.listen.count))
        return configuration
    }

    private func openLog(_ mailboxes: [LoopMailbox<LoopMessage>]) throws(EventLogError) -> EventLog
    {
        var options = configuration.log
        let log = configuration.log
        let sinks = configuration.forward.map(\.rawValue)
        options.retention.passed = { () throws(SystemError) in
            try ForwardingThread.durableCheckpoint(of: sinks, directory: log.directory)
        }
        if options.retention.dropsOldest {
            logger.warning(
                "when_full is drop_oldest: when the disk is almost full, the oldest events are deleted"
            )
        }
        return try EventLog(options) { progress in
            for mailbox in mailboxes { mailbox.post(.progress(progress)) }
        } notice: { [logger] notice in
            logger.log(level: notice.isError ? .error : .notice, "\(notice)")
        }
    }

    /// Runs on the main thread until every worker has ended. Calls `whenReady` when a signal would
    /// find it.
    private func runControlLoop(
        _ adminSocket: ListeningSocket?, log: EventLog, forwarders: Forwarders,
        mailboxes: [LoopMailbox<LoopMessage>], control: LoopMailbox<ControlMessage>,
        follower: LiveFollower?, demo: ListenAddress?, whenReady: () -> Void
    ) {
        let loop = EventLoop()
        let gatherer = Gatherer(
            configuration, log: log, forwarders: forwarders, mailboxes: mailboxes, on: loop)
        let live = follower.map {
            LiveStreams($0, gatherer, configuration.log.durability, demo: demo)
        }
        let handler = AdminHandler(resolved, gatherer, live)
        let server = adminSocket.map {
            HTTPServer(loop: loop, socket: $0, limits: configuration.limits, handler: handler)
        }
        // Several loops may come to the same one.
        var lastWarning = ""
        let messages = control.attach(to: loop) { [logger] message in
            switch message {
            case .counted(let index, let counts): gatherer.received(counts, fromLoop: index)
            case .workerEnded(let index, let counts):
                gatherer.ended(counts, loop: index)
                if gatherer.haveAllEnded { loop.stop() }
            case .live(let update): live?.receive(update)
            case .warning(let text):
                if text != lastWarning { logger.warning("\(text)") }
                lastWarning = text
            }
        }
        let signals = [SIGTERM, SIGINT].map { signal in
            loop.onSignal(signal) { [logger, configuration] in
                if gatherer.isDraining { Self.endAtOnce(logger, "a second signal came") }
                gatherer.isDraining = true
                logger.info("stopping: answering what is held")
                Self.limitShutdown(seconds: configuration.shutdownSeconds, logger)
                for mailbox in mailboxes { mailbox.post(.drain) }
            }
        }
        let reports = loop.every(seconds: 1) { [logger] in
            logger.output?.reportSuppressed(
                time: Timestamp(microseconds: Clock.microsecondsSinceEpoch()),
                monotonic: Clock.monotonicSeconds())
        }
        whenReady()
        loop.run {}
        live?.end()
        withExtendedLifetime((messages, signals, server, reports)) {}
        let dropped = gatherer.total.dropped
        if dropped > 0 {
            logger.info("\(dropped) hits were not stored, as their visitors wished")
        }
    }

    /// Ends the process when a shutdown takes too long, whatever it waits for.
    private static func limitShutdown(seconds: Double, _ logger: Logger) {
        let thread = try? Thread(name: "shutdown-limit") {
            usleep(UInt32(min(seconds, 4000) * 1e6))
            endAtOnce(logger, "the shutdown took longer than its limit")
        }
        if thread == nil { logger.warning("the shutdown has no time limit: no thread for it") }
    }

    private static func endAtOnce(_ logger: Logger, _ reason: String) -> Never {
        logger.error("\(reason): ending at once")
        _exit(EXIT_FAILURE)
    }

    private func announce(_ addresses: [ListenAddress], _ admin: ListenAddress?) {
        if let warning = configuration.adminWarning { logger.warning("\(warning)") }
        for address in addresses { logger.info("listening on \(Self.url(address))") }
        if let admin { logger.info("admin listening on \(Self.url(admin))") }
        logger.info(
            "events in \(configuration.log.directory)/events, durability \(configuration.log.durability.name)"
        )
    }

    private static func url(_ address: ListenAddress) -> String {
        if case .tcp = address { "http://\(address)" } else { "\(address)" }
    }

    private func removeSocketFiles() {
        for case .unix(let path) in configuration.listen + [configuration.admin].compactMap({ $0 })
        {
            unlink(path)
        }
    }
}
