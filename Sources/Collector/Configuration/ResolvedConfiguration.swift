internal import Tracking

/// A configuration and where each of its values came from.
public struct ResolvedConfiguration: Sendable {
    /// What is in force.
    public private(set) var configuration = Configuration()
    /// Where it came from, by key; what is not there is a default.
    public private(set) var sources: [String: SettingSource] = [:]
    /// What can be used and is worth a look all the same.
    public private(set) var warnings: [ConfigurationError.Problem] = []

    /// A flag beats the environment, which beats the file, which beats the default. `flags` has
    /// the values by key; `environment` is the process's. Throws with all that is wrong.
    public init(
        flags: [String: [String]], environment: [String: String], file: String?
    ) throws(ConfigurationError) {
        var given: [String: (values: [String], source: SettingSource)] = [:]
        var problems: [ConfigurationError.Problem] = []
        if let file {
            let file = try SettingsFile(readingFrom: file)
            problems = file.problems
            for entry in file.entries { given[entry.setting.key] = (entry.values, entry.source) }
        }
        for setting in Setting.all {
            if let text = environment[setting.variable] {
                let values =
                    setting.isList
                    ? text.split(separator: ",").map { String($0) } : [text]
                given[setting.key] = (values, .environment(variable: setting.variable))
            }
            if let values = flags[setting.key] {
                given[setting.key] = (values, .flag(setting.flag))
            }
        }
        for setting in Setting.all {
            guard let (values, source) = given[setting.key] else { continue }
            sources[setting.key] = source
            do throws(Setting.InvalidValue) {
                try setting.take(values, into: &configuration)
            } catch {
                problems.append(.init(source, error.reason))
            }
        }
        // Standard output is taken.
        if sources["print"] == nil, configuration.forward.contains(.stdout) {
            configuration.print = .none
        }
        if problems.isEmpty, let (keys, reason) = configuration.objection {
            problems.append(.init(source(of: keys), reason))
        }
        if !problems.isEmpty { throw ConfigurationError(problems.sorted { $0.line < $1.line }) }
        warnings = Self.unknownVariables(environment) + questions
    }

    /// Takes over what needs a restart from `old`, which is in force. The keys that have changed, and
    /// those that would have.
    mutating func keepFixed(
        of old: ResolvedConfiguration
    ) throws(ConfigurationError) -> (changed: [String], needRestart: [String]) {
        var (changed, needRestart): ([String], [String]) = ([], [])
        for setting in Setting.all {
            let values = setting.values(old.configuration)
            if setting.values(configuration) == values { continue }
            if setting.isReloadable {
                changed.append(setting.key)
                continue
            }
            needRestart.append(setting.key)
            let source = old.sources[setting.key]
            do throws(Setting.InvalidValue) {
                try setting.apply(&configuration, values)
            } catch {
                throw ConfigurationError([.init(source ?? .byDefault, error.reason)])
            }
            sources[setting.key] = source
        }
        return (changed, needRestart)
    }

    /// Where the first of `keys` that was given came from.
    func source(of keys: [String]) -> SettingSource {
        keys.lazy.compactMap { sources[$0] }.first ?? .byDefault
    }

    /// Variables that are no settings and look as if they should be. Others that begin alike are
    /// somebody else's.
    private static func unknownVariables(
        _ environment: [String: String]
    ) -> [ConfigurationError.Problem] {
        let known = Setting.all.map(\.variable)
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix(Setting.variablePrefix), !known.contains(name) else { return nil }
            let word = String(name.dropFirst(Setting.variablePrefix.count))
            if word == "CONFIG" {
                return .init(
                    .environment(variable: name), "is no setting: name the file with --config")
            }
            return NearestWord.of(word, among: Setting.all.lazy.map(\.key)).map { key in
                .init(
                    .environment(variable: name),
                    "is no setting; did you mean '\(Setting.variablePrefix)\(key.uppercased())'?")
            }
        }
    }

    /// A setting as it is in force, without secrets.
    struct Entry {
        let key: String
        let values: [String]
        let isList: Bool
        let source: SettingSource
    }

    /// All settings.
    var entries: [Entry] {
        Setting.all.map {
            Entry(
                key: $0.key, values: $0.shownValues(configuration), isList: $0.isList,
                source: sources[$0.key] ?? .byDefault)
        }
    }

    /// What is in force, without its secrets, as lines of YAML; comments say where it came from.
    public var lines: [String] {
        let pairs = Setting.all.map { setting in
            let values = setting.shownValues(configuration)
            let value =
                setting.isList
                ? "[\(values.map { JSONText.string($0) }.joined(separator: ", "))]"
                : Self.scalar(values[0])
            let source = sources[setting.key] ?? .byDefault
            return ("\(setting.key): \(value)", TerminalText.escaped("\(source)".utf8))
        }
        // A long line does not push away the comments of all others.
        let width = pairs.map(\.0.count).filter { $0 <= Self.columnsMax }.max() ?? 0
        return pairs.map { line, source in
            line + String(repeating: " ", count: max(0, width - line.count)) + "  # \(source)"
        }
    }

    private static let columnsMax = 60

    /// A value as a scalar of YAML: in quotes (the text forms of JSON are YAML too) unless it is
    /// plain in every context.
    static func scalar(_ value: String) -> String {
        let isPlain =
            value.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "._/:@+-".contains($0))
            }
            && value.first.map { $0.isLetter || $0.isNumber || "./".contains($0) } == true
            && value.last != ":" && value.lowercased() != "null"
        return isPlain ? value : JSONText.string(value)
    }
}

extension ConfigurationError.Problem {
    /// Its line in the file; what is in none comes last.
    fileprivate var line: Int {
        if case .file(_, let line, _) = source { line } else { .max }
    }
}

extension Setting {
    /// Whether it is what `check` prints instead of a secret.
    private static func isMasked(_ value: String) -> Bool {
        value == masked || value.hasSuffix("=\(masked)")
    }

    /// Takes over the given values.
    fileprivate func take(
        _ values: [String], into configuration: inout Configuration
    ) throws(InvalidValue) {
        if isSecret, let value = values.first(where: Self.isMasked) {
            throw InvalidValue(
                reason:
                    "'\(value)': the secret was taken out when this was printed; put it in again")
        }
        try apply(&configuration, values)
    }
}
