internal import EventHTTP

/// What a hit is answered with when it is stored.
enum HitReply {
    case script
    case image
    /// One event came with a beacon.
    case beacon
    /// Several came.
    case batch(BatchReport)
    /// It leads on to another page.
    case click
}

/// The replies to hits: made once, sent often.
struct HitResponses {
    let script: Response
    let image: Response
    let beacon: Response
    /// A hit that could not be stored.
    let refused = Response.plain(
        .serviceUnavailable, [.init("Retry-After", "1"), .init("Cache-Control", "no-store")])

    /// The replies, with the client hints that are asked for.
    init(_ privacy: PrivacyOptions) {
        let common: [Response.Field] =
            [
                .init("Cache-Control", "no-store"),
                // A page of another site may load it, also one that isolates itself.
                .init("Cross-Origin-Resource-Policy", "cross-origin"),
                .init("X-Content-Type-Options", "nosniff"),
            ] + privacy.hintFields
        script = Response(.ok, [.init("Content-Type", "application/javascript")] + common)
        image = Response(.ok, [.init("Content-Type", "image/gif")] + common, bytes: Self.gif)
        beacon = Response(.noContent, common)
    }

    /// A transparent image of 1 by 1 pixels with a palette of two colours, 43 bytes.
    private static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0xff, 0xff,
        0xff, 0x00, 0x00, 0x00, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
    ]
}
