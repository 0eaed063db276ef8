import EventHTTP

/// What a run does: the flags, checked.
struct LoadOptions: Sendable {
    /// The URL as it was given.
    var url: String
    var address: ClientAddress
    /// Each a request target, to which `t`, `r` and, if there are no others, `s` are added.
    var targets: [String]
    /// Values of `s`, percent-encoded; none if the targets come from a file.
    var words: [String]
    var method: String
    var body: [UInt8]?
    /// All header fields but the cookie; `User-Agent` comes from `userAgents`.
    var fields: [HeaderField]
    var userAgents: [String]

    var connections = 64
    var threads = 1
    /// Seconds that are measured; nil to stop after `requests` only.
    var seconds: Double?
    /// Requests that are measured; nil to stop after `seconds` only.
    var requests: Int?
    /// Requests a second of all threads together; nil to send as fast as they are answered.
    var rate: Double?
    /// Seconds of load before anything is measured.
    var warmUpSeconds = 0.0
    /// Seconds that a connection or a reply may take.
    var timeoutSeconds = 10.0
    var keepsAlive = true
    /// Requests on a connection that may wait for their replies.
    var pipelineDepth = 1
    /// Simulated visitors, each with a cookie of its own; none sends no cookies.
    var visitors = 10_000
    var seed: UInt64 = 0
    /// Whether to go on when the server is away.
    var reconnects = false
    /// Whether each acknowledged hit is remembered.
    var remembersHits = false

    /// Words that people search for: `s` of each request.
    static let defaultWords = [
        "my%20cool%20search", "running+shoes", "red%20dress", "coffee", "laptop%2015%20inch",
        "caf%C3%A9", "used+cars", "weather", "%E6%9D%B1%E4%BA%AC", "cheap+flights+to+rome",
        "garden%20hose%2025m", "a", "wool%20socks%20%26%20mittens", "birthday+cake",
        "how+to+fix+a+flat+tyre", "100%25+cotton",
    ]

    /// Browsers of simulated visitors.
    static let defaultUserAgents = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            + "(KHTML, like Gecko) Version/26.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 "
            + "(KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0",
    ]

    /// What a browser sends with the pixel of another site.
    static let defaultFields = [
        HeaderField("Accept", "*/*"),
        HeaderField("Accept-Language", "en-US,en;q=0.9,de;q=0.8"),
        HeaderField("Accept-Encoding", "gzip, deflate, br, zstd"),
        HeaderField("Referer", "https://shop.example.com/search?search=my%20cool%20search&page=2"),
        HeaderField("Sec-Fetch-Dest", "script"),
        HeaderField("Sec-Fetch-Mode", "no-cors"),
        HeaderField("Sec-Fetch-Site", "cross-site"),
    ]
}
