import EventHTTP
import EventLog
import TestSupport
import Testing

@testable import Collector

@Suite struct ConfigurationTests {
    private func resolve(
        flags: [String: [String]] = [:], environment: [String: String] = [:], yaml: String? = nil
    ) throws -> ResolvedConfiguration {
        guard let yaml else {
            return try ResolvedConfiguration(flags: flags, environment: environment, file: nil)
        }
        let directory = TemporaryDirectory()
        try directory.write(Array(yaml.utf8), to: "f.yaml")
        return try ResolvedConfiguration(
            flags: flags, environment: environment, file: directory.file("f.yaml"))
    }

    @Test("a flag beats the environment, which beats the file, which beats the default")
    func precedence() throws {
        let yaml = "data: /file\nloops: 3\nprint: none\n"
        let resolved = try resolve(
            flags: ["data": ["/flag"]],
            environment: ["FOOTFALL_DATA": "/environment", "FOOTFALL_LOOPS": "4"], yaml: yaml)
        #expect(resolved.configuration.log.directory == "/flag")
        #expect(resolved.configuration.loops == 4)
        #expect(resolved.configuration.print == .none)
        #expect(resolved.configuration.admin == .tcp(host: "127.0.0.1", port: 8001))
        #expect(resolved.sources["data"] == .flag("--data"))
        #expect(resolved.sources["loops"] == .environment(variable: "FOOTFALL_LOOPS"))
        #expect(resolved.sources["admin"] == nil)
    }

    @Test("lists are given as repeated flags, with commas, or as YAML lists")
    func lists() throws {
        let expected = [
            ListenAddress.tcp(host: "127.0.0.1", port: 1), .unix(path: "/s"),
        ]
        let texts = ["127.0.0.1:1", "unix:/s"]
        #expect(try resolve(flags: ["listen": texts]).configuration.listen == expected)
        #expect(
            try resolve(environment: ["FOOTFALL_LISTEN": "127.0.0.1:1,unix:/s"])
                .configuration.listen == expected)
        #expect(
            try resolve(yaml: "listen: [\"127.0.0.1:1\", \"unix:/s\"]").configuration.listen
                == expected)
        #expect(
            try resolve(yaml: "listen: unix:/s").configuration.listen == [.unix(path: "/s")])
    }

    @Test("the sync interval counts whatever the order of the keys")
    func interval() throws {
        let yaml = "sync_interval: 250ms\ndurability: interval\n"
        #expect(
            try resolve(yaml: yaml).configuration.log.durability == .interval(seconds: 0.25))
        #expect(
            try resolve(yaml: "durability: interval").configuration.log.durability
                == .interval(seconds: 1))
    }

    static let units: [(key: String, value: String, printed: String)] = [
        ("segment_bytes_max", "1GiB", "1GiB"), ("segment_bytes_max", "1048576", "1MiB"),
        ("segment_bytes_max", "1500", "1500"), ("event_bytes_max", "64KiB", "64KiB"),
        ("segment_age_max", "90s", "90s"), ("segment_age_max", "3600s", "1h"),
        ("idle_timeout", "500ms", "500ms"), ("idle_timeout", "2m", "2m"),
        ("head_fields_max", "7", "7"), ("http", "evhttp", "evhttp"),
        ("low_water_bytes", "auto", "auto"), ("high_water_bytes", "1GiB", "1GiB"),
        ("segment_age_max", "7d", "7d"), ("shutdown_timeout", "1.5s", "1500ms"),
    ]

    @Test(
        "values with units are read, and printed as they can be read again",
        arguments: units.indices)
    func unitValues(_ index: Int) throws {
        let (key, value, printed) = Self.units[index]
        let line = try resolve(flags: [key: [value]]).lines.first { $0.hasPrefix("\(key): ") }
        #expect(line?.hasPrefix("\(key): \(printed) ") == true, "\(line ?? "")")
    }

    static let invalid: [(yaml: String, message: String)] = [
        ("lisen: 1", "1:1: unknown key 'lisen'; did you mean 'listen'?"),
        ("durabilty: commit", "unknown key 'durabilty'; did you mean 'durability'?"),
        ("data: x\nsync-interval: 2s\n", "2:1: unknown key 'sync-interval'; did you mean"),
        (
            "colour: red",
            "1:1: unknown key 'colour'; 'footfall check' without a file prints all keys"
        ),
        ("<<: {data: x}", "1:1: unknown key '<<'"),
        ("? [data]\n: x\n", "1:3: expected a key"),
        (
            "durability: comit",
            "1:1: 'comit': expected 'commit' or 'interval'; did you mean 'commit'?"
        ),
        ("print: request", "did you mean 'requests'?"),
        ("log_level: warn", "'warn': expected 'trace', 'debug', 'info'"),
        ("data: ~", "1:7: 'data' takes one value"), ("data: null", "1:7: 'data' takes one value"),
        ("listen: [127.0.0.1:1, ~]", "1:9: 'listen' takes a value or a list of values"),
        ("listen: [[127.0.0.1:1]]", "'listen' takes a value or a list of values"),
        ("data: &a x\nkafka_topic: *a\n", "1:7: an anchor (&name) has no meaning here"),
        ("forward: &a [kafka]", "1:10: an anchor (&name) has no meaning here"),
        ("data: *a", "1:7: found undefined alias"),
        ("loops: 1\n---\nloops: 2\n", "2:1: a second document begins here"),
        (
            "loops: 1\ndata: a\n\n# twice\ndata : b\n",
            "5:1: key 'data' is there twice, first in line 2"
        ),
        ("\"data\": a\ndata: b\n", "key 'data' is there twice"),
        ("loops: 1\n\tdata: x\n", "2:1: "), ("loops: \u{1}\n", "1:8: a control character (0x1)"),
        ("data: @x", "1:7: "), ("loops: 1\n data: y\n", "2:6: "),
        ("data: " + String(repeating: "[", count: 100_000), "1:8: "),
        ("# " + String(repeating: "x", count: 1 << 20), "1:1: has more than 1MiB"),
        ("loops: many", "1:1: 'many': expected a number from 1 to 256"),
        ("loops: 0", "1:1: '0': expected a number"),
        ("http: nginx", "1:1: 'nginx': expected 'gate' or 'evhttp'"),
        ("loops:\n", "'loops' takes one value"),
        ("loops: [1, 2]", "1:8: 'loops' takes one value"),
        ("listen: {a: b}", "1:9: 'listen' takes a value or a list of values"),
        ("listen: []", "1:1: at least one address"),
        ("listen: 8000", "1:1: '8000': expected HOST:PORT"),
        ("durability: sometimes", "1:1: 'sometimes': expected 'commit' or 'interval'"),
        ("sync_interval: 0s", "expected a time above zero"),
        ("sync_interval: 5", "expected a time above zero"),
        ("sync_interval: -1s", "expected a time above zero"),
        ("segment_bytes_max: 12", "expected a size from 1KiB"),
        ("event_bytes_max: 1GiB", "expected a size from 1KiB to 900KiB"),
        (
            "high_water_bytes: 1MiB\nlow_water_bytes: 2MiB\n",
            "1:1: 1MiB is below the low-water mark of 2MiB"
        ),
        ("low_water_bytes: full", "'full': expected a size from 1KiB"),
        ("print: loud", "expected 'hits', 'requests', 'none' or 'auto'"),
        ("no_demo: perhaps", "expected 'true' or 'false'"),
        ("proxy_protocol: true", "1:1: 'true' needs trusted_proxies"),
        ("proxy_protocol: v2\ntrusted_proxies: unix\n", "1:1: 'v2': expected 'true' or 'false'"),
        ("data: a\ndata: b\n", "key 'data' is there twice"),
        ("cookie_preset: both", "'both': expected 'auto', 'first-party' or 'third-party'"),
        ("cookie_names: a b", "expected a name of letters"),
        ("cookie_names: []", "at least one name"),
        ("cookie_lifetime: 401d", "expected 1s to 400d; browsers keep no cookie longer"),
        ("cookie_domains: com", "expected a domain such as shop.example"),
        ("cookie_domains: 192.0.2.1", "expected a domain"),
        ("cookie_domains: .shop.example", "expected a domain"),
        ("cookie_path: x", "expected a path such as /"),
        ("cookie_path: /;Secure", "expected a path such as /"),
        ("cookie_secure: maybe", "expected 'true', 'false' or 'auto'"),
        (
            "cookie_same_site: None",
            "expected 'strict', 'lax', 'none' or 'auto'; did you mean 'none'?"
        ),
        (
            "loops: 1\ncookie_same_site: none\n",
            "2:1: browsers refuse SameSite=None without Secure (over http); set cookie_preset to "
                + "third-party, or cookie_secure to true"
        ),
        (
            "cookie_preset: third-party\ncookie_secure: false\n",
            "2:1: browsers refuse SameSite=None without Secure"
        ),
        ("cookie_partitioned: true", "1:1: browsers refuse Partitioned without Secure (over http)"),
        (
            "cookie_names: __Secure-id",
            "1:1: browsers refuse a cookie called __Secure-id without Secure (over http)"
        ),
        (
            "cookie_secure: true\ncookie_names: __Host-id\ncookie_path: /t\n",
            "browsers refuse a cookie called __Host-id with a path or a domain"
        ),
        ("gpc_policy: ignore", "'ignore': expected 'record', 'anonymize' or 'drop'"),
        ("ip_detail: half", "'half': expected 'network', 'full' or 'none'"),
        ("capture_headers: Authorization", "'authorization' is never stored"),
        ("capture_headers: [accept, cookie]", "'cookie' is never stored"),
        ("consent_parameter: a&b", "expected the name of a parameter, or 'off'"),
        ("script_paths: track.js", "expected a path such as /track.js"),
        ("script_paths: /a?b", "expected a path such as /track.js"),
        ("script_paths: [/a, /b, /a]", "1:1: '/a' is there twice"),
        ("image_paths: /track.js", "1:1: '/track.js' is in both script_paths and image_paths"),
        ("beacon_paths: /", "1:1: '/' is a page of the collector's own"),
        ("parameter_aliases: q", "expected ALIAS=NAME, such as q=s"),
        ("- a\n- b\n", "1:1: expected 'key: value' lines"),
        ("data: [a", ":2:1: "),
        ("data: 'a\n", ": "),
    ]

    @Test("what cannot be used is refused with its place", arguments: invalid.indices)
    func refuses(_ index: Int) {
        let (yaml, message) = Self.invalid[index]
        #expect {
            try resolve(yaml: yaml)
        } throws: {
            "\($0)".contains("f.yaml:") && "\($0)".contains(message)
        }
    }

    @Test("a wrong flag and a wrong variable are named")
    func sources() {
        #expect(
            throws: ConfigurationError(
                source: .flag("--loops"),
                reason: "'x': expected a number from 1 to 256, or 'auto' for one for each core")
        ) {
            try resolve(flags: ["loops": ["x"]])
        }
        #expect(
            throws: ConfigurationError(
                source: .environment(variable: "FOOTFALL_PRINT"),
                reason: "'x': expected 'hits', 'requests', 'none' or 'auto'")
        ) {
            try resolve(environment: ["FOOTFALL_PRINT": "x"])
        }
    }

    @Test(
        "what a browser takes is no mistake",
        arguments: [
            "cookie_preset: third-party\ncookie_partitioned: false\n",
            "cookie_names: __Host-id\ncookie_secure: true\n",
            "cookie_same_site: none\ncookie_secure: true\n",
            "cookie_domains: [shop.example, other.test]\n", "no_demo: true\nscript_paths: /\n",
            "image_paths: []\n",
        ])
    func allowed(_ yaml: String) throws { _ = try resolve(yaml: yaml) }

    @Test("each setting is a flag of the same name")
    func flags() throws {
        let help = try FootfallBinary.run("serve", "--help").output
        for setting in Setting.all {
            #expect(help.contains("\(setting.flag) ") || help.contains("\(setting.flag)\n"))
        }
    }

    @Test("an empty file changes nothing, and a missing one is an error")
    func files() throws {
        #expect(try resolve(yaml: "").sources.isEmpty)
        #expect(try resolve(yaml: "# only a comment\n").sources.isEmpty)
        #expect {
            try ResolvedConfiguration(flags: [:], environment: [:], file: "/no/such.yaml")
        } throws: {
            "\($0)" == "/no/such.yaml:1:1: No such file or directory"
        }
    }

    @Test("what is printed can be used as a file")
    func printedIsReadable() throws {
        let first = try resolve(flags: ["listen": ["unix:/s", "[::1]:1"], "no_demo": ["true"]])
        let again = try resolve(yaml: first.lines.joined(separator: "\n"))
        func values(_ resolved: ResolvedConfiguration) -> [Substring] {
            resolved.lines.map { $0.split(separator: "#")[0] }
        }
        #expect(values(again) == values(first))
        #expect(again.sources.count == Setting.all.count)
    }

    @Test("every mistake of a file is said at once, in its order")
    func allMistakes() throws {
        let yaml = """
            loops: many
            durabilty: interval
            durability: comit
            listen: {a: b}
            """
        let error = try #require(throws: ConfigurationError.self) { try resolve(yaml: yaml) }
        let lines = error.description.split(separator: "\n")
        let places = lines.map { $0.split(separator: "f.yaml:").last?.prefix(4) }
        #expect(places == ["1:1:", "2:1:", "3:1:", "4:9:"], "\(error)")
        #expect(!error.isOfFlags)
        let ofFlags = try #require(throws: ConfigurationError.self) {
            try resolve(flags: ["loops": ["x"], "print": ["loud"]])
        }
        #expect(ofFlags.problems.count == 2)
        #expect(ofFlags.isOfFlags)
    }

    @Test("a file that is no text is refused with the place of its first wrong byte")
    func bytes() throws {
        let files: [(bytes: [UInt8], message: String)] = [
            ([0xff, 0xfe, 0x64, 0x00], "1:1: not UTF-8"),
            (Array("loops: 1\ndata: ".utf8) + [0xff], "2:7: not UTF-8"),
            ([0xef, 0xbb, 0xbf] + Array("loops: 0".utf8), "1:1: '0': expected a number"),
        ]
        for (bytes, message) in files {
            let directory = TemporaryDirectory()
            try directory.write(bytes, to: "f.yaml")
            let error = try #require(throws: ConfigurationError.self) {
                try ResolvedConfiguration(
                    flags: [:], environment: [:], file: directory.file("f.yaml"))
            }
            #expect("\(error)".hasPrefix("\(directory.file("f.yaml")):\(message)"), "\(error)")
        }
        for (path, message) in [("/", "Is a directory"), ("/dev/zero", "has more than 1MiB")] {
            let error = try #require(throws: ConfigurationError.self) {
                try ResolvedConfiguration(flags: [:], environment: [:], file: path)
            }
            #expect("\(error)".hasPrefix("\(path):1:1: \(message)"))
        }
        // A mark at the beginning is no part of it.
        let marked = try resolve(yaml: "\u{feff}loops: 1\n")
        #expect(marked.configuration.loops == 1)
    }

    @Test("what a value is made of does nothing to a terminal")
    func terminal() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try resolve(flags: ["durability": ["\u{1b}[2Jx\ny"]])
        }
        #expect("\(error)".contains("'\\u{1b}[2Jx\\u{a}y'"))
    }

    @Test(
        "a variable that is nearly a setting is warned of, and others are not",
        arguments: [
            ("FOOTFALL_LOPS", "FOOTFALL_LOPS: is no setting; did you mean 'FOOTFALL_LOOPS'?"),
            ("FOOTFALL_DURABILTY", "did you mean 'FOOTFALL_DURABILITY'?"),
            ("FOOTFALL_CONFIG", "name the file with --config"),
            // Those of the tests, the bench and the fuzzer.
            ("FOOTFALL_BINARY", nil), ("FOOTFALL_BENCH_BINARY", nil), ("FOOTFALL_PYTHON", nil),
            ("FOOTFALL_CRASH_ROUNDS", nil), ("FOOTFALL_HISTORIES", nil), ("FOOTFALL_HISTORY", nil),
            ("FOOTFALL_FUZZING", nil), ("FOOTFALL_READER", nil), ("FOOTFALL_SEED", nil),
            ("FOOTFALL_HEADS", nil), ("FOOTFALL_DATA", nil), ("OTHER_LOPS", nil),
        ] as [(String, String?)])
    func variables(_ name: String, _ warning: String?) throws {
        let warnings = try resolve(environment: [name: "1"]).warnings.map(\.description)
        #expect(warnings.count == (warning == nil ? 0 : 1), "\(warnings)")
        if let warning { #expect(warnings.first?.contains(warning) == true, "\(warnings)") }
    }

    @Test(
        "what is rarely meant is warned of with its place",
        arguments: [
            ("sync_interval: 2s", "1:1: has no effect: it belongs to durability 'interval'"),
            ("sync_interval: 2s\ndurability: interval\n", nil),
            ("kafka_topic: a", "1:1: has no effect without forward 'kafka'"),
            ("kafka_topic: footfall", nil),
            ("click_paths: /c", "has no effect without click_keys or click_hosts"),
            ("click_paths: /c\nclick_hosts: a.example\n", nil),
            ("head_bytes_max: 4KiB", "head_bytes_max is reached first"),
            ("opt_out_policy: record", "followed like all others"),
            ("trusted_proxies: [10.0.0.1, 0.0.0.0/0]", "'0.0.0.0/0' is everybody"),
            ("loops: 256", "more loops than cores"),
            ("backlog_bytes_max: 1KiB", "it gets 503 for ever"),
            ("handler_timeout: 30s", "a shutdown may end before"),
            ("retain_bytes: 1GiB", "less than two segments"), ("retain_bytes: 2GiB", nil),
            ("", nil),
        ] as [(String, String?)])
    func questions(_ yaml: String, _ warning: String?) throws {
        let warnings = try resolve(yaml: yaml).warnings.map(\.description)
        #expect(warnings.count == (warning == nil ? 0 : 1), "\(warnings)")
        if let warning { #expect(warnings.first?.contains(warning) == true, "\(warnings)") }
    }

    @Test("a secret is not printed, and what stands for it is not taken back")
    func secrets() throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("0123456789abcdef\n".utf8), to: "key")
        let file = directory.file("key")
        let resolved = try resolve(
            flags: [
                "click_keys": ["a=0123456789abcdef==", "b=@\(file)"],
                "kafka_options": ["sasl.username=u", "sasl.password=hush", "ssl.key.pem=hush"],
            ])
        let shown = resolved.lines.joined(separator: "\n")
        #expect(!shown.contains("hush"))
        #expect(!shown.contains("0123456789abcdef"))
        #expect(shown.contains(#"["a=...", "b=@\#(file)"]"#))
        #expect(shown.contains(#"["sasl.username=u", "sasl.password=...", "ssl.key.pem=..."]"#))
        let error = try #require(throws: ConfigurationError.self) { try resolve(yaml: shown) }
        #expect(error.problems.count == 2, "\(error)")
        #expect("\(error)".contains("'a=...': the secret was taken out when this was printed"))
    }
}
