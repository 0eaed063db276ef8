internal import Tracking

/// A configuration that cannot be used: everything that is wrong with it.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One thing that is wrong, or worth a look.
    public struct Problem: Equatable, Sendable, CustomStringConvertible {
        /// Where the value came from.
        public let source: SettingSource
        /// What is wrong and what is expected.
        public let reason: String

        init(_ source: SettingSource, _ reason: String) {
            self.source = source
            self.reason = reason
        }

        /// One line: `footfall.yaml:3:1: unknown key 'lisen'`. What somebody has written into it
        /// cannot do anything to a terminal.
        public var description: String { TerminalText.escaped("\(source): \(reason)".utf8) }
    }

    /// At least one, in the order of the file, then of the settings.
    public let problems: [Problem]

    init(_ problems: [Problem]) {
        precondition(!problems.isEmpty, "nothing is wrong")
        self.problems = problems
    }

    init(source: SettingSource, reason: String) {
        self.init([Problem(source, reason)])
    }

    /// Whether all of it was given on the command line.
    public var isOfFlags: Bool {
        problems.allSatisfy { if case .flag = $0.source { true } else { false } }
    }

    /// A line for each problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
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
