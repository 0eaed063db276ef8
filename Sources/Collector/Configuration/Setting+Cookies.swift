internal import Tracking

extension Setting {
    /// How the visitor's cookie is set.
    static let cookies: [Setting] = [
        Setting(key: "cookie_names", isList: true) { (configuration, values) throws(InvalidValue) in
            for value in values where !isToken(value) {
                throw InvalidValue(
                    reason: "'\(value)': expected a name of letters, digits, - and _")
            }
            guard !values.isEmpty else { throw InvalidValue(reason: "at least one name") }
            configuration.cookies.names = values
        } values: {
            $0.cookies.names
        },
        choice("cookie_preset", \.cookies.preset),
        list("cookie_domains", \.cookies.domains, "a domain such as shop.example") { isDomain($0) },
        scalar("cookie_path") { (configuration, value) throws(InvalidValue) in
            guard PathOptions.isPath(value), !value.contains(";") else {
                throw InvalidValue(reason: "'\(value)': expected a path such as /")
            }
            configuration.cookies.path = value
        } value: {
            $0.cookies.path
        },
        scalar("cookie_lifetime") { (configuration, value) throws(InvalidValue) in
            let seconds = try UnitValue.seconds(value)
            guard seconds >= 1, seconds <= CookieOptions.lifetimeSecondsMax else {
                throw InvalidValue(
                    reason: "'\(value)': expected 1s to 400d; browsers keep no cookie longer")
            }
            configuration.cookies.lifetimeSeconds = seconds
        } value: {
            UnitValue.text(seconds: $0.cookies.lifetimeSeconds)
        },
        scalar("cookie_http_only") { (configuration, value) throws(InvalidValue) in
            configuration.cookies.isHTTPOnly = try flag(value)
        } value: {
            String($0.cookies.isHTTPOnly)
        },
        presetFlag("cookie_secure", \.cookies.isSecure),
        scalar("cookie_same_site") { (configuration, value) throws(InvalidValue) in
            let found = VisitorCookie.SameSite.allCases.first { $0.rawValue.lowercased() == value }
            guard found != nil || value == "auto" else {
                throw InvalidValue(value, notOneOf: ["strict", "lax", "none", "auto"])
            }
            configuration.cookies.sameSite = found
        } value: {
            $0.cookies.sameSite?.rawValue.lowercased() ?? "auto"
        },
        presetFlag("cookie_partitioned", \.cookies.isPartitioned),
    ]

    /// `true`, `false`, or `auto` for what the preset says.
    private static func presetFlag(
        _ key: String, _ path: any WritableKeyPath<Configuration, Bool?> & Sendable
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            guard value == "auto" || Bool(value) != nil else {
                throw InvalidValue(value, notOneOf: ["true", "false", "auto"])
            }
            configuration[keyPath: path] = Bool(value)
        } value: {
            $0[keyPath: path].map { String($0) } ?? "auto"
        }
    }

    /// Whether a cookie, a parameter or a header field can be called so without any quoting.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 64
            && text.utf8.allSatisfy { byte in
                (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || (byte >= 0x30 && byte <= 0x39)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    /// Whether it is a host name of at least two labels, in lower case (RFC 1123, section 2.1).
    private static func isDomain(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isNumeric = labels.last?.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ?? true
        return labels.count > 1 && text.utf8.count <= 253 && !isNumeric
            && text == text.lowercased()
            && labels.allSatisfy {
                isToken(String($0)) && !$0.hasPrefix("-") && !$0.hasSuffix("-")
                    && !$0.contains("_")
            }
    }
}
