internal import EventHTTP
internal import Tracking

/// Who a hit is from, as far as that may be known, and what its reply does to their cookie.
struct Identity {
    /// What the reply does to the visitor's cookie.
    enum CookieChange {
        case none
        /// It is set, or lives on for another lifetime.
        case set
        /// It is taken away.
        case expire
    }

    /// Nil if nobody is to know, or has agreed to be known.
    var visitor: Visitor?
    /// The signal that was acted on; nil if none was.
    var privacy: PrivacySignal?
    /// Whether the hit is not stored.
    var isDropped = false
    var cookieChange = CookieChange.none
}

/// Tells who a hit is from, by its cookies and by what the visitor has asked for.
struct Identification {
    private let options: PrivacyOptions
    private let cookie: VisitorCookie
    private let optOutCookie: [UInt8]

    /// What a parameter says that refuses consent. Anything else gives it.
    private static let refusals = ["", "0", "false", "no", "denied"]

    init(_ options: PrivacyOptions, _ cookie: VisitorCookie) {
        self.options = options
        self.cookie = cookie
        optOutCookie = Array(options.optOutCookie.utf8)
    }

    /// The identity behind a request; a new visitor gets one of random bits.
    func identify(
        _ head: borrowing RequestHead, random: () -> (UInt64, UInt64)
    ) -> Identity {
        let cookies = head[.cookie]
        if let (signal, policy) = applied(head) {
            return Identity(
                privacy: signal, isDropped: policy == .drop, cookieChange: expiry(cookies))
        }
        switch hasConsent(head.query) {
        case false?: return Identity(cookieChange: expiry(cookies))
        case nil:
            // The cookie is there because somebody agreed to it once; it does not live longer.
            return Identity(visitor: cookie.identifier(in: cookies).map { Visitor(known: $0) })
        case true?:
            let known = cookie.identifier(in: cookies).map { Visitor(known: $0) }
            return Identity(visitor: known ?? Visitor(random: random()), cookieChange: .set)
        }
    }

    /// What becomes of who sent a request, hit or not.
    func policy(_ head: borrowing RequestHead) -> PrivacyPolicy { applied(head)?.policy ?? .record }

    /// The signal that is acted on, and how; nil if none is.
    func applied(
        _ head: borrowing RequestHead
    ) -> (signal: PrivacySignal, policy: PrivacyPolicy)? {
        options.policies.applied(
            hasOptedOut: hasOptedOut(head[.cookie]),
            globalPrivacyControl: head[.globalPrivacyControl], doNotTrack: head[.doNotTrack])
    }

    /// Whether the cookies have that of a visitor who has opted out.
    func hasOptedOut(_ cookies: Span<UInt8>) -> Bool {
        cookies.count > 0 && VisitorCookie.isPresent(optOutCookie, in: cookies)
    }

    private func expiry(_ cookies: Span<UInt8>) -> Identity.CookieChange {
        let isThere =
            cookies.count > 0
            && cookie.names.contains { VisitorCookie.isPresent($0, in: cookies) }
        return isThere ? .expire : .none
    }

    /// Whether a cookie may be set; nil if that was not said.
    private func hasConsent(_ query: Span<UInt8>) -> Bool? {
        guard let name = options.consentParameter else { return true }
        return FormURLEncoded.firstValue(of: Array(name.utf8), in: query).map { value in
            !Self.refusals.contains(String(decoding: value, as: UTF8.self).lowercased())
        }
    }
}
