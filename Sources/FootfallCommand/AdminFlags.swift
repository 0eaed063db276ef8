internal import ArgumentParser

/// The flags for the operator's side.
struct AdminFlags: ParsableArguments {
    @Option(
        help: """
            What a request to the admin side has to show, as a bearer token or as the password of \
            any user: 16 characters at least, or @FILE. [off]
            """)
    var adminToken: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            One of 'forward' without which /ready says 503 when it is too far behind. May be \
            repeated. [none]
            """)
    var requiredSinks: [String] = []

    @Option(help: "How long a required sink may be behind. [5m]")
    var requiredLagMax: String?

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "admin_token": adminToken, "required_lag_max": requiredLagMax,
        ].compactMapValues { $0.map { [$0] } }
        if !requiredSinks.isEmpty { values["required_sinks"] = requiredSinks }
        return values
    }
}
