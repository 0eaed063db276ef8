/// What goes wrong between the parsers of HTTP, to be put into a request at any place.
public let requestFragments: [[UInt8]] = [
    "\r\n", "\n", "\r", " ", "\t", "\0", ":", ",", "chunked", "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "HTTP/1.1", "\u{b}", "ä", "0x1", "+1", "-1",
    "\"", ";", "Connection: close\r\n", " HTTP/1.1\r\n", "%00", "#", "\u{7f}",
].map { Array($0.utf8) }

/// Changes `bytes` at a few random places, up to `most`: another byte, another bit, a byte less, a
/// fragment of a request more.
public func mutated(
    _ bytes: [UInt8], atMost most: Int, using random: inout SeededRandom
) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 0...most, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch random.next() % 4 {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2:
            bytes.insert(
                contentsOf: requestFragments.randomElement(using: &random) ?? [], at: place)
        default: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        }
    }
    return bytes
}
