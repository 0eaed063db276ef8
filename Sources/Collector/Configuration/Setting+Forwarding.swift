internal import EventLog

extension Setting {
    /// What becomes of stored events.
    static let forwarding: [Setting] = [
        Setting(key: "forward", isList: true) { (configuration, values) throws(InvalidValue) in
            configuration.forward = []
            for value in values {
                guard let name = SinkName(rawValue: value) else {
                    throw InvalidValue(reason: "'\(value)': expected 'stdout'")
                }
                if configuration.forward.contains(name) {
                    throw InvalidValue(reason: "'\(value)' is there twice")
                }
                configuration.forward.append(name)
            }
        } values: {
            $0.forward.map(\.rawValue)
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
            default:
                throw InvalidValue(reason: "'\(value)': expected 'refuse' or 'drop_oldest'")
            }
        } value: {
            $0.log.retention.dropsOldest ? "drop_oldest" : "refuse"
        },
    ]
}
