internal import Tracking

/// Which links of the collector lead on: those that one of its keys has signed, and those to hosts
/// on its list.
public struct ClickPolicy: Sendable {
    /// Of them, the first one signs; a link of any of them is valid.
    var keys: [ClickKey] = []
    /// Hosts, and hosts with ports, in lower case.
    var hosts: Set<[UInt8]> = []

    /// None leads anywhere.
    init() {}

    /// Whether any link can lead on.
    var isOn: Bool { !keys.isEmpty || !hosts.isEmpty }

    /// What is to become of a click.
    enum Verdict: Equatable {
        case redirect(ClickTarget)
        /// What it leads to is missing, or is not one `http` or `https` URL to every reader.
        case badTarget
        /// It is not signed, no longer valid, or was changed.
        case forbidden
    }

    /// Judges the query `u=TARGET&k=SIGNATURE` at `now`, in seconds since 1970.
    func verdict(
        on query: Span<UInt8>, _ aliases: ParameterAliases = .none, now: UInt64
    ) -> Verdict {
        guard let target = aliases.firstValue(of: "u", in: query).flatMap({ ClickTarget($0) })
        else { return .badTarget }
        if hosts.contains(target.lowercasedAuthority) { return .redirect(target) }
        let signature = aliases.firstValue(of: "k", in: query) ?? []
        return ClickKey.isValid(signature, of: target, keys: keys, now: now)
            ? .redirect(target) : .forbidden
    }

    /// Reads the keys of the setting. No two have one name.
    static func keys(_ texts: [String]) throws(Setting.InvalidValue) -> [ClickKey] {
        var keys: [ClickKey] = []
        for text in texts {
            let key = try ClickKey(text)
            guard !keys.contains(where: { $0.id == key.id }) else {
                throw Setting.InvalidValue(reason: "there are two keys '\(key.id)'")
            }
            keys.append(key)
        }
        return keys
    }

    /// Reads the hosts of the setting.
    static func hosts(_ texts: [String]) throws(Setting.InvalidValue) -> Set<[UInt8]> {
        var hosts: Set<[UInt8]> = []
        for text in texts {
            guard let target = ClickTarget(Array("https://\(text)".utf8)),
                target.authority.upperBound == target.bytes.count
            else {
                throw Setting.InvalidValue(
                    reason: "'\(text)': expected a host such as shop.example, or HOST:PORT")
            }
            hosts.insert(target.lowercasedAuthority)
        }
        return hosts
    }
}
