internal import CZlib
internal import EventHTTP
internal import Tracking

/// The content of a beacon after what its header fields say of it: not compressed, and JSON.
enum BeaconBody {
    /// Why it cannot be read.
    enum Refusal: Error {
        case mediaType, coding, damaged, tooLarge

        var status: HTTPStatus {
            switch self {
            case .mediaType, .coding: .unsupportedMediaType
            case .damaged: .badRequest
            case .tooLarge: .contentTooLarge
            }
        }
    }

    /// Bytes that compressed content may become.
    static let inflatedBytesMax = 1 << 20
    /// How many times as long it may become. Text is seldom compressed better than to a tenth.
    static let inflationMax = 100

    /// Calls `body` with JSON.
    static func withJSON<Result>(
        _ head: borrowing RequestHead, _ content: Span<UInt8>, _ body: (Span<UInt8>) -> Result
    ) throws(Refusal) -> Result {
        let mediaType = try mediaType(head[.contentType])
        switch text(head[.contentEncoding]) {
        case "", "identity": return try withJSON(mediaType, content, body)
        case "gzip", "x-gzip":
            let inflated = try inflated(content)
            return try withJSON(mediaType, inflated.span, body)
        default: throw .coding
        }
    }

    private enum MediaType {
        case json, form
    }

    /// JSON comes as text too: that is what `sendBeacon` says of a string, and what needs no
    /// preflight (Fetch Standard, "CORS-safelisted request-header").
    private static func mediaType(_ field: Span<UInt8>) throws(Refusal) -> MediaType {
        let name = text(field).split(separator: ";").first ?? ""
        switch name.trimmed {
        case "", "application/json", "text/plain", "application/x-ndjson": return .json
        case "application/x-www-form-urlencoded": return .form
        default: throw .mediaType
        }
    }

    private static func text(_ field: Span<UInt8>) -> String {
        String(decoding: Array(field), as: UTF8.self).lowercased()
    }

    private static func withJSON<Result>(
        _ type: MediaType, _ content: Span<UInt8>, _ body: (Span<UInt8>) -> Result
    ) throws(Refusal) -> Result {
        switch type {
        case .json: return body(content)
        case .form:
            let object = FormURLEncoded.jsonObject(content) ?? []
            return body(object.span)
        }
    }

    /// Takes the gzip coding off (RFC 1952).
    private static func inflated(_ content: Span<UInt8>) throws(Refusal) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window, and 16 for a gzip header.
        let code = inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib of this version has memory")
        defer { inflateEnd(&stream) }
        let most = min(inflatedBytesMax, content.count * inflationMax)
        var status = Z_OK
        // One byte more than allowed, to see that there is more.
        let output = [UInt8](unsafeUninitializedCapacity: most + 1) { memory, count in
            content.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = memory.baseAddress
                stream.avail_out = UInt32(memory.count)
                status = inflate(&stream, Z_FINISH)
                count = memory.count - Int(stream.avail_out)
            }
        }
        if output.count > most { throw .tooLarge }
        guard status == Z_STREAM_END, stream.avail_in == 0 else { throw .damaged }
        return output
    }
}

extension Substring {
    /// Without the white space around it.
    fileprivate var trimmed: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        return start.prefix { $0 != " " && $0 != "\t" }
    }
}
