internal import Glibc
internal import POSIX

/// The right to write to a data directory, which one process has at a time (flock(2)). It ends
/// with the process, however that ends.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock at `path`, whose file names the process that has it.
    init(_ path: String, of directory: String) throws(EventLogError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw .system(SystemError("open", path)) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else { throw .system(SystemError("lock", path, code: code)) }
            var text = InlineArray<24, UInt8>(repeating: 0)
            let count = withUnsafeMutableBytes(of: &text) { read(descriptor, $0.baseAddress, 20) }
            let digits = (0..<max(0, count)).map { text[$0] }.prefix { $0 != 0x0a }
            throw .inUse(
                directory: directory, process: Int32(String(decoding: digits, as: UTF8.self)))
        }
        let owner = "\(getpid())\n"
        guard ftruncate(descriptor, 0) == 0, write(descriptor, owner, owner.utf8.count) > 0 else {
            let error = SystemError("write", path)
            close(descriptor)
            throw .system(error)
        }
        self.descriptor = descriptor
    }

    deinit {
        // Not left to the closing alone: a child between fork and exec has the descriptor too.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
