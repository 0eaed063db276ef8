internal import EventHTTP
internal import EventLog
internal import Forwarding
internal import POSIX
internal import Tracking

/// Those who watch the dashboard: streams of server-sent events (HTML, section 9.2). On the control
/// loop.
final class LiveStreams {
    private final class Watcher {
        var stream: HTTPStream?
        /// Whether it was told what was before.
        var hasStarted = false
    }

    private let follower: LiveFollower
    private let gatherer: Gatherer
    /// Where hits are received.
    private let publicAddress: ListenAddress
    private let started = Timestamp(microseconds: Clock.microsecondsSinceEpoch()).description
    private var watchers: [Watcher] = []

    /// Those who may watch at a time.
    static let watchersMax = 32
    private static let fields: [Response.Field] =
        [
            .init("Content-Type", "text/event-stream"),
            // nginx is to pass on each piece as it comes.
            .init("X-Accel-Buffering", "no"),
        ] + AdminHandler.inertFields
    /// The reply without what follows.
    static let head = Response(.ok, fields)
    private static let tooManyReply = Response.plain(
        .serviceUnavailable, [.init("Retry-After", "10")] + AdminHandler.inertFields)
    /// Milliseconds after which a browser connects again.
    private static let opening = Array("retry: 2000\n\n".utf8)

    /// Streams of what `follower` and `gatherer` tell.
    init(_ follower: LiveFollower, _ gatherer: Gatherer, publicAddress: ListenAddress) {
        self.follower = follower
        self.gatherer = gatherer
        self.publicAddress = publicAddress
    }

    /// The members of a `start` that time does not change.
    private var constants: String {
        let configuration = gatherer.configuration
        var members = [
            ("started", started), ("version", BuildInformation.current.version),
            ("durability", configuration.log.durability.name),
        ]
        if let site = publicAddress.site {
            if configuration.servesDemo { members.append(("demo_url", site + "/")) }
            let paths = configuration.paths
            if let path = paths.script.first { members.append(("hit_url", site + path)) }
            if let path = paths.tag.first { members.append(("tag_url", site + path)) }
        }
        return members.map { "\"\($0.0)\":\(JSONText.string($0.1))" }.joined(separator: ",")
    }

    /// Begins to tell somebody.
    func open(_ exchange: consuming HTTPExchange) {
        guard watchers.count < Self.watchersMax else { return exchange.reply(Self.tooManyReply) }
        let watcher = Watcher()
        let stream = exchange.startStream(Self.head) { [weak self] in self?.forgetThoseWhoWent() }
        guard stream.isOpen else { return }
        watcher.stream = stream
        watchers.append(watcher)
        stream.send(Self.opening.span)
        follower.setWatchers(watchers.count, hasNew: true)
    }

    /// The follower has news.
    func receive(_ update: LiveFollower.Update) {
        switch update {
        case .progress(let part):
            send("progress", "\"done\":\(part)") { !$0.hasStarted }
        case .second(let start, let tick):
            gatherer.gather { [weak self] in self?.tell(start: start, tick: tick, $0) }
        }
    }

    private func tell(start: String?, tick: String?, _ figures: Figures) {
        let others = figures.liveMembers
        // Those who have just started know this second already.
        if let tick { send("tick", "\(tick),\(others)") { $0.hasStarted } }
        guard let start else { return }
        let isForAll = tick == nil
        send("start", "\(constants),\(start),\(others)") { isForAll || !$0.hasStarted }
        for watcher in watchers { watcher.hasStarted = true }
    }

    /// Ends all streams.
    func end() {
        for watcher in watchers { watcher.stream?.end() }
        watchers = []
        follower.setWatchers(0, hasNew: false)
    }

    private func send(_ event: String, _ members: String, to isWanted: (Watcher) -> Bool) {
        let text = Array("event: \(event)\ndata: {\(members)}\n\n".utf8)
        for watcher in watchers where isWanted(watcher) { watcher.stream?.send(text.span) }
    }

    private func forgetThoseWhoWent() {
        watchers.removeAll { $0.stream?.isOpen == false }
        follower.setWatchers(watchers.count, hasNew: false)
    }
}

extension ListenAddress {
    /// Where a browser on this machine finds it, without the last slash; nil for a unix socket.
    var site: String? {
        guard case .tcp(let host, let port) = self else { return nil }
        let isAny = host == "0.0.0.0" || host == "::"
        return "http://\(isAny ? .tcp(host: "127.0.0.1", port: port) : self)"
    }
}

extension Figures {
    /// What the dashboard tells of them, as members of a JSON object.
    fileprivate var liveMembers: String {
        var members = [
            "\"ready\":\(readiness.isReady)",
            "\"connections\":\(total.server.openConnections)",
            "\"backlog_bytes\":\(log.backlogBytes)", "\"disk_free_bytes\":\(log.freeBytes)",
            "\"refused\":\(total.server.refusals.reduce(0, +))", "\"dropped\":\(total.dropped)",
            "\"sinks\":[\(sinks.map(\.liveObject).joined(separator: ","))]",
        ]
        if let reason = readiness.reason {
            members.append("\"reason\":\(JSONText.string(reason))")
        }
        if let size { members.append("\"log_bytes\":\(size.bytes)") }
        if let commitLatency {
            members.append(
                "\"commit\":{\"p50\":\(commitLatency.median),"
                    + "\"p99\":\(commitLatency.percentile99),\"max\":\(commitLatency.most)}")
        }
        return members.joined(separator: ",")
    }
}

extension Figures.SinkState {
    fileprivate var liveObject: String {
        let error = status.lastError.map { ",\"last_error\":\(JSONText.string($0))" } ?? ""
        return """
            {"name":\(JSONText.string(name.rawValue)),"lag_events":\(status.lagEvents),\
            "lag_bytes":\(status.lagBytes),"lag_seconds":\(status.lagSeconds),\
            "events_per_second":\(status.eventsPerSecond),"rejected":\(status.rejected),\
            "failing":\(status.isFailing)\(error)}
            """
    }
}
