internal import Glibc

/// What a proxy says of a connection in front of its first request: the header of the PROXY
/// protocol, version 1 or 2 (doc/proxy-protocol.txt of HAProxy, of 2020/03/05).
struct ProxyHeader: Equatable {
    /// Its length in bytes.
    var bytes: Int
    /// The client's address in text, empty if it came by a unix socket. Nil if there is no client,
    /// as in a health check, or if nothing is said of it: then the peer's own address stays.
    var address: String?
    /// Whether the client spoke TLS to the proxy.
    var isSecure = false

    /// The longest header that is taken, in bytes: both versions are made to fit into the shortest
    /// segment that every host has to take (section 2).
    static let bytesMax = 536
    /// The longest line of version 1, in bytes with its CRLF (section 2.1).
    private static let lineBytesMax = 107

    private static let lineStart = Array("PROXY ".utf8)
    private static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    /// Bytes of version 2 in front of the addresses.
    private static let fixedBytes = 16
    /// `PP2_TYPE_SSL` (section 2.2.6), the bytes that it has at least, and its bit that says TLS.
    private static let typeTLS: UInt8 = 0x20
    private static let tlsBytesMin = 5
    private static let clientTLS: UInt8 = 0x01

    private init(bytes: Int) {
        self.bytes = bytes
    }

    /// Reads the header at the start of `bytes`; nil if more has to come.
    init?(beginning bytes: UnsafeBufferPointer<UInt8>) throws(RequestRefusal) {
        let isLine = bytes.first == Self.lineStart[0]
        let start = isLine ? Self.lineStart : Self.signature
        guard zip(bytes, start).allSatisfy({ $0 == $1 }) else { throw .proxyProtocol }
        if bytes.count < start.count { return nil }
        guard let header = try isLine ? Self.version1(bytes) : Self.version2(bytes) else {
            return nil
        }
        self = header
    }

    // MARK: - Version 1

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 4711 80`, one space each, and CRLF.
    private static func version1(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(RequestRefusal) -> ProxyHeader? {
        guard let end = bytes.prefix(lineBytesMax).firstIndex(of: 0x0a) else {
            if bytes.count >= lineBytesMax { throw .proxyProtocol }
            return nil
        }
        let line = bytes[..<(end - 1)]
        guard bytes[end - 1] == 0x0d, !line.contains(0x0d) else { throw .proxyProtocol }
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        var header = ProxyHeader(bytes: end + 1)
        // What follows is to be ignored.
        if words[1].elementsEqual("UNKNOWN".utf8) { return header }
        let isShort = words[1].elementsEqual("TCP4".utf8)
        guard words.count == 6, isShort || words[1].elementsEqual("TCP6".utf8) else {
            throw .proxyProtocol
        }
        let family = isShort ? AF_INET : AF_INET6
        guard let source = address(words[2], family), address(words[3], family) != nil,
            isPort(words[4]), isPort(words[5])
        else { throw .proxyProtocol }
        header.address = source
        return header
    }

    private static func isPort(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard let number = Characters.decimal(UnsafeBufferPointer(rebasing: text)) else {
            return false
        }
        let hasLeadingZero = text.count > 1 && text.first == UInt8(ascii: "0")
        return number <= UInt16.max && !hasLeadingZero
    }

    /// An address in the form that inet_pton(3) reads; nil for any other.
    private static func address(
        _ text: Slice<UnsafeBufferPointer<UInt8>>, _ family: Int32
    ) -> String? {
        // A C string would end there.
        if text.contains(0) { return nil }
        var address = in6_addr()
        guard inet_pton(family, String(decoding: text, as: UTF8.self), &address) == 1 else {
            return nil
        }
        return withUnsafeBytes(of: &address) { Self.text($0.baseAddress, family) }
    }

    /// The address in network byte order as the gate writes those of peers.
    private static func text(_ address: UnsafeRawPointer?, _ family: Int32) -> String? {
        let capacity = Int(INET6_ADDRSTRLEN)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
            inet_ntop(family, address, text.baseAddress, socklen_t(capacity))
                .map { String(cString: $0.withoutMappedPrefix) }
        }
    }

    // MARK: - Version 2

    private static func version2(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(RequestRefusal) -> ProxyHeader? {
        guard bytes.count >= fixedBytes else { return nil }
        let (version, command) = (bytes[12] >> 4, bytes[12] & 0x0f)
        let (family, transport) = (bytes[13] >> 4, bytes[13] & 0x0f)
        var header = ProxyHeader(bytes: fixedBytes + (Int(bytes[14]) << 8 | Int(bytes[15])))
        // LOCAL is 0 and PROXY is 1.
        guard version == 2, command <= 1, header.bytes <= bytesMax else { throw .proxyProtocol }
        // Of LOCAL all the rest is ignored.
        guard command == 0 || (family <= 3 && transport <= 2) else { throw .proxyProtocol }
        if bytes.count < header.bytes { return nil }
        // One of the two is AF_UNSPEC or UNSPEC, with which addresses mean nothing.
        if command == 0 || family == 0 || transport == 0 { return header }
        // AF_INET, AF_INET6, AF_UNIX: two addresses, and two ports but for the last.
        let addresses = fixedBytes..<(fixedBytes + [12, 36, 216][Int(family) - 1])
        guard addresses.upperBound <= header.bytes else { throw .proxyProtocol }
        let source = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[addresses]))
        header.address =
            family == 3 ? "" : text(source.baseAddress, family == 1 ? AF_INET : AF_INET6)
        header.isSecure = try isSecure(bytes[addresses.upperBound..<header.bytes])
        return header
    }

    /// Whether what follows the addresses, values with a type and a length, says that the client
    /// spoke TLS.
    private static func isSecure(
        _ values: Slice<UnsafeBufferPointer<UInt8>>
    ) throws(RequestRefusal) -> Bool {
        var isSecure = false
        var rest = values
        while let type = rest.popFirst() {
            guard let high = rest.popFirst(), let low = rest.popFirst() else {
                throw .proxyProtocol
            }
            let length = Int(high) << 8 | Int(low)
            guard length <= rest.count, type != typeTLS || length >= tlsBytesMin else {
                throw .proxyProtocol
            }
            let value = rest.prefix(length)
            if type == typeTLS, value[value.startIndex] & clientTLS != 0 { isSecure = true }
            rest = rest.dropFirst(length)
        }
        return isSecure
    }
}
