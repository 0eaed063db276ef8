internal import CLinux
internal import Glibc
internal import POSIX

/// The file of the access log, which all loops append to. Any thread.
final class AccessLogFile: Sendable {
    /// Its path, as it was given.
    let path: String
    /// Stays the same number when the file is opened again, so nobody has to be told of it.
    private let descriptor: Int32

    /// Opens the file, or makes it.
    init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = try Self.open(path)
    }

    deinit {
        close(descriptor)
    }

    /// Opens the file of that path anew, and makes it if it is gone: for programs that rename logs.
    /// If that fails, lines go where they went before.
    func reopen() throws(SystemError) {
        let opened = try Self.open(path)
        defer { close(opened) }
        // In one step: a loop that writes meanwhile writes to one of the two.
        guard dup3(opened, descriptor, O_CLOEXEC) >= 0 else { throw SystemError("dup3", path) }
    }

    /// Appends whole lines. How many bytes of them were written, and with what error the rest was
    /// not.
    func write(_ lines: UnsafeRawBufferPointer) -> (bytes: Int, error: SystemError?) {
        var written = 0
        while written < lines.count {
            let count = Glibc.write(
                descriptor, lines.baseAddress.map { $0 + written }, lines.count - written)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return (written, SystemError("write", path)) }
            written += count
        }
        return (written, nil)
    }

    /// A pipe that nobody empties is an error, and nothing to wait for.
    private static func open(_ path: String) throws(SystemError) -> Int32 {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let descriptor = Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        return descriptor
    }
}
