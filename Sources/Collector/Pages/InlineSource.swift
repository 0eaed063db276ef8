internal import CCrypto

/// Styles and scripts within a page.
enum InlineSource {
    /// The source expression by which a policy allows just this text (CSP Level 3, section 2.3.1).
    static func hash(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let result = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
        precondition(result == 1, "libcrypto has SHA-256")
        // EVP_EncodeBlock(3): four characters for three bytes, and a NUL.
        var encoded = [UInt8](repeating: 0, count: (Int(count) + 2) / 3 * 4 + 1)
        let length = EVP_EncodeBlock(&encoded, digest, Int32(count))
        return "'sha256-\(String(decoding: encoded[..<Int(length)], as: UTF8.self))'"
    }
}
