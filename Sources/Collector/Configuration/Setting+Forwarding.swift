internal import EventLog

extension Setting {
    /// What becomes of stored events.
    static let forwarding: [Setting] = [
        Setting(key: "forward", isList: true) { (configuration, values) throws(InvalidValue) in
            configuration.forward = []
            for value in values {
                guard let name = SinkName(rawValue: value) else {
                    throw InvalidValue(value, notOneOf: ["kafka", "stdout"])
                }
                if configuration.forward.contains(name) {
                    throw InvalidValue(reason: "'\(value)' is there twice")
                }
                configuration.forward.append(name)
            }
        } values: {
            $0.forward.map(\.rawValue)
        },
        Setting(key: "kafka_brokers", isList: true) {
            (configuration, values) throws(InvalidValue) in
            for value in values where value.isEmpty || value.contains(where: \.isWhitespace) {
                throw InvalidValue(reason: "'\(value)': expected HOST:PORT")
            }
            configuration.kafka.brokers = values
        } values: {
            $0.kafka.brokers
        },
        scalar("kafka_topic") { (configuration, value) throws(InvalidValue) in
            let isName =
                !value.isEmpty && value.utf8.count <= 249
                && value.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0))
                }
            guard isName else {
                throw InvalidValue(reason: "'\(value)': expected letters, digits, '.', '_' and '-'")
            }
            configuration.kafka.topic = value
        } value: {
            $0.kafka.topic
        },
        Setting(key: "kafka_options", isList: true, isSecret: true, mask: KafkaSettings.masked) {
            (configuration, values) throws(InvalidValue) in
            for value in values where !value.contains("=") || value.hasPrefix("=") {
                throw InvalidValue(
                    reason: "'\(value)': expected KEY=VALUE, such as compression.codec=lz4")
            }
            configuration.kafka.options = values
        } values: {
            $0.kafka.options
        },
        scalar("retain_age") { (configuration, value) throws(InvalidValue) in
            configuration.log.retention.ageSeconds =
                value == "off" ? nil : try UnitValue.seconds(value)
        } value: {
            $0.log.retention.ageSeconds.map { UnitValue.text(seconds: $0) } ?? "off"
        },
        scalar("retain_bytes") { (configuration, value) throws(InvalidValue) in
            configuration.log.retention.bytesMax =
                value == "off" ? nil : try UnitValue.bytes(value, upTo: 1 << 50)
        } value: {
            $0.log.retention.bytesMax.map { UnitValue.text(bytes: $0) } ?? "off"
        },
        scalar("when_full") { (configuration, value) throws(InvalidValue) in
            switch value {
            case "refuse": configuration.log.retention.dropsOldest = false
            case "drop_oldest": configuration.log.retention.dropsOldest = true
            default: throw InvalidValue(value, notOneOf: ["refuse", "drop_oldest"])
            }
        } value: {
            $0.log.retention.dropsOldest ? "drop_oldest" : "refuse"
        },
    ]
}
