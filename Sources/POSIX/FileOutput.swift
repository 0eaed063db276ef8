internal import Glibc

/// An open descriptor that text is written to: a terminal, a pipe, a file.
public struct FileOutput: Sendable {
    private let descriptor: Int32

    /// Standard output.
    public static let standardOutput = FileOutput(STDOUT_FILENO)
    /// Standard error.
    public static let standardError = FileOutput(STDERR_FILENO)

    /// Writes to `descriptor`, which stays the caller's.
    public init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Writes all of `text`. False if nobody reads it any more. Any thread; may block.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let whole = UnsafeBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, whole.baseAddress, whole.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }
}
