public import POSIX

/// Why a log cannot be opened.
public enum EventLogError: Error, CustomStringConvertible {
    /// A call of the system failed.
    case system(SystemError)
    /// Another process writes to the directory.
    case inUse(directory: String, process: Int32?)

    /// One line for an operator.
    public var description: String {
        switch self {
        case .system(let error): "the data directory cannot be used: \(error)"
        case .inUse(let directory, .some(let process)):
            "the data directory \(directory) is in use by process \(process)"
        case .inUse(let directory, .none):
            "the data directory \(directory) is in use by another process"
        }
    }
}
