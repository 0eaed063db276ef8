internal import EventHTTP
internal import Tracking

/// The pages on which a visitor chooses whether to be followed. They work without script: a form
/// changes the choice, and the page says what it is.
struct OptOut {
    /// What a page is for.
    enum Choice: Sendable {
        case out, back
    }

    /// The cookie of those who have opted out, and over https another one for the pages of the site
    /// in which the choice was made: a browser that blocks cookies of other sites keeps only that.
    private let cookie: VisitorCookie
    private let partitioned: VisitorCookie
    /// The visitor's own cookie, which goes at once.
    private let visitorCookie: VisitorCookie
    private let options: PrivacyOptions

    init(_ configuration: Configuration, _ visitorCookie: VisitorCookie) {
        options = configuration.privacy
        self.visitorCookie = visitorCookie
        func attributes(overHTTPS: Bool, isPartitioned: Bool) -> VisitorCookie.Attributes {
            var attributes = configuration.cookies.attributes(overHTTPS: overHTTPS)
            attributes.path = "/"
            attributes.lifetimeSeconds = CookieOptions.lifetimeSecondsMax
            attributes.isHTTPOnly = true
            attributes.sameSite = attributes.isSecure ? .none : .lax
            attributes.isPartitioned = isPartitioned && attributes.isSecure
            return attributes
        }
        func cookie(isPartitioned: Bool) -> VisitorCookie {
            VisitorCookie(
                names: [configuration.privacy.optOutCookie],
                overHTTP: attributes(overHTTPS: false, isPartitioned: isPartitioned),
                overHTTPS: attributes(overHTTPS: true, isPartitioned: isPartitioned))
        }
        self.cookie = cookie(isPartitioned: false)
        partitioned = cookie(isPartitioned: true)
    }

    /// The values of `Set-Cookie` by which a choice is kept, for requests to `host`.
    func cookies(for choice: Choice, host: Span<UInt8>, isSecure: Bool) -> [[UInt8]] {
        let variant = cookie.variant(host: host, isSecure: isSecure)
        let kinds = isSecure ? [cookie, partitioned] : [cookie]
        switch choice {
        case .out:
            return kinds.map { $0.setCookie(value: "1", variant) }
                + visitorCookie.expiries(variant)
        case .back: return kinds.flatMap { $0.expiries(variant) }
        }
    }

    /// The page that says what holds for the visitor, and offers to change it.
    func page(hasOptedOut: Bool, sendsGPC: Bool, paths: PathOptions) -> Response {
        let isOut = hasOptedOut
        let choice = isOut ? "You have opted out." : "You have not opted out."
        let effect =
            switch options.policies.optOut {
            case .record: "Visits are recorded either way."
            case .anonymize:
                isOut
                    ? "Your visits are counted without an identifier, without your address, and "
                        + "without any cookie but the one that keeps this choice."
                    : "A cookie tells your visits from those of others."
            case .drop:
                isOut ? "Your visits are not recorded." : "A cookie tells your visits from others'."
            }
        let signal =
            sendsGPC && options.policies.globalPrivacyControl > .record
            ? "<p>Your browser sends Global Privacy Control, which is honoured in any case.</p>\n"
            : ""
        let path = (isOut ? paths.optIn.first : paths.optOut.first) ?? ""
        let form =
            path.isEmpty
            ? ""
            : """
            <form method="post" action="\(HTMLText.escaped(path.utf8))">
            <button>\(isOut ? "Opt in again" : "Opt out")</button>
            </form>

            """
        return Response(
            .ok,
            [
                .init("Content-Type", "text/html; charset=utf-8"),
                .init("Cache-Control", "no-store"), .init("Vary", "Cookie, Sec-GPC"),
                .init(
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
            ],
            body: PageLayout.html(
                title: "Your choice",
                body: """
                    <main>
                    <h1>Your choice</h1>
                    <p><strong>\(choice)</strong> \(effect)</p>
                    \(signal)\(form)</main>

                    """))
    }

    /// The statement of support for Global Privacy Control (W3C, section 4), made on `date`.
    func statement(date: String) -> Response {
        let isHonoured = options.policies.globalPrivacyControl > .record
        return Response(
            .ok,
            [.init("Content-Type", "application/json"), .init("Cache-Control", "max-age=3600")],
            body: #"{"gpc":\#(isHonoured),"lastUpdate":"\#(date)"}"# + "\n")
    }
}
