public import EventHTTP
public import EventLog
internal import Glibc
public import Tracking

/// What `serve` prints of each hit.
public enum PrintMode: String, CaseIterable, Sendable {
    /// The visitor and what was searched for, in the article's words.
    case hits
    /// Those, the request line and every header.
    case requests
    /// Nothing.
    case none
}

/// Who answers the hits.
public enum HTTPMode: String, CaseIterable, Sendable {
    /// The gate answers them itself, and evhttp all other requests.
    case gate
    /// The gate reads and checks requests, and evhttp answers them all.
    case evhttp
}

/// Everything that a collector can be told. A default that depends on the machine or the terminal
/// is filled in when the value is made.
public struct Configuration: Sendable {
    /// Where hits are received.
    public var listen = [ListenAddress.tcp(host: "127.0.0.1", port: 8000)]
    /// Where the operator asks; nil for nowhere.
    public var admin: ListenAddress? = .tcp(host: "127.0.0.1", port: 8001)
    /// What the operator has to show; nil for nothing.
    var adminToken: AdminToken?
    /// Event loops, each with a thread; by default one for each core.
    public var loops = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Who answers the hits.
    public var http = HTTPMode.gate
    /// The log and its limits.
    public var log = LogOptions(directory: "./data")
    /// Seconds between two syncs, for durability `interval`.
    public var syncSeconds = 1.0
    /// What a connection may cost.
    public var limits = HTTPLimits()
    /// Connections that may be open at a time; nil for what the limit of descriptors allows.
    public var connectionsMax: Int?

    /// Descriptors that are not given to connections: for the log, the loops, the admin side.
    static let spareDescriptors = 128
    /// Origins whose pages may see the replies to their hits: `https://shop.example`, or `*` for any.
    public var allowedOrigins = ["*"]
    /// Whose word counts for the address of a client and the host that it asked for.
    public var trustedProxies = TrustedProxies()
    /// Whether those begin each connection with a header of the PROXY protocol.
    public var proxyProtocol = false
    /// The visitor's cookie.
    public var cookies = CookieOptions()
    /// What is kept of those who visit.
    public var privacy = PrivacyOptions()
    /// The paths of the public listener.
    public var paths = PathOptions()
    /// Other names of the parameters of hits.
    public var parameterAliases = ParameterAliases.none
    /// Which links lead on through the collector.
    public var clicks = ClickPolicy()
    /// Whether the admin side has a dashboard.
    public var servesDashboard = true
    /// Whether the demo pages are served.
    public var servesDemo = true
    /// Where stored events are sent.
    public var forward: [SinkName] = []
    /// Those of them without which the collector is not ready.
    public var requiredSinks: [SinkName] = []
    /// Seconds that such a one may be behind.
    public var requiredLagSecondsMax = 300.0
    /// How they are sent to Kafka.
    public var kafka = KafkaSettings()
    /// What is printed of each hit; by default hits on a terminal and nothing elsewhere.
    public var print: PrintMode = isatty(STDOUT_FILENO) == 1 ? .hits : .none
    /// Seconds for which hits are still taken after SIGTERM, while `/ready` says that none should come;
    /// nil for none.
    public var drainDelaySeconds: Double?
    /// What the operator is told, and how.
    public var logging = LoggingOptions()
    /// Seconds that a shutdown may take before the process ends at once.
    public var shutdownSeconds = 30.0

    /// The most loops that can be asked for.
    static let loopsMax = 256

    /// The defaults.
    public init() {}

    /// What is impossible of it though each setting for itself is not, and the keys that say so, the
    /// guiltiest first.
    var objection: (keys: [String], reason: String)? {
        if forward.contains(.stdout), print != .none {
            return (
                ["print", "forward"],
                "forward 'stdout' needs print 'none': both would write to standard output"
            )
        }
        if forward.contains(.kafka), kafka.brokers.isEmpty {
            return (["forward"], "'kafka' needs kafka_brokers: where to send to")
        }
        if let sink = requiredSinks.first(where: { !forward.contains($0) }) {
            return (
                ["required_sinks"],
                "'\(sink.rawValue)' is not forwarded to: name it with forward too"
            )
        }
        return cookies.objection
            ?? paths.objection(demo: servesDemo ? DemoPage.allPaths + [DemoHits.path] : [])
    }
}
