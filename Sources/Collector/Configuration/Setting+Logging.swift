extension Setting {
    /// What the operator is told.
    static let logging: [Setting] = [
        choice("log_format", \.logging.format),
        choice("log_level", \.logging.level),
        scalar("access_log") { (configuration, value) throws(InvalidValue) in
            guard !value.isEmpty else { throw InvalidValue(reason: "expected a file, or 'off'") }
            configuration.logging.accessLog = value == "off" ? nil : value
        } value: {
            $0.logging.accessLog ?? "off"
        },
    ]
}
