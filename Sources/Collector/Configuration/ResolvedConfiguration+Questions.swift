internal import EventHTTP
internal import EventLog
internal import Tracking

extension ResolvedConfiguration {
    /// What is possible and rarely meant.
    var questions: [ConfigurationError.Problem] {
        (ineffective + privacyQuestions + limitQuestions).map {
            .init(source(of: $0.keys), $0.reason)
        }
    }

    private typealias Question = (keys: [String], reason: String)

    /// Whether a setting has another value than its default.
    private func isChanged(_ key: String) -> Bool {
        Setting.all.contains {
            $0.key == key && $0.values(configuration) != $0.values(Configuration())
        }
    }

    /// What was set and changes nothing.
    private var ineffective: [Question] {
        var questions: [Question] = []
        if case .commit = configuration.log.durability, isChanged("sync_interval") {
            questions.append(
                (["sync_interval"], "has no effect: it belongs to durability 'interval'"))
        }
        for key in ["kafka_brokers", "kafka_topic", "kafka_options"]
        where isChanged(key) && !configuration.forward.contains(.kafka) {
            questions.append(([key], "has no effect without forward 'kafka'"))
        }
        if isChanged("click_paths"), !configuration.clicks.isOn {
            questions.append((["click_paths"], "has no effect without click_keys or click_hosts"))
        }
        if configuration.limits.requestLineBytesMax > configuration.limits.headBytesMax {
            questions.append(
                (
                    ["request_line_bytes_max", "head_bytes_max"],
                    "a request line is part of the head: head_bytes_max is reached first"
                ))
        }
        return questions
    }

    private var privacyQuestions: [Question] {
        var questions: [Question] = []
        if configuration.privacy.policies.optOut == .record {
            questions.append(
                (["opt_out_policy"], "visitors who have opted out are followed like all others"))
        }
        let everybody = configuration.trustedProxies.texts.first { $0.hasSuffix("/0") }
        if let everybody {
            questions.append(
                (
                    ["trusted_proxies"],
                    "'\(everybody)' is everybody: anyone can say to be any address"
                ))
        }
        if let warning = configuration.adminWarning { questions.append((["admin"], warning)) }
        return questions
    }

    private var limitQuestions: [Question] {
        var questions: [Question] = []
        let cores = Configuration().loops
        if configuration.loops > cores {
            questions.append((["loops"], "more loops than cores (\(cores)) only take turns"))
        }
        if configuration.log.eventBytesMax > configuration.log.backlogBytesMax {
            questions.append(
                (
                    ["backlog_bytes_max", "event_bytes_max"],
                    "an event of event_bytes_max does not fit: it gets 503 for ever"
                ))
        }
        if configuration.limits.handlerSeconds >= configuration.shutdownSeconds {
            questions.append(
                (
                    ["shutdown_timeout", "handler_timeout"],
                    "a shutdown may end before the replies that wait (handler_timeout)"
                ))
        }
        let log = configuration.log
        if let most = log.retention.bytesMax, most < 2 * log.segmentBytesMax {
            questions.append(
                (
                    ["retain_bytes", "segment_bytes_max"],
                    "less than two segments: events are deleted in great steps"
                ))
        }
        return questions
    }
}
