public import Tracking

/// What is kept of those who visit.
public struct PrivacyOptions: Equatable, Sendable {
    /// What becomes of hits that come with a signal.
    public var policies = PrivacyPolicies()
    /// How much of an address is kept.
    public var addressDetail = AddressDetail.network
    /// The name of the cookie of those who have opted out.
    public var optOutCookie = "opt_out"
    /// The parameter without which no cookie is set; nil if none is needed.
    public var consentParameter: String?
    /// Header fields that events have, in lower case.
    public var capturedHeaders: [String] = []
    /// What pages are asked for by `Accept-CH` (RFC 8942).
    public var acceptedHints: [String] = []

    /// Fields that are never stored: they hold what proves who somebody is.
    static let secretHeaders: Set<String> = [
        "authorization", "cookie", "proxy-authorization", "set-cookie",
    ]

    /// The defaults.
    init() {}
}
