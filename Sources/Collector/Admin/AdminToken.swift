internal import CCrypto
internal import EventHTTP

/// What an operator shows to be let in: as a bearer token (RFC 6750, section 2.1), or as the password
/// of any user (RFC 7617), which is what a browser asks for.
struct AdminToken: Sendable {
    /// What it was read from.
    let text: String
    private let secret: [UInt8]

    /// Bytes of the shortest token.
    private static let bytesMin = 16

    /// Reads a token, or `@/path/of/a/file` with one.
    init(_ text: String) throws(Setting.InvalidValue) {
        self.text = text
        secret =
            text.hasPrefix("@")
            ? try ClickKey.contents(of: String(text.dropFirst()), "admin_token")
            : Array(text.utf8)
        // What may be a secret is in no message.
        guard secret.count >= Self.bytesMin else {
            throw Setting.InvalidValue(
                reason: "the token has \(secret.count) bytes: expected at least \(Self.bytesMin), "
                    + "or @FILE")
        }
        guard secret.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Setting.InvalidValue(
                reason: "the token has other characters than ASCII letters, digits and signs")
        }
    }

    /// The text of a token as anybody may see it: a file is named.
    static func masked(_ text: String) -> String {
        text == "off" || text.hasPrefix("@") ? text : Setting.masked
    }

    /// Whether a request shows it.
    func isShown(by head: borrowing RequestHead) -> Bool {
        for index in 0..<head.fieldCount {
            let name = String(decoding: Array(head.fieldName(at: index)), as: UTF8.self)
            guard name.lowercased() == "authorization" else { continue }
            let parts = Array(head.fieldValue(at: index)).split(
                separator: UInt8(ascii: " "), maxSplits: 1)
            guard parts.count == 2 else { return false }
            let credentials = Array(parts[1])
            switch String(decoding: parts[0], as: UTF8.self).lowercased() {
            case "bearer": return isEqual(to: credentials)
            case "basic":
                guard let pair = Self.decoded(credentials),
                    let colon = pair.firstIndex(of: UInt8(ascii: ":"))
                else { return false }
                return isEqual(to: Array(pair[(colon + 1)...]))
            default: return false
            }
        }
        return false
    }

    /// In a time that does not depend on where they differ.
    private func isEqual(to other: [UInt8]) -> Bool {
        other.count == secret.count && CRYPTO_memcmp(other, secret, secret.count) == 0
    }

    /// The bytes behind base64 (RFC 4648, section 4); nil if it is none.
    private static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: text.count / 4 * 3)
        // EVP_DecodeBlock(3): padding is decoded as if it were zeros.
        guard EVP_DecodeBlock(&bytes, text, Int32(text.count)) == bytes.count else { return nil }
        bytes.removeLast(text.suffix(2).count { $0 == UInt8(ascii: "=") })
        return bytes
    }
}
