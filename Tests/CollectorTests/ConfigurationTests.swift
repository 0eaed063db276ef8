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
        ("lisen: 1", "1:1: unknown key 'lisen'"),
        ("data: x\nlop: 2\n", "2:1: unknown key 'lop'"),
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
        ("print: loud", "expected 'hits', 'requests' or 'none'"),
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
        ("cookie_same_site: None", "expected 'strict', 'lax', 'none', or 'auto'"),
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
                source: .flag("--loops"), reason: "'x': expected a number from 1 to 256")
        ) {
            try resolve(flags: ["loops": ["x"]])
        }
        #expect(
            throws: ConfigurationError(
                source: .environment(variable: "FOOTFALL_PRINT"),
                reason: "'x': expected 'hits', 'requests' or 'none'")
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
}
