internal import EventHTTP
internal import EventLog
internal import Forwarding
internal import Tracking

/// The metrics. Every label has a few values that are ours: nothing that a client sends is one.
extension Figures {
    /// All of them, as Prometheus reads them.
    func metrics(
        _ process: ProcessFigures, durability: Durability, _ build: BuildInformation
    ) -> String {
        var text = MetricsText()
        addHits(&text)
        addServer(&text)
        addLoops(&text)
        addLog(&text)
        addSinks(&text)
        text.add(
            "footfall_ready", .gauge, "Whether hits are taken, as /ready says.", readiness.isReady)
        text.begin("footfall_durability_info", .gauge, "The class of durability that is in force.")
        text.add([("durability", durability.name)], 1)
        text.begin("footfall_build_info", .gauge, "What is running.")
        text.add(
            [
                ("version", build.version), ("commit", build.commit), ("libevent", build.libevent),
                ("librdkafka", build.librdkafka ?? ""),
            ], 1)
        process.add(to: &text)
        return text.text
    }

    private func addHits(_ text: inout MetricsText) {
        text.begin(
            "footfall_requests_total", .counter,
            "Requests of the public listeners that were answered, by what their path stands for.")
        for route in LoopCounts.RouteName.allCases {
            for status in HTTPStatus.allCases {
                let count = total.requests(route, status)
                guard count > 0 || route.expected.contains(status) else { continue }
                text.add(
                    [("route", route.label), ("status", String(status.rawValue))], count)
            }
        }
        text.add(
            "footfall_events_accepted_total", .counter, "Events that the log has taken.",
            total.accepted)
        text.add(
            "footfall_events_durable_total", .counter, "Events that were synced to disk.",
            log.synced)
        text.begin(
            "footfall_events_rejected_total", .counter,
            "Events that were not stored, by reason.")
        for reason in LoopCounts.Rejection.allCases {
            text.add([("reason", reason.label)], total.rejected(reason))
        }
        text.begin(
            "footfall_requests_dropped_total", .counter,
            "Hits that were not stored, as their visitors wished, by the signal that said so.")
        for signal in PrivacySignal.all {
            text.add([("signal", "\(signal.name)")], total.dropped(signal))
        }
        text.add(
            "footfall_overdue_replies_total", .counter,
            "Hits that got 503 because the disk took too long; they may have been stored.",
            total.overdue)
        text.add(
            "footfall_unstored_clicks_total", .counter,
            "Clicks that redirected and could not be stored.", total.unstoredClicks)
        text.begin(
            "footfall_commit_latency_seconds", .histogram,
            "From the append of a hit to its reply.")
        text.add([], total.commitLatency)
        text.begin(
            "footfall_append_events", .histogram, "Events that a loop appended to the log at once.")
        text.add([], total.appendLines)
    }

    private func addServer(_ text: inout MetricsText) {
        text.add(
            "footfall_connections", .gauge, "Connections of the public listeners that are open.",
            total.server.openConnections)
        text.add(
            "footfall_connections_total", .counter,
            "Connections that the public listeners have accepted.", total.server.connections)
        text.begin(
            "footfall_refused_requests_total", .counter,
            "Requests that were refused before they had a route, by reason.")
        for (refusal, count) in zip(RequestRefusal.allCases, total.server.refusals) {
            text.add(
                [
                    ("reason", refusal.rawValue.snakeCase),
                    ("status", String(refusal.status.rawValue)),
                ], count)
        }
    }

    private func addLoops(_ text: inout MetricsText) {
        text.begin(
            "footfall_loop_up", .gauge,
            "Whether the loop has answered; if not, its other numbers are those of its last answer."
        )
        for (index, loop) in loops.enumerated() { text.add([("loop", String(index))], loop.isUp) }
        text.begin(
            "footfall_loop_delay_seconds", .histogram,
            "How late a timer of the loop was that is due once a second.")
        for (index, loop) in loops.enumerated() {
            text.add([("loop", String(index))], loop.counts.delay)
        }
    }

    private func addLog(_ text: inout MetricsText) {
        text.add(
            "footfall_log_sequence", .gauge, "The sequence of the newest event.", log.sequence)
        text.add(
            "footfall_log_synced_sequence", .gauge,
            "The sequence up to which all events are on disk.", log.syncedSequence)
        text.add(
            "footfall_log_backlog_bytes", .gauge,
            "Bytes of events that are in memory until they are synced.", log.backlogBytes)
        text.begin("footfall_sync_latency_seconds", .histogram, "How long a sync of the log took.")
        text.add([], log.syncLatency)
        text.begin("footfall_sync_events", .histogram, "Events that a sync made durable.")
        text.add([], log.syncLines)
        text.add(
            "footfall_log_failures_total", .counter,
            "Failed writes and syncs of the log, also of attempts to go on.", log.failures)
        text.add(
            "footfall_log_refusing", .gauge,
            "Whether the log takes nothing at present: the disk is almost full, or fails.",
            log.refusal != nil)
        text.add(
            "footfall_disk_free_bytes", .gauge, "Free bytes of the disk of the log.", log.freeBytes)
        text.add(
            "footfall_disk_low_water_bytes", .gauge,
            "Free bytes of the disk below which hits are refused.", log.lowWaterBytes)
        guard let size else { return }
        text.begin("footfall_log_segments", .gauge, "Segments of the log.")
        for part in size.parts { text.add([("state", part.state)], part.segments) }
        text.begin("footfall_log_bytes", .gauge, "Bytes of the segments of the log.")
        for part in size.parts { text.add([("state", part.state)], part.bytes) }
    }

    private func addSinks(_ text: inout MetricsText) {
        if sinks.isEmpty { return }
        func add(
            _ name: String, _ kind: MetricsText.Kind, _ help: String,
            _ value: (SinkState) -> some MetricValue
        ) {
            text.begin("footfall_sink_\(name)", kind, help)
            for sink in sinks { text.add([("sink", sink.name.rawValue)], value(sink)) }
        }
        add("checkpoint", .gauge, "The sequence up to which the sink is done.") {
            $0.status.checkpoint
        }
        add("lag_events", .gauge, "Synced events that the sink has yet to get.") {
            $0.status.lagEvents
        }
        add("lag_bytes", .gauge, "Bytes of them.") { $0.status.lagBytes }
        add("lag_seconds", .gauge, "Seconds since the sink had everything; 0 if it has.") {
            $0.status.lagSeconds
        }
        add("delivered_total", .counter, "Events that were delivered since the sink's first one.") {
            $0.status.delivered
        }
        add("rejected_total", .counter, "Events that the sink will never take, since then.") {
            $0.status.rejected
        }
        add("missing_total", .counter, "Events that the log did not have any more, since then.") {
            $0.status.missing
        }
        add("failures_total", .counter, "Deliveries that failed and are repeated.") {
            $0.status.failures
        }
        add("failing", .gauge, "Whether the sink fails at present.") { $0.status.isFailing }
        add("required", .gauge, "Whether /ready depends on the sink.") { $0.isRequired }
    }
}

extension ProcessFigures {
    /// Under the names that all programs have for them.
    fileprivate func add(to text: inout MetricsText) {
        text.add(
            "process_cpu_seconds_total", .counter, "Processor time, in seconds.", processorSeconds)
        text.add("process_resident_memory_bytes", .gauge, "Resident memory.", residentBytes)
        text.add("process_virtual_memory_bytes", .gauge, "Virtual memory.", virtualBytes)
        text.add("process_open_fds", .gauge, "Open descriptors.", openDescriptors)
        text.add("process_max_fds", .gauge, "Descriptors that may be open.", descriptorsMax)
        text.add(
            "process_start_time_seconds", .gauge, "When the process was started, in Unix time.",
            startedAt)
    }
}

extension LoopCounts.RouteName {
    /// As a label has it.
    var label: String { "\(self)".snakeCase }

    /// The statuses that are shown before the first request had them: a rate needs a zero.
    fileprivate var expected: [HTTPStatus] {
        switch self {
        case .script, .image: [.ok, .serviceUnavailable]
        case .beacon: [.ok, .noContent, .serviceUnavailable]
        default: []
        }
    }
}

extension LoopCounts.Rejection {
    /// As a label has it.
    var label: String { "\(self)".snakeCase }
}

extension String {
    /// `headTooLarge` as `head_too_large`.
    fileprivate var snakeCase: String {
        reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
    }
}
