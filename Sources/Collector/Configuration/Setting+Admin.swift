internal import EventHTTP

extension Setting {
    /// What the operator's side asks for.
    static let administration: [Setting] = [
        Setting(key: "admin_token", isList: false, isSecret: true, mask: AdminToken.masked) {
            (configuration, values) throws(InvalidValue) in
            guard values.count == 1 else { throw InvalidValue(reason: "expected one value") }
            configuration.adminToken = values[0] == "off" ? nil : try AdminToken(values[0])
        } values: {
            [$0.adminToken?.text ?? "off"]
        },
        Setting(key: "required_sinks", isList: true) {
            (configuration, values) throws(InvalidValue) in
            configuration.requiredSinks = try values.map { value throws(InvalidValue) in
                guard let name = SinkName(rawValue: value) else {
                    throw InvalidValue(value, notOneOf: SinkName.allCases.map(\.rawValue))
                }
                return name
            }
        } values: {
            $0.requiredSinks.map(\.rawValue)
        },
        seconds("required_lag_max", \.requiredLagSecondsMax),
    ]
}

extension Configuration {
    /// What is to be said of an admin side that others than this machine can reach; nil for nothing.
    var adminWarning: String? {
        guard case .tcp(let host, _)? = admin, adminToken == nil, !AdminAccess.isLoopback(host)
        else { return nil }
        return """
            the admin side listens on \(host), where others may reach it, and asks for no \
            admin_token
            """
    }
}
