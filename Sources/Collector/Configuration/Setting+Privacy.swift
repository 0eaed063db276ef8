internal import Tracking

extension Setting {
    /// What is kept of those who visit.
    static let privacy: [Setting] = [
        choice("ip_detail", \.privacy.addressDetail),
        choice("opt_out_policy", \.privacy.policies.optOut),
        choice("gpc_policy", \.privacy.policies.globalPrivacyControl),
        choice("dnt_policy", \.privacy.policies.doNotTrack),
        scalar("opt_out_cookie") { (configuration, value) throws(InvalidValue) in
            guard isToken(value) else {
                throw InvalidValue(
                    reason: "'\(value)': expected a name of letters, digits, - and _")
            }
            configuration.privacy.optOutCookie = value
        } value: {
            $0.privacy.optOutCookie
        },
        scalar("consent_parameter") { (configuration, value) throws(InvalidValue) in
            guard isToken(value) else {
                throw InvalidValue(
                    reason: "'\(value)': expected the name of a parameter, or 'off'")
            }
            configuration.privacy.consentParameter = value == "off" ? nil : value
        } value: {
            $0.privacy.consentParameter ?? "off"
        },
        Setting(key: "capture_headers", isList: true) {
            (configuration, values) throws(InvalidValue) in
            let names = values.map { $0.lowercased() }
            for name in names {
                guard isToken(name) else {
                    throw InvalidValue(reason: "'\(name)': expected the name of a header field")
                }
                if PrivacyOptions.secretHeaders.contains(name) {
                    throw InvalidValue(reason: "'\(name)' is never stored")
                }
            }
            configuration.privacy.capturedHeaders = names
        } values: {
            $0.privacy.capturedHeaders
        },
        list("accept_ch", \.privacy.acceptedHints, "the name of a client hint") { isToken($0) },
    ]
}
