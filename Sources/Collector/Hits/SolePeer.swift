internal import EventHTTP
internal import Tracking

/// Notices a proxy that nobody trusts: all of the first hits come from one private address, and with
/// fields in which a proxy names its client.
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

    /// Counts a hit. Whether it is certain now; once only.
    mutating func isCertain(after hit: borrowing RequestHead) -> Bool {
        if hitsLeft == Self.hitsMin { peer = Self.privateAddress(hit.peer) }
        guard !peer.isEmpty, isPeer(hit.peer), Client.isForwarded(hit) else {
            hitsLeft = 0
            return false
        }
        hitsLeft -= 1
        return hitsLeft == 0
    }

    private func isPeer(_ other: Span<UInt8>) -> Bool {
        other.count == peer.count && peer.indices.allSatisfy { other[$0] == peer[$0] }
    }

    /// Empty if it is another, or a unix socket's.
    private static func privateAddress(_ text: Span<UInt8>) -> [UInt8] {
        IPAddress(text: text)?.isPrivate == true ? Array(text) : []
    }

    /// What an operator is told of it.
    var warning: String {
        let name = String(decoding: peer, as: UTF8.self)
        return """
            all of the first \(Self.hitsMin) hits came from \(name) with X-Forwarded-For or \
            Forwarded; if that is a reverse proxy, name it with trusted_proxies (\(name)), so that \
            hits have the addresses of their visitors
            """
    }
}
