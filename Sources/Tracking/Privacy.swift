/// A sign by which a visitor says not to be followed.
public enum PrivacySignal: Sendable {
    /// The cookie of the page `/opt-out`.
    case optOut
    /// `Sec-GPC: 1` (W3C, Global Privacy Control).
    case globalPrivacyControl
    /// `DNT: 1` (W3C, Tracking Preference Expression).
    case doNotTrack

    /// Its name in an event.
    public var name: StaticString {
        switch self {
        case .optOut: "opt_out"
        case .globalPrivacyControl: "gpc"
        case .doNotTrack: "dnt"
        }
    }
}

/// What becomes of a hit that comes with a signal, from the most lenient to the strictest.
public enum PrivacyPolicy: String, CaseIterable, Comparable, Sendable {
    /// It is stored as if there were no signal.
    case record
    /// It is stored without visitor, with the network of the address only, and the family of the
    /// browser. No cookie is read or set, and one that is there is taken away.
    case anonymize
    /// It is counted, and not stored.
    case drop

    /// Whether one is more lenient than the other.
    public static func < (one: PrivacyPolicy, other: PrivacyPolicy) -> Bool {
        one.strictness < other.strictness
    }

    private var strictness: Int {
        switch self {
        case .record: 0
        case .anonymize: 1
        case .drop: 2
        }
    }
}

/// The policy for each signal.
public struct PrivacyPolicies: Equatable, Sendable {
    /// For visitors who have opted out.
    public var optOut = PrivacyPolicy.anonymize
    /// For `Sec-GPC: 1`.
    public var globalPrivacyControl = PrivacyPolicy.anonymize
    /// For `DNT: 1`.
    public var doNotTrack = PrivacyPolicy.record

    /// The defaults.
    public init() {}

    /// The signal that is acted on: the one with the strictest policy, of several the first; nil
    /// if the hit is stored as any other. The arguments are the values of the fields `Sec-GPC` and
    /// `DNT`.
    public func applied(
        hasOptedOut: Bool, globalPrivacyControl gpc: Span<UInt8>, doNotTrack dnt: Span<UInt8>
    ) -> (signal: PrivacySignal, policy: PrivacyPolicy)? {
        var signal: PrivacySignal?
        var strictest = PrivacyPolicy.record
        if hasOptedOut, optOut > strictest { (signal, strictest) = (.optOut, optOut) }
        if gpc.isOne, globalPrivacyControl > strictest {
            (signal, strictest) = (.globalPrivacyControl, globalPrivacyControl)
        }
        if dnt.isOne, doNotTrack > strictest { (signal, strictest) = (.doNotTrack, doNotTrack) }
        return signal.map { ($0, strictest) }
    }
}

extension Span<UInt8> {
    /// Whether this is `1`, the only value by which these fields say anything.
    fileprivate var isOne: Bool { count == 1 && self[0] == UInt8(ascii: "1") }
}

/// How much of an address an event has.
public enum AddressDetail: String, CaseIterable, Sendable {
    /// Its network: the first 24 bits of IPv4, 48 of IPv6. The others are zero.
    case network
    /// All of it.
    case full
    /// Nothing.
    case none
}
