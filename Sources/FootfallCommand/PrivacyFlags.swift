internal import ArgumentParser

/// The flags for what is kept of those who visit.
struct PrivacyFlags: ParsableArguments {
    @Option(
        help: """
            How much of an address is stored: its 'network' (24 bits of IPv4, 48 of IPv6), 'full', \
            or 'none'. [network]
            """)
    var ipDetail: String?

    @Option(
        help: """
            What becomes of hits of visitors who have opted out: 'record', 'anonymize' (no cookie, \
            no visitor, the network only, the browser's family only) or 'drop'. [anonymize]
            """)
    var optOutPolicy: String?

    @Option(help: "The same for 'Sec-GPC: 1' (Global Privacy Control). [anonymize]")
    var gpcPolicy: String?

    @Option(help: "The same for 'DNT: 1' (Do Not Track). [record]")
    var dntPolicy: String?

    @Option(help: "The name of the cookie of those who have opted out. [opt_out]")
    var optOutCookie: String?

    @Option(
        help: """
            A parameter of hits without which no cookie is set, or 'off'; if it is empty, 0, false, \
            no or denied, the cookie is taken away. [off]
            """)
    var consentParameter: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: "A header field that events are to have, in 'headers'. May be repeated. [none]")
    var captureHeaders: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: "A client hint that browsers are asked for (Accept-CH). May be repeated. [none]")
    var acceptCh: [String] = []

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "ip_detail": ipDetail, "opt_out_policy": optOutPolicy, "gpc_policy": gpcPolicy,
            "dnt_policy": dntPolicy, "opt_out_cookie": optOutCookie,
            "consent_parameter": consentParameter,
        ].compactMapValues { $0.map { [$0] } }
        if !captureHeaders.isEmpty { values["capture_headers"] = captureHeaders }
        if !acceptCh.isEmpty { values["accept_ch"] = acceptCh }
        return values
    }
}
