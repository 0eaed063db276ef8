internal import Tracking

/// How the visitor's cookie is set.
public struct CookieOptions: Equatable, Sendable {
    /// Whose pages the cookie is for.
    public enum Preset: String, CaseIterable, Sendable {
        /// `third-party` for hits that came over https, otherwise `first-party`: a browser takes no
        /// cookie for other sites over http.
        case auto
        /// Pages of the collector's own site: `SameSite=Lax`.
        case firstParty = "first-party"
        /// Pages of other sites: `SameSite=None; Secure; Partitioned`.
        case thirdParty = "third-party"
    }

    /// The names under which it is looked for; it is set under the first.
    var names = ["id"]
    var preset = Preset.auto
    var domains: [String] = []
    var path = "/"
    var lifetimeSeconds = 365.0 * 86_400
    var isHTTPOnly = true
    /// What the preset says unless it is set.
    var isSecure: Bool?
    var sameSite: VisitorCookie.SameSite?
    var isPartitioned: Bool?

    /// Browsers keep no cookie longer (RFC 6265bis, section 5.5): 400 days.
    static let lifetimeSecondsMax = 400.0 * 86_400

    /// The defaults.
    init() {}

    /// The cookie's attributes for requests that came over https or not.
    func attributes(overHTTPS: Bool) -> VisitorCookie.Attributes {
        let isThirdParty = preset == .thirdParty || (preset == .auto && overHTTPS)
        var attributes = VisitorCookie.Attributes()
        attributes.domains = domains
        attributes.path = path
        attributes.lifetimeSeconds = lifetimeSeconds
        attributes.isHTTPOnly = isHTTPOnly
        attributes.isSecure = isSecure ?? isThirdParty
        attributes.sameSite = sameSite ?? (isThirdParty ? .none : .lax)
        attributes.isPartitioned = isPartitioned ?? isThirdParty
        return attributes
    }

    /// The cookie of these options.
    var cookie: VisitorCookie {
        VisitorCookie(
            names: names, overHTTP: attributes(overHTTPS: false),
            overHTTPS: attributes(overHTTPS: true))
    }

    /// What a browser would refuse of this, and the keys that say so, the guiltiest first; nil if it
    /// would take it.
    var objection: (keys: [String], reason: String)? {
        for overHTTPS in [false, true] {
            let attributes = attributes(overHTTPS: overHTTPS)
            let how = overHTTPS ? "over https" : "over http"
            let remedy = "set cookie_preset to third-party, or cookie_secure to true"
            if attributes.sameSite == .none, !attributes.isSecure {
                return (
                    ["cookie_same_site", "cookie_secure", "cookie_preset"],
                    "browsers refuse SameSite=None without Secure (\(how)); \(remedy)"
                )
            }
            if attributes.isPartitioned, !attributes.isSecure {
                return (
                    ["cookie_partitioned", "cookie_secure", "cookie_preset"],
                    "browsers refuse Partitioned without Secure (\(how)); \(remedy)"
                )
            }
            if let reason = prefixObjection(attributes, how) {
                return (["cookie_names", "cookie_secure", "cookie_path", "cookie_domains"], reason)
            }
        }
        return nil
    }

    /// What the prefix of the name asks for (RFC 6265bis, section 4.1.3).
    private func prefixObjection(
        _ attributes: VisitorCookie.Attributes, _ how: String
    ) -> String? {
        let name = names[0].lowercased()
        let isHostOnly = name.hasPrefix("__host-")
        guard isHostOnly || name.hasPrefix("__secure-") else { return nil }
        if !attributes.isSecure {
            return "browsers refuse a cookie called \(names[0]) without Secure (\(how))"
        }
        if isHostOnly, path != "/" || !domains.isEmpty {
            return "browsers refuse a cookie called \(names[0]) with a path or a domain"
        }
        return nil
    }
}
