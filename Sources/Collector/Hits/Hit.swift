internal import EventHTTP
internal import POSIX
internal import Tracking

/// What all events of one request have in common.
struct Hit {
    let kind: Event.Kind
    let identity: Identity
    let time: Timestamp
    /// The header fields that the operator wants: a JSON object; empty if there are none.
    let headers: [UInt8]

    /// A hit that has come now.
    init(
        _ head: borrowing RequestHead, _ identity: Identity, kind: Event.Kind,
        capturing privacy: PrivacyOptions
    ) {
        self.kind = kind
        self.identity = identity
        time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        headers =
            privacy.capturedHeaders.isEmpty ? [] : Self.headers(of: head, identity, privacy)
    }

    private static func headers(
        of head: borrowing RequestHead, _ identity: Identity, _ privacy: PrivacyOptions
    ) -> [UInt8] {
        let isAnonymous = identity.privacy != nil
        var captured = CapturedHeaders(
            addresses: isAnonymous && privacy.addressDetail == .full
                ? .network : privacy.addressDetail)
        for name in privacy.capturedHeaders {
            // These tell browsers apart, which an anonymous hit is not to do.
            if isAnonymous, name == "user-agent" || name.hasPrefix("sec-ch-") { continue }
            var values: [[UInt8]] = []
            for index in 0..<head.fieldCount {
                let field = String(decoding: Array(head.fieldName(at: index)), as: UTF8.self)
                guard field.lowercased() == name else { continue }
                values.append(Array(head.fieldValue(at: index)))
            }
            if values.isEmpty { continue }
            // Several fields of a name are one list (RFC 9110, section 5.3).
            let value = Array(values.joined(separator: Array(", ".utf8)))
            captured.append(name: Array(name.utf8), value: value.span)
        }
        return captured.json
    }
}
