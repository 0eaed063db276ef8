internal import CLinux
internal import Glibc
internal import POSIX

/// A segment that is being written.
struct SegmentFile {
    let name: SegmentName
    /// Where it is.
    private(set) var path: String
    /// When it was begun, on the monotonic clock.
    let begunAt: Double
    private(set) var size = 0
    private var allocated = 0
    let descriptor: Int32

    /// Makes a new file at `path`. An existing one is an error, unless it is to be `replacing`.
    init(name: SegmentName, path: String, replacing: Bool = false) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL)
        descriptor = open(path, flags, 0o640)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        self.name = name
        self.path = path
        begunAt = Clock.monotonicSeconds()
    }

    /// Writes all of `bytes` at the end. After an error the file's end is unknown, and nothing
    /// more may be written to it.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer, preallocating step: Int
    ) throws(SystemError) {
        if size + bytes.count > allocated, step > 0 {
            // Only to make later syncs cheaper, so a file system that cannot is as good.
            let wanted = max(step, bytes.count)
            if fallocate(descriptor, FALLOC_FL_KEEP_SIZE, off_t(size), off_t(wanted)) == 0 {
                allocated = size + wanted
            } else {
                allocated = .max
            }
        }
        var rest = bytes
        while !rest.isEmpty {
            let written = write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", path)
            }
            size += written
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Makes what was written survive a power loss. After an error the kernel may take the pages
    /// for clean, so the descriptor must never be synced again.
    func sync() throws(SystemError) {
        guard fdatasync(descriptor) == 0 else { throw SystemError("fdatasync", path) }
    }

    /// Gives back the blocks that were allocated ahead.
    func trim() throws(SystemError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw SystemError("truncate", path) }
    }

    /// The same file after it was given another name.
    func renamed(to path: String) -> SegmentFile {
        var file = self
        file.path = path
        return file
    }

    func close() {
        Glibc.close(descriptor)
    }
}
