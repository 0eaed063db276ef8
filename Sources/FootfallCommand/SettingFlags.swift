internal import ArgumentParser
internal import CLinux
internal import Collector
internal import POSIX

/// The flags that set something. Each is a `Setting`, which reads its value.
struct SettingFlags: ParsableArguments {
    @Option(help: "A configuration file (YAML).", completion: .file())
    var config: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: "Where hits are received: HOST:PORT or unix:/PATH. May be repeated. [127.0.0.1:8000]")
    var listen: [String] = []

    @Option(help: "Where the operator asks, or 'off'. [127.0.0.1:8001]")
    var admin: String?

    @Option(help: "The data directory. [./data]", completion: .directory)
    var data: String?

    @Option(help: "Event loops, or 'auto'. [auto: one for each core]")
    var loops: String?

    @Option(
        help: """
            Who answers hits: 'gate', from the bytes, or 'evhttp', like everything else. Either way \
            the gate reads and checks all requests. [gate]
            """)
    var http: String?

    @Option(
        help: """
            When a hit is answered: 'commit', after fdatasync (survives power loss), or \
            'interval', after the write (survives kill -9). [commit]
            """)
    var durability: String?

    @Option(help: "With 'interval', the time between two syncs. [1s]")
    var syncInterval: String?

    @Option(help: "The size at which a segment of the log is sealed. [1GiB]")
    var segmentBytesMax: String?

    @Option(help: "The age at which a segment of the log is sealed. [1h]")
    var segmentAgeMax: String?

    @Option(help: "The time from which a sealed segment is compressed (zstd), or 'off'. [10m]")
    var compressAfter: String?

    @Option(help: "Bytes that may wait for the disk; beyond, hits get 503. [256MiB]")
    var backlogBytesMax: String?

    @Option(
        help: """
            Free bytes of the disk below which hits get 503. \
            [auto: 256MiB, or 1 % of the disk if that is less]
            """)
    var lowWaterBytes: String?

    @Option(help: "Free bytes of the disk from which hits are taken again. [auto: twice as much]")
    var highWaterBytes: String?

    @Option(help: "The longest event; a longer one gets 413. [256KiB]")
    var eventBytesMax: String?

    @Option(help: "The longest request line; a longer one gets 414. [8KiB]")
    var requestLineBytesMax: String?

    @Option(help: "The longest request line with its header fields; more gets 431. [16KiB]")
    var headBytesMax: String?

    @Option(help: "The most header fields of a request; more get 431. [100]")
    var headFieldsMax: String?

    @Option(help: "The longest request body; a longer one gets 413. [1MiB]")
    var bodyBytesMax: String?

    @Option(
        help: """
            The most connections at a time; others wait to be accepted. \
            [auto: what the limit of open files allows]
            """)
    var connectionsMax: String?

    @Option(help: "The most requests on one connection, which is closed after the last. [10000]")
    var connectionRequestsMax: String?

    @Option(
        help: "How long a head may take from its first byte to its last; then it gets 408. [10s]")
    var headTimeout: String?

    @Option(help: "How long a request body may take; then it gets 408. [30s]")
    var bodyTimeout: String?

    @Option(help: "How long a connection may be without a request. [75s]")
    var idleTimeout: String?

    @Option(help: "How long a peer may take to read its reply. [30s]")
    var writeTimeout: String?

    @Option(help: "How long a reply may wait for the disk before it is a 503. [10s]")
    var handlerTimeout: String?

    @Option(
        help: """
            How long hits are still taken after SIGTERM, while /ready says that none should come, or \
            'off'. [off]
            """)
    var drainDelay: String?

    @Option(help: "How long a shutdown may take before the process ends at once. [30s]")
    var shutdownTimeout: String?

    @Option(
        help:
            "Print 'hits', 'requests' with all headers, 'none', or 'auto'. [auto: hits on a terminal]"
    )
    var print: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            An origin whose pages may see the replies to their hits, or '*'. May be repeated. [*]
            """)
    var allowedOrigins: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            A proxy that is believed when it names the client (X-Forwarded-For, Forwarded): an \
            address, a block such as 10.0.0.0/8, or 'unix'. May be repeated. [none]
            """)
    var trustedProxies: [String] = []

    @Flag(
        help: """
            Trusted proxies, and only they, begin each connection with a header of the PROXY \
            protocol, version 1 or 2.
            """)
    var proxyProtocol = false
    @Option(
        name: .long, parsing: .singleValue,
        help: """
            A key of signed click links: ID=SECRET, of 16 bytes at least, or ID=@FILE. May be \
            repeated: the first one signs. [none]
            """)
    var clickKeys: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            A host that click links may lead to without a signature: HOST or HOST:PORT. May be \
            repeated. [none]
            """)
    var clickHosts: [String] = []

    @Flag(help: "Serve no demo pages.")
    var noDemo = false

    @OptionGroup(title: "Admin side") var administration: AdminFlags
    @OptionGroup(title: "Dashboard") var dashboard: DashboardFlags
    @OptionGroup(title: "Logs") var logging: LoggingFlags
    @OptionGroup(title: "Forwarding and retention") var forwarding: ForwardingFlags
    @OptionGroup(title: "Cookies") var cookies: CookieFlags
    @OptionGroup(title: "Privacy") var privacy: PrivacyFlags
    @OptionGroup(title: "Names") var names: NameFlags

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "admin": admin, "data": data, "loops": loops, "http": http,
            "durability": durability,
            "sync_interval": syncInterval, "segment_bytes_max": segmentBytesMax,
            "segment_age_max": segmentAgeMax, "compress_after": compressAfter,
            "backlog_bytes_max": backlogBytesMax,
            "low_water_bytes": lowWaterBytes, "high_water_bytes": highWaterBytes,
            "event_bytes_max": eventBytesMax, "request_line_bytes_max": requestLineBytesMax,
            "head_bytes_max": headBytesMax, "head_fields_max": headFieldsMax,
            "body_bytes_max": bodyBytesMax, "connections_max": connectionsMax,
            "connection_requests_max": connectionRequestsMax,
            "head_timeout": headTimeout, "body_timeout": bodyTimeout,
            "idle_timeout": idleTimeout, "write_timeout": writeTimeout,
            "handler_timeout": handlerTimeout, "drain_delay": drainDelay,
            "shutdown_timeout": shutdownTimeout,
            "print": print,
        ].compactMapValues { $0.map { [$0] } }
        if !listen.isEmpty { values["listen"] = listen }
        if !allowedOrigins.isEmpty { values["allowed_origins"] = allowedOrigins }
        if !trustedProxies.isEmpty { values["trusted_proxies"] = trustedProxies }
        if proxyProtocol { values["proxy_protocol"] = ["true"] }
        if !clickKeys.isEmpty { values["click_keys"] = clickKeys }
        if !clickHosts.isEmpty { values["click_hosts"] = clickHosts }
        if noDemo { values["no_demo"] = ["true"] }
        for group in [
            administration.given, dashboard.given, logging.given, forwarding.given, cookies.given,
            privacy.given,
            names.given,
        ] {
            values.merge(group) { $1 }
        }
        return values
    }

    /// What is in force. Throws the exit code after it has said what is wrong.
    func resolve() throws -> ResolvedConfiguration {
        try Self.resolve(given, file: config)
    }

    /// The same. Throws the exit code after it has said what is wrong.
    static func resolve(
        _ flags: [String: [String]], file: String?
    ) throws -> ResolvedConfiguration {
        do throws(ConfigurationError) {
            return try read(flags, file: file)
        } catch {
            for problem in error.problems {
                FileOutput.standardError.write("footfall: \(problem)\n")
            }
            throw error.isOfFlags ? ExitCode.usage : ExitCode.configuration
        }
    }

    /// What is in force with the values of these flags and the file at a path.
    static func read(
        _ flags: [String: [String]], file: String?
    ) throws(ConfigurationError) -> ResolvedConfiguration {
        try ResolvedConfiguration(flags: flags, environment: processEnvironment(), file: file)
    }

    /// The process's variables (environ(7)) that can be meant for it.
    private static func processEnvironment() -> [String: String] {
        var found: [String: String] = [:]
        var next = footfall_environ()
        while let variable = next?.pointee {
            let text = String(cString: variable)
            next = next?.advanced(by: 1)
            guard text.hasPrefix(Setting.variablePrefix), let end = text.firstIndex(of: "=") else {
                continue
            }
            found[String(text[..<end])] = String(text[text.index(after: end)...])
        }
        return found
    }
}
