internal import Tracking

/// Notices a proxy that nobody trusts: all of the first hits come from one private address.
struct SolePeer {
    /// So many hits have to come from it.
    static let hitsMin = 1000

    private var peer: [UInt8] = []
    private var hitsLeft: Int

    /// Whether it may still turn out to be so.
    var isPossible: Bool { hitsLeft > 0 }

    init(trusted: TrustedProxies) {
        hitsLeft = trusted.texts.isEmpty ? Self.hitsMin : 0
    }

    /// Counts a hit from `other`, empty for a unix socket. Whether it is certain now; once only.
    mutating func isCertain(after other: Span<UInt8>) -> Bool {
        if hitsLeft == Self.hitsMin {
            peer = Array(other)
            if other.count > 0, IPAddress(text: other)?.isPrivate != true { hitsLeft = 1 }
        } else if !isSame(other) {
            hitsLeft = 1
        } else if hitsLeft == 1 {
            hitsLeft = 0
            return true
        }
        hitsLeft -= 1
        return false
    }

    private func isSame(_ other: Span<UInt8>) -> Bool {
        other.count == peer.count && peer.indices.allSatisfy { other[$0] == peer[$0] }
    }

    /// What an operator is told of it.
    var warning: String {
        let name = peer.isEmpty ? "a unix socket" : String(decoding: peer, as: UTF8.self)
        return """
            all of the first \(Self.hitsMin) hits came from \(name); if that is a reverse proxy, \
            name it with trusted_proxies (\(peer.isEmpty ? "unix" : name)), so that hits have the \
            addresses of their visitors
            """
    }
}
