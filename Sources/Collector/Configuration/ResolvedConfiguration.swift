/// A configuration and where each of its values came from.
public struct ResolvedConfiguration: Sendable {
    /// What is in force.
    public private(set) var configuration = Configuration()
    /// Where it came from, by key; what is not there is a default.
    public private(set) var sources: [String: SettingSource] = [:]

    /// A flag beats the environment, which beats the file, which beats the default. `flags` has
    /// the values by key; `environment` is the process's.
    public init(
        flags: [String: [String]], environment: [String: String], file: String?
    ) throws(ConfigurationError) {
        var given: [String: (values: [String], source: SettingSource)] = [:]
        if let file {
            for entry in try SettingsFile.read(file) {
                given[entry.setting.key] = (entry.values, entry.source)
            }
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
            do throws(Setting.InvalidValue) {
                try setting.apply(&configuration, values)
            } catch {
                throw ConfigurationError(source: source, reason: error.reason)
            }
            sources[setting.key] = source
        }
        // Standard output is taken.
        if sources["print"] == nil, configuration.forward.contains(.stdout) {
            configuration.print = .none
        }
        if let (keys, reason) = configuration.objection {
            let source = keys.lazy.compactMap { [sources] in sources[$0] }.first ?? .byDefault
            throw ConfigurationError(source: source, reason: reason)
        }
    }

    /// One line for each setting: the key, the value and where it came from.
    public var lines: [String] {
        let pairs = Setting.all.map { setting in
            let values = setting.shownValues(configuration)
            let value =
                setting.isList
                ? "[\(values.map { "\"\($0)\"" }.joined(separator: ", "))]" : values[0]
            return ("\(setting.key): \(value)", sources[setting.key] ?? .byDefault)
        }
        let width = pairs.map(\.0.count).max() ?? 0
        return pairs.map { line, source in
            line + String(repeating: " ", count: width - line.count) + "  # \(source)"
        }
    }
}
