public import Glibc

/// A failed system call: what was tried, on what, and the `errno` it left.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was tried, in words for an operator: `open`, `fdatasync`.
    public let operation: String
    /// The path or address it was tried on; empty where there is none.
    public let subject: String
    /// The value of `errno` (errno(3)).
    public let code: Int32

    /// Takes `errno` as the failed call left it; nothing may come between the call and this.
    public init(_ operation: String, _ subject: String = "", code: Int32 = errno) {
        self.operation = operation
        self.subject = subject
        self.code = code
    }

    /// The system's text for the code: `No space left on device`.
    public var reason: String {
        String(cString: strerror(code))
    }

    /// One line: `open data/lock: Permission denied`.
    public var description: String {
        subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
    }
}
