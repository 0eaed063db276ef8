internal import CCrypto
internal import CZlib
internal import EventHTTP

/// A script that pages load and browsers keep: with a validator (RFC 9110, section 8.8.3), and
/// compressed for those who can read that.
struct ScriptFile {
    private struct Form {
        let tag: [UInt8]
        let response: Response
        let notModified: Response
    }

    private let plain: Form
    private let compressed: Form

    /// How long it is kept before it is asked for again.
    private static let seconds = 3600

    init(_ text: String) {
        let bytes = Array(text.utf8)
        let digest = Self.digest(bytes)
        plain = Self.form(bytes, tag: "\"\(digest)\"", coding: [])
        compressed = Self.form(
            Self.gzip(bytes), tag: "\"\(digest)-gzip\"", coding: [.init("Content-Encoding", "gzip")]
        )
    }

    private static func form(_ bytes: [UInt8], tag: String, coding: [Response.Field]) -> Form {
        let common: [Response.Field] = [
            .init("Cache-Control", "public, max-age=\(seconds)"), .init("ETag", tag),
            .init("Vary", "Accept-Encoding"),
            // Pages of other sites may load it, also with a checksum or in isolation.
            .init("Access-Control-Allow-Origin", "*"),
            .init("Cross-Origin-Resource-Policy", "cross-origin"),
            .init("X-Content-Type-Options", "nosniff"),
        ]
        let type = Response.Field("Content-Type", "application/javascript; charset=utf-8")
        return Form(
            tag: Array(tag.utf8), response: Response(.ok, [type] + coding + common, bytes: bytes),
            notModified: Response(.notModified, common))
    }

    /// The script, or that it is still the same.
    func response(to head: borrowing RequestHead) -> Response {
        let form =
            Self.list(head, "accept-encoding").contains(where: Self.isGzip) ? compressed : plain
        let isKnown = Self.list(head, "if-none-match").contains { tag in
            // Compared weakly (RFC 9110, section 13.1.2).
            tag == "*"
                || Array((tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]).utf8) == form.tag
        }
        return isKnown ? form.notModified : form.response
    }

    /// The elements of the fields of that name.
    private static func list(_ head: borrowing RequestHead, _ name: StaticString) -> [String] {
        var elements: [String] = []
        for index in 0..<head.fieldCount where head.fieldName(at: index).isEqual(to: name) {
            let value = String(decoding: Array(head.fieldValue(at: index)), as: UTF8.self)
            elements += value.split(separator: ",").map {
                let text = $0.drop { $0 == " " || $0 == "\t" }
                return String(text.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
            }
        }
        return elements
    }

    /// Whether an element of `Accept-Encoding` takes gzip: it is refused with a weight of zero.
    private static func isGzip(_ element: String) -> Bool {
        let parts = element.lowercased().split(separator: ";").map {
            String($0.filter { $0 != " " && $0 != "\t" })
        }
        guard let coding = parts.first, ["gzip", "x-gzip", "*"].contains(coding) else {
            return false
        }
        let weight = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
        return weight.map { $0.contains { ("1"..."9").contains($0) } } ?? true
    }

    /// The first half of its SHA-256, in hexadecimal.
    private static func digest(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let result = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
        precondition(result == 1, "libcrypto has SHA-256")
        return digest[..<16].map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }

    /// The gzip coding (RFC 1952) at its best.
    private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window, and 16 for a gzip header.
        let code = deflateInit2_(
            &stream, Z_BEST_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib of this version has memory")
        defer { deflateEnd(&stream) }
        let most = Int(deflateBound(&stream, UInt(bytes.count)))
        return [UInt8](unsafeUninitializedCapacity: most) { memory, count in
            bytes.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = memory.baseAddress
                stream.avail_out = UInt32(memory.count)
                precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "there is room")
                count = memory.count - Int(stream.avail_out)
            }
        }
    }
}
