@testable import EventHTTP

/// The parser of PROXY headers: a header needs all its bytes and no other, whatever the pieces in
/// which they come, and what it says of the client stands in them.
func fuzzProxyHeader(_ input: UnsafeBufferPointer<UInt8>) {
    var isRefused = false
    for count in 0...input.count {
        do throws(RequestRefusal) {
            guard
                let header = try ProxyHeader(
                    beginning: UnsafeBufferPointer(rebasing: input[..<count]))
            else {
                precondition(!isRefused, "nothing makes up for an error")
                continue
            }
            precondition(!isRefused && header.bytes <= min(count, ProxyHeader.bytesMax))
            precondition(header.bytes == count, "it is found with its last byte")
            precondition((try? ProxyHeader(beginning: input)) == header, "what follows is not its")
            check(header, Array(input[..<count]))
            return
        } catch {
            isRefused = true
        }
    }
}

private func check(_ header: ProxyHeader, _ bytes: [UInt8]) {
    if bytes[0] == UInt8(ascii: "P") {
        precondition(!header.isSecure, "version 1 cannot say so")
        precondition(bytes.count <= 107 && bytes.suffix(2) == [0x0d, 0x0a])
        precondition(!bytes.dropLast(2).contains { $0 == 0x0d || $0 == 0x0a })
        guard let address = header.address else {
            precondition(bytes.starts(with: Array("PROXY UNKNOWN".utf8)))
            return
        }
        let words = String(decoding: bytes.dropLast(2), as: UTF8.self).split(
            separator: " ", omittingEmptySubsequences: false)
        precondition(words.count == 6 && !address.isEmpty)
        precondition(words[1] != "TCP4" || address == words[2], "there is one form of it")
        precondition(words[4...].allSatisfy { UInt16($0).map { String($0) } ?? "" == $0 })
        return
    }
    precondition(bytes.count == 16 + Int(bytes[14]) * 256 + Int(bytes[15]))
    precondition(bytes[12] == 0x20 || bytes[12] == 0x21)
    guard let address = header.address else {
        precondition(!header.isSecure, "nothing is known of the client")
        return
    }
    precondition(bytes[12] == 0x21, "a health check has no client")
    switch bytes[13] >> 4 {
    case 1: precondition(address == bytes[16..<20].map { "\($0)" }.joined(separator: "."))
    case 2: precondition(address.contains(":") || bytes[16..<26].allSatisfy { $0 == 0 })
    default: precondition(bytes[13] >> 4 == 3 && address.isEmpty)
    }
}
