/// A configuration that cannot be used.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// Where the value came from.
    public let source: SettingSource
    /// What is wrong and what is expected.
    public let reason: String

    /// One line: `footfall.yaml:3:1: unknown key 'lisen'`.
    public var description: String { "\(source): \(reason)" }
}

/// Where a value came from.
public enum SettingSource: Equatable, Sendable, CustomStringConvertible {
    /// Nobody set it.
    case byDefault
    /// A place in a configuration file.
    case file(path: String, line: Int, column: Int)
    /// An environment variable.
    case environment(variable: String)
    /// A flag of the command line.
    case flag(String)

    /// As it stands in front of a message.
    public var description: String {
        switch self {
        case .byDefault: "default"
        case .file(let path, let line, let column): "\(path):\(line):\(column)"
        case .environment(let variable): variable
        case .flag(let flag): flag
        }
    }
}
