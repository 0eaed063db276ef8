internal import Tracking

extension Setting {
    /// What things are called.
    static let names: [Setting] =
        PathOptions.keys.map { key, list in
            Setting(key: key, isList: true) { (configuration, values) throws(InvalidValue) in
                for value in values where !PathOptions.isPath(value) {
                    throw InvalidValue(reason: "'\(value)': expected a path such as /track.js")
                }
                configuration.paths[keyPath: list] = values
            } values: {
                $0.paths[keyPath: list]
            }
        } + [
            Setting(key: "parameter_aliases", isList: true) {
                (configuration, values) throws(InvalidValue) in
                var pairs: [(alias: String, name: String)] = []
                for value in values {
                    let parts = value.split(separator: "=").map { String($0) }
                    guard parts.count == 2, parts.allSatisfy({ isToken($0) }) else {
                        throw InvalidValue(
                            reason: "'\(value)': expected ALIAS=NAME, such as q=s")
                    }
                    if pairs.contains(where: { $0.alias == parts[0] }) {
                        throw InvalidValue(reason: "'\(value)': '\(parts[0])' has a name already")
                    }
                    pairs.append((parts[0], parts[1]))
                }
                configuration.parameterAliases = ParameterAliases(pairs)
            } values: {
                $0.parameterAliases.pairs.map {
                    String(decoding: $0.alias + [UInt8(ascii: "=")] + $0.name, as: UTF8.self)
                }
            }
        ]
}
