internal import EventHTTP
internal import EventLog
internal import Forwarding
internal import Glibc
public import Logging
internal import POSIX
internal import Tracking

/// A running collector: its log, its loops, its admin side, until a signal ends it.
public struct Collector {
    /// Reads the configuration again, on any thread.
    public typealias Resolve = @Sendable () throws(ConfigurationError) -> ResolvedConfiguration

    private let resolved: ResolvedConfiguration
    private let configuration: Configuration
    private let logger: Logger
    private let resolve: Resolve
    private let manager = ServiceManager.ofProcess()

    /// Why a collector does not start: one line for an operator.
    public struct StartError: Error, CustomStringConvertible {
        /// What was tried and how it failed.
        public let description: String
    }

    /// A collector. It writes to `logger`, and hits to standard output if so configured. On SIGHUP it
    /// takes over what `resolve` returns.
    public init(
        _ resolved: ResolvedConfiguration, logger: Logger, resolve: @escaping Resolve
    ) {
        self.resolved = resolved
        configuration = resolved.configuration
        self.logger = logger
        self.resolve = resolve
    }

    /// Serves until SIGTERM or SIGINT; then is not ready, serves on for the delay of the
    /// configuration, accepts nothing more, answers what is held, syncs, seals and returns. Whether
    /// everything went to disk. A second signal, or the shutdown's time limit, ends the process at
    /// once. SIGHUP reads the configuration again, SIGUSR1 seals the present segment.
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
        let (sockets, adminSocket) = try openSockets()
        defer { removeSocketFiles(sockets.map { $0[0] } + [adminSocket].compactMap { $0 }) }
        let outputs = try Outputs().updated(for: configuration)
        let control = try LoopMailbox<ControlMessage>()
        let forwarders = try Forwarders(configuration, logger: logger)

        let demoHits = try DemoHits(directory: configuration.log.directory)
        let follower = try LiveFollower(
            directory: configuration.log.directory, configuration.log.durability
        ) {
            control.post(.live($0))
        } warn: {
            control.post(.warning($0))
        }

        let limited = configuration.withConnectionLimit()
        let crawlers = CrawlerList()
        let workers = try mailboxes.enumerated().map { index, mailbox in
            let own = sockets.map { $0[index] }
            return try Thread(name: "loop-\(index)") {
                var worker = LoopWorker(
                    index: index, limited, sockets: own, log: log, mailbox: mailbox,
                    control: control, outputs: outputs, crawlers: crawlers, demoHits: demoHits)
                while true {
                    switch worker.run() {
                    case .update(let update): worker = LoopWorker(succeeding: worker, update)
                    case .drained(let counts):
                        return control.post(.workerEnded(loop: index, counts))
                    }
                }
            }
        }
        let loop = ControlLoop(
            resolved, log: log, forwarders: forwarders, mailboxes: mailboxes, control: control,
            outputs: outputs, follower: follower, publicAddress: sockets[0][0].address,
            manager: manager, resolve: resolve, logger: logger)
        let lastOutputs = loop.run(adminSocket) {
            announce(sockets.map { $0[0].address }, adminSocket?.address)
        }
        for worker in workers { worker.join() }
        demoHits.stop()
        follower.stop()
        let isComplete = log.close()
        // After the log, so that they see its last event.
        forwarders.stop()
        lastOutputs.printer?.close()
        if isComplete {
            logger.info("stopped; every hit that was answered is on disk")
        } else {
            logger.error("stopped; not every hit that was answered could be written")
        }
        return isComplete
    }

    /// The sockets of each public address, one for each loop, and that of the admin side: those that
    /// the service manager has opened, or else those of the configuration.
    private func openSockets() throws(SystemError) -> (
        public: [[ListeningSocket]], admin: ListeningSocket?
    ) {
        let loops = configuration.loops
        var inherited: [[ListeningSocket]] = []
        var admin: ListeningSocket?
        for socket in manager.sockets {
            if socket.name == "admin" {
                admin = try ListeningSocket.inherit(socket.descriptor, count: 1)[0]
            } else {
                inherited.append(try ListeningSocket.inherit(socket.descriptor, count: loops))
            }
        }
        if inherited.isEmpty {
            for address in configuration.listen {
                inherited.append(try ListeningSocket.open(address, count: loops))
            }
        }
        if admin == nil, let address = configuration.admin {
            admin = try ListeningSocket.open(address, count: 1)[0]
        }
        return (inherited, admin)
    }

    private func openLog(_ mailboxes: [LoopMailbox<LoopMessage>]) throws(EventLogError) -> EventLog
    {
        let options = configuration.logOptions
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

    private func announce(_ addresses: [ListenAddress], _ admin: ListenAddress?) {
        for address in addresses { logger.info("listening on \(Self.url(address))") }
        if let admin { logger.info("admin listening on \(Self.url(admin))") }
        logger.info(
            "events in \(configuration.log.directory)/events, durability \(configuration.log.durability.name)"
        )
        // What a person opens first.
        if configuration.servesDemo, let site = addresses.lazy.compactMap(\.site).first {
            logger.info("demo pages: \(site)/")
        }
        if configuration.servesDashboard, let site = admin?.site {
            logger.info("dashboard: \(site)/")
        }
    }

    private static func url(_ address: ListenAddress) -> String {
        if case .tcp = address { "http://\(address)" } else { "\(address)" }
    }

    private func removeSocketFiles(_ sockets: [ListeningSocket]) {
        for socket in sockets where !socket.isInherited {
            if case .unix(let path) = socket.address { unlink(path) }
        }
    }
}

extension Configuration {
    /// With each listener's share of the connections.
    func withConnectionLimit() -> Configuration {
        var configuration = self
        let files = FileLimit.raise()
        let most = connectionsMax ?? files - Configuration.spareDescriptors
        configuration.limits.connectionsMax = max(1, most / (loops * listen.count))
        return configuration
    }

    /// How the log is kept, with the sinks that must have an event before it may be deleted.
    var logOptions: LogOptions {
        var options = log
        let sinks = forward.map(\.rawValue)
        let directory = log.directory
        options.retention.passed = { () throws(SystemError) in
            try ForwardingThread.durableCheckpoint(of: sinks, directory: directory)
        }
        return options
    }
}
