internal import ArgumentParser

/// The flags for the visitor's cookie.
struct CookieFlags: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: """
            The name of the visitor's cookie. May be repeated: it is set under the first name and \
            read under all. [id]
            """)
    var cookieNames: [String] = []

    @Option(
        help: """
            'first-party' (SameSite=Lax), 'third-party' (SameSite=None; Secure; Partitioned), or \
            'auto': third-party over https, as a trusted proxy says, otherwise first-party. [auto]
            """)
    var cookiePreset: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            A domain whose hosts share the cookie; that of the request's host is taken. May be \
            repeated. [none: the cookie is the host's]
            """)
    var cookieDomains: [String] = []

    @Option(help: "The path below which the cookie is sent. [/]")
    var cookiePath: String?

    @Option(help: "How long the cookie lives after a hit, 400d at most. [365d]")
    var cookieLifetime: String?

    @Option(help: "Whether scripts cannot read the cookie: 'true' or 'false'. [true]")
    var cookieHttpOnly: String?

    @Option(
        help: "Whether it is sent over https only: 'true', 'false' or 'auto'. [auto: the preset]")
    var cookieSecure: String?

    @Option(help: "'strict', 'lax', 'none' or 'auto'. [auto: the preset]")
    var cookieSameSite: String?

    @Option(
        help: """
            Whether there is one for each site in whose pages it was set: 'true', 'false' or 'auto'. \
            [auto: the preset]
            """)
    var cookiePartitioned: String?

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "cookie_preset": cookiePreset, "cookie_path": cookiePath,
            "cookie_lifetime": cookieLifetime, "cookie_http_only": cookieHttpOnly,
            "cookie_secure": cookieSecure, "cookie_same_site": cookieSameSite,
            "cookie_partitioned": cookiePartitioned,
        ].compactMapValues { $0.map { [$0] } }
        if !cookieNames.isEmpty { values["cookie_names"] = cookieNames }
        if !cookieDomains.isEmpty { values["cookie_domains"] = cookieDomains }
        return values
    }
}
