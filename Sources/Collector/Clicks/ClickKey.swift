internal import CCrypto
internal import POSIX

/// A key that signs click links.
///
/// A signature is `ID.EXPIRY.MAC`: the name of the key, the second since 1970 from which on the link
/// is no longer valid (0 for never), and HMAC-SHA256 (RFC 2104) in base64url without padding (RFC
/// 4648, section 5) over `ID.EXPIRY.TARGET`. Neither of the first two has a dot in it, so one text
/// is never two links.
struct ClickKey: Sendable {
    /// Its name, which every link carries.
    let id: String
    /// What it was read from.
    let text: String
    private let secret: [UInt8]

    /// Bytes of the shortest secret.
    static let secretBytesMin = 16
    /// Bytes of the longest file with a secret.
    private static let fileBytesMax = 4096
    private static let idBytesMax = 32

    /// Reads `ID=SECRET` or `ID=@/path/of/a/file`. The line end of a file is no part of the secret.
    init(_ text: String) throws(Setting.InvalidValue) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        // What may be a secret is in no message.
        guard parts.count == 2, Self.isID(parts[0]) else {
            throw Setting.InvalidValue(
                reason: "expected ID=SECRET or ID=@FILE, with up to \(Self.idBytesMax) letters, "
                    + "digits, hyphens and underscores as the ID")
        }
        id = String(parts[0])
        self.text = text
        secret =
            parts[1].hasPrefix("@")
            ? try Self.contents(of: String(parts[1].dropFirst()), id) : Array(parts[1].utf8)
        guard secret.count >= Self.secretBytesMin else {
            throw Setting.InvalidValue(
                reason: "the secret of '\(id)' has \(secret.count) bytes: expected at least "
                    + "\(Self.secretBytesMin)")
        }
    }

    /// The text of a key as anybody may see it: a file is named, a secret is not shown.
    static func masked(_ text: String) -> String {
        let id = text.prefix { $0 != "=" }
        return text.dropFirst(id.count).hasPrefix("=@") ? text : "\(id)=\(Setting.masked)"
    }

    private static func isID(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= idBytesMax
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
            }
    }

    /// The secret in a file, without the line end; `id` is what it is for.
    static func contents(
        of path: String, _ id: String
    ) throws(Setting.InvalidValue) -> [UInt8] {
        var bytes: [UInt8]
        do throws(SystemError) {
            bytes = try SettingsFile.bytes(of: path, atMost: fileBytesMax + 1)
        } catch {
            throw Setting.InvalidValue(reason: "the secret of '\(id)': \(error)")
        }
        guard bytes.count <= fileBytesMax else {
            throw Setting.InvalidValue(
                reason: "the secret of '\(id)': \(path) has more than \(fileBytesMax) bytes")
        }
        while bytes.last == 0x0a || bytes.last == 0x0d { bytes.removeLast() }
        return bytes
    }

    /// The signature of a link to `target` that is valid until `expiry`, in seconds since 1970.
    func signature(of target: ClickTarget, expiry: UInt64) -> String {
        let claims = "\(id).\(expiry)."
        return claims + String(decoding: mac(of: Array(claims.utf8) + target.bytes), as: UTF8.self)
    }

    /// Whether `signature` was made with one of `keys` for `target`, and is still valid at `now`, in
    /// seconds since 1970.
    static func isValid(
        _ signature: [UInt8], of target: ClickTarget, keys: [ClickKey], now: UInt64
    ) -> Bool {
        let parts = signature.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let key = keys.first(where: { $0.id.utf8.elementsEqual(parts[0]) })
        else { return false }
        // The text is compared, not what it stands for: no other spelling of a signature is one.
        let expected = key.mac(of: signature[..<parts[2].startIndex] + target.bytes)
        guard parts[2].count == expected.count,
            CRYPTO_memcmp(Array(parts[2]), expected, expected.count) == 0,
            let expiry = UInt64(String(decoding: parts[1], as: UTF8.self))
        else { return false }
        return expiry == 0 || now < expiry
    }

    /// HMAC-SHA256 in base64url.
    private func mac(of message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let result = HMAC(
            EVP_sha256(), secret, Int32(secret.count), message, message.count, &digest, &count)
        precondition(result != nil, "libcrypto has SHA-256, and memory")
        return base64URL(Array(digest[..<Int(count)]))
    }

    private func base64URL(_ bytes: [UInt8]) -> [UInt8] {
        // Three bytes become four characters, and a NUL ends them (EVP_EncodeBlock(3)).
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        text.removeLast(text.count - Int(EVP_EncodeBlock(&text, bytes, Int32(bytes.count))))
        return text.filter { $0 != UInt8(ascii: "=") }.map { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
    }
}
