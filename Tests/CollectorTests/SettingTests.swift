import Foundation
import EventHTTP
import TestSupport
import Testing

@testable import Collector

/// The list of settings, the two files in `Deploy`, the help and the README's table have the same
/// keys and the same defaults.
@Suite struct SettingTests {
    private static func text(_ path: String) throws -> String {
        let url = FootfallBinary.packageDirectory.appending(path: path)
        return try String(contentsOf: url, encoding: .utf8)
    }

    /// The lines of a file in `Deploy` that set something: the key, the value, and what the comment
    /// above says.
    private static func entries(
        _ path: String
    ) throws -> [String: (value: String, comment: String)] {
        var entries: [String: (value: String, comment: String)] = [:]
        var comment = ""
        for line in try text(path).components(separatedBy: "\n") {
            if line.isEmpty { comment = "" }
            if line.hasPrefix("#") { comment += line.dropFirst(1) }
            guard let end = line.firstIndex(of: ":"), !line.hasPrefix("#") else { continue }
            let value = line[line.index(after: end)...].trimmingCharacters(in: .whitespaces)
            entries[String(line[..<end])] = (value, comment)
        }
        return entries
    }

    private static let full = "Deploy/footfall.full.yaml"

    /// The default of each key as people read it, after the full file: `none` for an empty list.
    private static func defaults() throws -> [String: String] {
        try entries(full).mapValues { entry in
            guard entry.value.hasPrefix("[") else { return entry.value }
            let items = entry.value.dropFirst().dropLast().replacing("\"", with: "")
            return items.isEmpty ? "none" : String(items)
        }
    }

    @Test("the full file has every key and changes nothing")
    func fullFile() throws {
        let path = FootfallBinary.packageDirectory.appending(path: Self.full).path
        let resolved = try ResolvedConfiguration(flags: [:], environment: [:], file: path)
        let byDefault = Configuration()
        for setting in Setting.all {
            let values = setting.values(byDefault)
            #expect(
                resolved.sources[setting.key] != nil,
                "add to \(Self.full), with its trade-off in a comment above: \(setting.key): \(values)"
            )
            #expect(
                setting.values(resolved.configuration) == values,
                "\(Self.full) does not have the default of \(setting.key)")
        }
        #expect(resolved.warnings == [])
    }

    @Test("the full file says what each setting is for, and which need a restart")
    func fullComments() throws {
        let entries = try Self.entries(Self.full)
        for setting in Setting.all {
            let comment = entries[setting.key]?.comment ?? ""
            #expect(
                comment.count > 40,
                "\(Self.full): say above \(setting.key) what it costs and when to change it")
            #expect(
                comment.contains("Needs a restart.") == !setting.isReloadable,
                "\(Self.full): 'Needs a restart.' stands above \(setting.key) if, and only if, it does"
            )
        }
    }

    @Test("the minimal file can be used, and sets only what differs from the defaults")
    func minimalFile() throws {
        let path = FootfallBinary.packageDirectory
            .appending(path: "Deploy/footfall.minimal.yaml").path
        let resolved = try ResolvedConfiguration(flags: [:], environment: [:], file: path)
        #expect(resolved.warnings == [])
        #expect((3...10).contains(resolved.sources.count))
        for setting in Setting.all
        where resolved.sources[setting.key] != nil && setting.key != "listen" {
            #expect(
                setting.values(resolved.configuration) != setting.values(Configuration()),
                "\(setting.key) has its default in the minimal file")
        }
    }

    /// What swift-argument-parser says of itself: `--experimental-dump-help`.
    private struct Help: Decodable {
        struct Command: Decodable {
            var commandName: String
            var arguments: [Argument]?
            var subcommands: [Command]?
        }
        struct Argument: Decodable {
            struct Name: Decodable { var name: String }
            var kind: String
            var preferredName: Name?
            var abstract: String?
        }
        var command: Command
    }

    @Test("the help has every setting with its default at the end")
    func help() throws {
        let json = try FootfallBinary.run("--experimental-dump-help").output
        let help = try JSONDecoder().decode(Help.self, from: Data(json.utf8))
        let arguments = help.command.subcommands?.first { $0.commandName == "serve" }?.arguments
        let defaults = try Self.defaults()
        for setting in Setting.all {
            let argument = arguments?.first { "--\($0.preferredName?.name ?? "")" == setting.flag }
            guard let argument, let abstract = argument.abstract else {
                Issue.record("add a flag with a help text: \(setting.flag)")
                continue
            }
            guard argument.kind == "option", let byDefault = defaults[setting.key] else { continue }
            let shown = abstract.hasSuffix("]") ? abstract.split(separator: "[").last ?? "" : ""
            #expect(
                shown.hasPrefix("\(byDefault)]") || shown.hasPrefix("\(byDefault): "),
                "the help of \(setting.flag) has to end in [\(byDefault)], or [\(byDefault): more]")
        }
    }

    @Test("the README's table has every setting with its default")
    func readme() throws {
        var shown: [String: String] = [:]
        let table = try Self.text("README.md").components(separatedBy: "All settings").last ?? ""
        for line in table.prefix(
            upTo: table.firstRange(of: "</details>")?.lowerBound ?? table.endIndex
        )
        .components(separatedBy: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard line.hasPrefix("| `"), cells.count == 3 else { continue }
            let keys = cells[0].split(separator: ",").map {
                $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
            }
            let values = cells[1].components(separatedBy: ", ")
            #expect(values.count == keys.count || values.count == 1, "\(line)")
            for (index, key) in keys.enumerated() { shown[key] = values[index % values.count] }
        }
        let defaults = try Self.defaults()
        for setting in Setting.all {
            let byDefault = defaults[setting.key] ?? ""
            #expect(
                shown[setting.key] == byDefault,
                "the README's table of settings needs: | `\(setting.key)` | \(byDefault) | what it is |"
            )
        }
    }

    /// Other values than the defaults, so that a setting without effect is found out.
    private static let others: [String: [String]] = [
        "listen": ["127.0.0.1:1"], "admin": ["off"], "admin_token": ["0123456789abcdef"],
        "required_sinks": ["kafka"], "required_lag_max": ["1m"], "data": ["/d"], "loops": ["99"],
        "http": ["evhttp"], "durability": ["interval"], "sync_interval": ["2s"],
        "segment_bytes_max": ["1MiB"], "segment_age_max": ["2h"], "compress_after": ["off"],
        "backlog_bytes_max": ["1GiB"], "low_water_bytes": ["1GiB"], "high_water_bytes": ["1GiB"],
        "event_bytes_max": ["1KiB"], "request_line_bytes_max": ["1KiB"],
        "head_bytes_max": ["1MiB"], "head_fields_max": ["7"], "body_bytes_max": ["1KiB"],
        "connections_max": ["7"], "connection_requests_max": ["7"], "head_timeout": ["7s"],
        "body_timeout": ["7s"], "idle_timeout": ["7s"], "write_timeout": ["7s"],
        "handler_timeout": ["7s"], "shutdown_timeout": ["7s"],
        "drain_delay": ["7s"], "no_dashboard": ["true"], "print": ["requests"],
        "allowed_origins": ["https://a.example"], "trusted_proxies": ["10.0.0.1"],
        "click_keys": ["a=0123456789abcdef"], "click_hosts": ["a.example"],
        "proxy_protocol": ["true"], "no_demo": ["true"], "log_format": ["json"],
        "log_level": ["error"], "access_log": ["/a"], "forward": ["kafka"],
        "kafka_brokers": ["a:1"], "kafka_topic": ["other"], "kafka_options": ["a=b"],
        "retain_age": ["1d"], "retain_bytes": ["9GiB"], "when_full": ["drop_oldest"],
        "cookie_names": ["other"], "cookie_preset": ["third-party"],
        "cookie_domains": ["shop.example"], "cookie_path": ["/a"], "cookie_lifetime": ["1d"],
        "cookie_http_only": ["false"], "cookie_secure": ["true"], "cookie_same_site": ["strict"],
        "cookie_partitioned": ["true"], "ip_detail": ["full"], "opt_out_policy": ["drop"],
        "gpc_policy": ["drop"], "dnt_policy": ["drop"], "opt_out_cookie": ["other"],
        "consent_parameter": ["c"], "capture_headers": ["accept"], "accept_ch": ["sec-ch-ua"],
        "script_paths": ["/a"], "image_paths": ["/a"], "beacon_paths": ["/a"],
        "click_paths": ["/a"], "buster_paths": ["/a"], "tag_paths": ["/a"],
        "opt_out_paths": ["/a"], "opt_in_paths": ["/a"], "parameter_aliases": ["q=s"],
    ]

    @Test("each setting changes what is in force, says so, and changes nothing else")
    func effects() throws {
        let byDefault = Configuration()
        for setting in Setting.all {
            guard let values = Self.others[setting.key] else {
                Issue.record("add another value than the default of \(setting.key) to this test")
                continue
            }
            var configuration = byDefault
            // It cannot be without them.
            if setting.key == "proxy_protocol" {
                configuration.trustedProxies = try #require(TrustedProxies(["10.0.0.1"]))
            }
            try setting.apply(&configuration, values)
            #expect(setting.values(configuration) == values)
            let changed = Setting.all.filter {
                $0.values(configuration) != $0.values(byDefault) && $0.key != setting.key
                    && !(setting.key == "proxy_protocol" && $0.key == "trusted_proxies")
            }
            #expect(changed.map(\.key) == [], "\(setting.key)")
        }
    }

    /// The names of the properties of a configuration, and of the options that it is made of.
    private static func properties(of value: Any) -> Set<String> {
        var names: Set<String> = []
        for child in Mirror(reflecting: value).children {
            guard let name = child.label else { continue }
            names.insert(name)
            if "\(type(of: child.value))".hasSuffix("Options") || child.value is HTTPLimits {
                names.formUnion(properties(of: child.value))
            }
        }
        return names
    }

    @Test("nothing that can be set is read by nobody")
    func noDeadValues() throws {
        let sources = FootfallBinary.packageDirectory.appending(path: "Sources")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var words: [Substring: Int] = [:]
        for case let url as URL in files ?? .init()
        where url.pathExtension == "swift" && !url.lastPathComponent.hasPrefix("Setting") {
            let text = try String(contentsOf: url, encoding: .utf8)
            for word in text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
                words[word, default: 0] += 1
            }
        }
        let names = Self.properties(of: Configuration())
        #expect(names.count > 50)
        // The durability has it.
        for name in names.subtracting(["syncSeconds"]) {
            #expect(words[name[...], default: 0] > 1, "nobody reads Configuration's \(name)")
        }
    }
}
