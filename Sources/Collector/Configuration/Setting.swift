internal import EventHTTP
internal import EventLog

/// One thing that can be set: by a flag, in the environment, or in a file.
public struct Setting: Sendable {
    /// The key in a file; the flag is the same with dashes, the variable in capitals after
    /// `FOOTFALL_`.
    public let key: String
    /// Whether it may be given several times, or as a list.
    public let isList: Bool
    /// Whether its values, or parts of them, are for nobody's eyes.
    public var isSecret = false
    /// What is shown of a value of a secret.
    var mask: @Sendable (String) -> String = { _ in Setting.masked }
    /// Takes over the given values, of which there is one unless it is a list.
    let apply: @Sendable (inout Configuration, [String]) throws(InvalidValue) -> Void
    /// The values in force, as they would be given.
    let values: @Sendable (Configuration) -> [String]

    /// What stands for a secret where values are shown.
    static let masked = "..."
    /// Those that are read once, at the start: what they name is opened or sized then.
    private static let restartKeys: Set = ["listen", "admin", "data", "loops"]

    /// Whether another value can be taken over while the collector runs; otherwise it needs a
    /// restart.
    public var isReloadable: Bool { !Self.restartKeys.contains(key) }

    /// The values in force as anybody may see them.
    public func shownValues(_ configuration: Configuration) -> [String] {
        let values = values(configuration)
        return isSecret ? values.map(mask) : values
    }

    /// `--sync-interval`.
    public var flag: String { "--" + key.replacing("_", with: "-") }
    /// `FOOTFALL_SYNC_INTERVAL`.
    public var variable: String { Self.variablePrefix + key.uppercased() }

    /// What the variables of all settings begin with.
    public static let variablePrefix = "FOOTFALL_"

    /// A value that cannot be used, and why.
    struct InvalidValue: Error {
        let reason: String

        init(reason: String) {
            self.reason = reason
        }

        /// `value` is none of `words`.
        init(_ value: String, notOneOf words: [String]) {
            let quoted = words.map { "'\($0)'" }
            reason =
                "'\(value)': expected \(quoted.dropLast().joined(separator: ", ")) or "
                + (quoted.last ?? "") + NearestWord.hint(value, among: words)
        }
    }

    /// All of them, in the order in which `check` prints them.
    public static let all: [Setting] =
        collecting + administration + dashboard + logging + forwarding + cookies + privacy + names

    private static let collecting: [Setting] = [
        Setting(key: "listen", isList: true) { (configuration, values) throws(InvalidValue) in
            configuration.listen = []
            for value in values { configuration.listen.append(try address(value)) }
            guard !values.isEmpty else { throw InvalidValue(reason: "at least one address") }
        } values: {
            $0.listen.map(\.description)
        },
        scalar("admin") { (configuration, value) throws(InvalidValue) in
            configuration.admin = value == "off" ? nil : try address(value)
        } value: {
            $0.admin?.description ?? "off"
        },
        scalar("data") { (configuration, value) throws(InvalidValue) in
            guard !value.isEmpty else { throw InvalidValue(reason: "expected a directory") }
            configuration.log.directory = value
        } value: {
            $0.log.directory
        },
        scalar("loops") { (configuration, value) throws(InvalidValue) in
            if value == "auto" {
                configuration.loops = Configuration().loops
            } else if let number = Int(value), 1...Configuration.loopsMax ~= number {
                configuration.loops = number
            } else {
                throw InvalidValue(
                    reason: "'\(value)': expected a number from 1 to \(Configuration.loopsMax), "
                        + "or 'auto' for one for each core")
            }
        } value: {
            String($0.loops)
        },
        choice("http", \.http),
        scalar("durability") { (configuration, value) throws(InvalidValue) in
            switch value {
            case "commit": configuration.log.durability = .commit
            case "interval":
                configuration.log.durability = .interval(seconds: configuration.syncSeconds)
            default: throw InvalidValue(value, notOneOf: ["commit", "interval"])
            }
        } value: {
            $0.log.durability.name
        },
        // Whichever of the two comes first; with `commit` it has no meaning.
        scalar("sync_interval") { (configuration, value) throws(InvalidValue) in
            configuration.syncSeconds = try UnitValue.seconds(value)
            if case .interval = configuration.log.durability {
                configuration.log.durability = .interval(seconds: configuration.syncSeconds)
            }
        } value: {
            UnitValue.text(seconds: $0.syncSeconds)
        },
        bytes("segment_bytes_max", \.log.segmentBytesMax),
        seconds("segment_age_max", \.log.segmentSecondsMax),
        scalar("compress_after") { (configuration, value) throws(InvalidValue) in
            configuration.log.compressAfterSeconds =
                value == "off" ? nil : try UnitValue.seconds(value)
        } value: {
            $0.log.compressAfterSeconds.map { UnitValue.text(seconds: $0) } ?? "off"
        },
        bytes("backlog_bytes_max", \.log.backlogBytesMax),
        waterMark("low_water_bytes", \.log.lowWaterBytes) { _, _ in nil },
        // After the low-water mark, below which it makes no sense.
        waterMark("high_water_bytes", \.log.highWaterBytes) { configuration, bytes in
            guard let low = configuration.log.lowWaterBytes, bytes < low else { return nil }
            return "\(UnitValue.text(bytes: bytes)) is below the low-water mark of "
                + UnitValue.text(bytes: low)
        },
        bytes("event_bytes_max", \.log.eventBytesMax, upTo: 900 << 10),
        bytes("request_line_bytes_max", \.limits.requestLineBytesMax, upTo: 1 << 20),
        bytes("head_bytes_max", \.limits.headBytesMax, upTo: 1 << 20),
        count("head_fields_max", \.limits.fieldsMax, 1...10_000),
        bytes("body_bytes_max", \.limits.bodyBytesMax),
        scalar("connections_max") { (configuration, value) throws(InvalidValue) in
            if value == "auto" {
                configuration.connectionsMax = nil
            } else if let number = Int(value), number > 0 {
                configuration.connectionsMax = number
            } else {
                throw InvalidValue(reason: "'\(value)': expected a number above 0, or 'auto'")
            }
        } value: {
            $0.connectionsMax.map { String($0) } ?? "auto"
        },
        count("connection_requests_max", \.limits.requestsMax, 1...1_000_000_000),
        seconds("head_timeout", \.limits.headSeconds),
        seconds("body_timeout", \.limits.bodySeconds),
        seconds("idle_timeout", \.limits.idleSeconds),
        seconds("write_timeout", \.limits.writeSeconds),
        seconds("handler_timeout", \.limits.handlerSeconds),
        scalar("drain_delay") { (configuration, value) throws(InvalidValue) in
            configuration.drainDelaySeconds =
                value == "off" ? nil : try UnitValue.seconds(value)
        } value: {
            $0.drainDelaySeconds.map { UnitValue.text(seconds: $0) } ?? "off"
        },
        seconds("shutdown_timeout", \.shutdownSeconds),
        scalar("print") { (configuration, value) throws(InvalidValue) in
            guard value != "auto" else { return configuration.print = Configuration().print }
            guard let mode = PrintMode(rawValue: value) else {
                throw InvalidValue(
                    value, notOneOf: PrintMode.allCases.map(\.rawValue) + ["auto"])
            }
            configuration.print = mode
        } value: {
            $0.print.rawValue
        },
        list("allowed_origins", \.allowedOrigins, "'*' or an origin such as https://shop.example") {
            $0 == "*" || CrossOrigin.isOrigin($0)
        },
        Setting(key: "trusted_proxies", isList: true) {
            (configuration, values) throws(InvalidValue) in
            guard let proxies = TrustedProxies(values) else {
                let wrong = values.first { TrustedProxies([$0]) == nil } ?? ""
                throw InvalidValue(
                    reason: "'\(wrong)': expected an address, a block such as 10.0.0.0/8, or 'unix'"
                )
            }
            configuration.trustedProxies = proxies
        } values: {
            $0.trustedProxies.texts
        },
        Setting(key: "click_keys", isList: true, isSecret: true, mask: ClickKey.masked) {
            (configuration, values) throws(InvalidValue) in
            configuration.clicks.keys = try ClickPolicy.keys(values)
        } values: {
            $0.clicks.keys.map(\.text)
        },
        Setting(key: "click_hosts", isList: true) { (configuration, values) throws(InvalidValue) in
            configuration.clicks.hosts = try ClickPolicy.hosts(values)
        } values: {
            $0.clicks.hosts.map { String(decoding: $0, as: UTF8.self) }.sorted()
        },
        // After the trusted proxies, without whom nobody could connect with such a header.
        scalar("proxy_protocol") { (configuration, value) throws(InvalidValue) in
            configuration.proxyProtocol = try flag(value)
            if configuration.proxyProtocol, configuration.trustedProxies.texts.isEmpty {
                throw InvalidValue(reason: "'true' needs trusted_proxies: who sends the header")
            }
        } value: {
            String($0.proxyProtocol)
        },
        scalar("no_demo") { (configuration, value) throws(InvalidValue) in
            configuration.servesDemo = !(try flag(value))
        } value: {
            String(!$0.servesDemo)
        },
    ]

    static func scalar(
        _ key: String, isSecret: Bool = false,
        apply: @escaping @Sendable (inout Configuration, String) throws(InvalidValue) -> Void,
        value: @escaping @Sendable (Configuration) -> String
    ) -> Setting {
        Setting(key: key, isList: false, isSecret: isSecret) {
            (configuration, values) throws(InvalidValue) in
            guard values.count == 1 else { throw InvalidValue(reason: "expected one value") }
            try apply(&configuration, values[0])
        } values: {
            [value($0)]
        }
    }

    /// One of a few words.
    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: any WritableKeyPath<Configuration, Choice> & Sendable
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            guard let choice = Choice(rawValue: value) else {
                throw InvalidValue(value, notOneOf: Choice.allCases.map(\.rawValue))
            }
            configuration[keyPath: path] = choice
        } value: {
            $0[keyPath: path].rawValue
        }
    }

    /// A list of texts of which each has to be what `expected` says.
    static func list(
        _ key: String, _ path: any WritableKeyPath<Configuration, [String]> & Sendable,
        _ expected: String, isAllowed: @escaping @Sendable (String) -> Bool
    ) -> Setting {
        Setting(key: key, isList: true) { (configuration, values) throws(InvalidValue) in
            for value in values where !isAllowed(value) {
                throw InvalidValue(reason: "'\(value)': expected \(expected)")
            }
            configuration[keyPath: path] = values
        } values: {
            $0[keyPath: path]
        }
    }

    /// `true` or `false`.
    static func flag(_ value: String) throws(InvalidValue) -> Bool {
        guard let flag = Bool(value) else {
            throw InvalidValue(value, notOneOf: ["true", "false"])
        }
        return flag
    }

    private static func count(
        _ key: String, _ path: any WritableKeyPath<Configuration, Int> & Sendable,
        _ range: ClosedRange<Int>
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            guard let number = Int(value), range.contains(number) else {
                throw InvalidValue(
                    reason: "'\(value)': expected a number from \(range.lowerBound) to "
                        + "\(range.upperBound)")
            }
            configuration[keyPath: path] = number
        } value: {
            String($0[keyPath: path])
        }
    }

    private static func bytes(
        _ key: String, _ path: any WritableKeyPath<Configuration, Int> & Sendable,
        upTo most: Int = 1 << 40
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            configuration[keyPath: path] = try UnitValue.bytes(value, upTo: most)
        } value: {
            UnitValue.text(bytes: $0[keyPath: path])
        }
    }

    /// A size, or `auto`. `objection` says why a size is impossible beside the others.
    private static func waterMark(
        _ key: String, _ path: any WritableKeyPath<Configuration, Int?> & Sendable,
        objection: @escaping @Sendable (Configuration, Int) -> String?
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            if value == "auto" {
                configuration[keyPath: path] = nil
                return
            }
            let bytes = try UnitValue.bytes(value, upTo: 1 << 40)
            if let reason = objection(configuration, bytes) { throw InvalidValue(reason: reason) }
            configuration[keyPath: path] = bytes
        } value: {
            $0[keyPath: path].map { UnitValue.text(bytes: $0) } ?? "auto"
        }
    }

    static func seconds(
        _ key: String, _ path: any WritableKeyPath<Configuration, Double> & Sendable
    ) -> Setting {
        scalar(key) { (configuration, value) throws(InvalidValue) in
            configuration[keyPath: path] = try UnitValue.seconds(value)
        } value: {
            UnitValue.text(seconds: $0[keyPath: path])
        }
    }

    private static func address(_ text: String) throws(InvalidValue) -> ListenAddress {
        do throws(ListenAddress.ParseError) {
            return try ListenAddress(parsing: text)
        } catch {
            throw InvalidValue(reason: error.description)
        }
    }
}

extension Durability {
    /// The name of the class, as it is configured and reported.
    var name: String {
        switch self {
        case .commit: "commit"
        case .interval: "interval"
        }
    }
}
