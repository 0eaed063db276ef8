internal import Tracking

/// Which peers are believed when they say for whom they ask.
public struct TrustedProxies: Sendable {
    /// As they were given: blocks of addresses, and `unix` for every unix socket.
    let texts: [String]
    private let blocks: [AddressBlock]
    private let trustsUnixSockets: Bool

    /// Nobody.
    public init() {
        texts = []
        blocks = []
        trustsUnixSockets = false
    }

    /// Reads blocks of addresses and `unix`; nil if one of them is neither.
    init?(_ texts: [String]) {
        let named = texts.filter { $0 != "unix" }
        blocks = named.compactMap { AddressBlock($0) }
        guard blocks.count == named.count else { return nil }
        self.texts = texts
        trustsUnixSockets = named.count < texts.count
    }

    /// Whether the peer of that address, empty for a unix socket, is believed.
    func trusts(peer: Span<UInt8>) -> Bool {
        if texts.isEmpty { return false }
        if peer.count == 0 { return trustsUnixSockets }
        guard let address = IPAddress(text: peer) else { return false }
        return contains(address)
    }

    /// Whether that is the address of a proxy.
    func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }
}
