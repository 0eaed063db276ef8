internal import CLinux
internal import Glibc
package import POSIX

/// The file system of this machine.
package struct POSIXStorage: Storage {
    /// The one there is.
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> OpenFile {
        let flags =
            switch mode {
            case .reading: O_RDONLY
            case .changing: O_WRONLY
            case .changingOrNew: O_WRONLY | O_CREAT
            case .new: O_WRONLY | O_CREAT | O_EXCL
            case .replacing: O_WRONLY | O_CREAT | O_TRUNC
            }
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        if case .reading = mode { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
        return OpenFile(descriptor: descriptor, path: path)
    }

    package func close(_ file: OpenFile) {
        Glibc.close(file.descriptor)
    }

    package func read(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(SystemError) -> Int {
        let count = pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        guard count >= 0 else { throw SystemError("read", file.path) }
        return count
    }

    package func append(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(SystemError)
        -> Int
    {
        let count = write(file.descriptor, bytes.baseAddress, bytes.count)
        guard count >= 0 else { throw SystemError("write", file.path) }
        return count
    }

    package func overwrite(
        _ bytes: UnsafeRawBufferPointer, in file: OpenFile, at offset: Int
    ) throws(SystemError) -> Int {
        let count = pwrite(file.descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        guard count >= 0 else { throw SystemError("write", file.path) }
        return count
    }

    package func truncate(_ file: OpenFile, to bytes: Int) throws(SystemError) {
        guard ftruncate(file.descriptor, off_t(bytes)) == 0 else {
            throw SystemError("truncate", file.path)
        }
    }

    package func preallocate(_ file: OpenFile, from offset: Int, bytes: Int) throws(SystemError) {
        guard fallocate(file.descriptor, FALLOC_FL_KEEP_SIZE, off_t(offset), off_t(bytes)) == 0
        else { throw SystemError("fallocate", file.path) }
    }

    package func sync(_ file: OpenFile) throws(SystemError) {
        guard fdatasync(file.descriptor) == 0 else { throw SystemError("fdatasync", file.path) }
    }

    package func status(_ path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError("stat", path) }
        let changed = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
        return FileStatus(
            bytes: Int(status.st_size),
            idleSeconds: Double(Clock.microsecondsSinceEpoch()) / 1e6 - changed)
    }

    package func rename(_ path: String, to target: String) throws(SystemError) {
        guard Glibc.rename(path, target) == 0 else { throw SystemError("rename", path) }
    }

    package func delete(_ path: String) throws(SystemError) {
        guard unlink(path) == 0 else { throw SystemError("delete", path) }
    }

    package func list(_ path: String) throws(SystemError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw SystemError("list", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw SystemError("list", path) }
                return names
            }
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
    }

    package func makeDirectory(_ path: String) throws(SystemError) {
        guard mkdir(path, 0o750) == 0 else { throw SystemError("make the directory", path) }
    }

    package func syncDirectory(_ path: String) throws(SystemError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError("fsync", path) }
    }

    package func freeSpace(_ path: String) throws(SystemError) -> (free: Int, total: Int) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw SystemError("statvfs", path) }
        let block = Int(status.f_frsize)
        return (Int(status.f_bavail) * block, Int(status.f_blocks) * block)
    }

    package func monotonicSeconds() -> Double { Clock.monotonicSeconds() }
}
