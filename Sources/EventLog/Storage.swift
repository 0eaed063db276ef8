internal import Glibc
package import POSIX

/// What a log asks of its system: files, directories, the room on the disk, and the time.
///
/// `POSIXStorage` is the only production one; the tests have a disk that loses what was not synced.
/// A call is one system call and says what that says, so short writes, short reads and `EINTR` are
/// for the caller. Any thread.
package protocol Storage: Sendable {
    /// Opens the file at `path` as `mode` says (open(2)).
    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> OpenFile
    /// Lets go of a file (close(2)). What was not synced stays so.
    func close(_ file: OpenFile)
    /// Reads from `offset` on (pread(2)). The number of bytes, 0 at the end.
    func read(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(SystemError) -> Int
    /// Writes at the place after what was appended before (write(2)). The number of bytes taken.
    func append(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(SystemError) -> Int
    /// Writes at `offset` (pwrite(2)). The number of bytes taken.
    func overwrite(
        _ bytes: UnsafeRawBufferPointer, in file: OpenFile, at offset: Int
    ) throws(SystemError) -> Int
    /// Cuts a file (ftruncate(2)).
    func truncate(_ file: OpenFile, to bytes: Int) throws(SystemError)
    /// Allocates `bytes` from `offset` on and keeps the file's size (fallocate(2)).
    func preallocate(_ file: OpenFile, from offset: Int, bytes: Int) throws(SystemError)
    /// Makes what was written survive a power loss (fdatasync(2)). After an error the kernel takes
    /// the pages for clean, so the same file must never be synced again.
    func sync(_ file: OpenFile) throws(SystemError)
    /// Looks at the file at `path` (stat(2)).
    func status(_ path: String) throws(SystemError) -> FileStatus
    /// Gives a file another name, in the place of the one that had it (rename(2)).
    func rename(_ path: String, to target: String) throws(SystemError)
    /// Removes a file (unlink(2)).
    func delete(_ path: String) throws(SystemError)
    /// The names in a directory (readdir(3)); none if it does not exist.
    func list(_ path: String) throws(SystemError) -> [String]
    /// Makes a directory that only owner and group can read (mkdir(2)).
    func makeDirectory(_ path: String) throws(SystemError)
    /// Makes what was added, renamed and removed in a directory survive a power loss (fsync(2)).
    func syncDirectory(_ path: String) throws(SystemError)
    /// The bytes of the file system of `path` that an ordinary user may still fill, and all
    /// (statvfs(3)).
    func freeSpace(_ path: String) throws(SystemError) -> (free: Int, total: Int)
    /// Seconds on a clock that nobody sets (`CLOCK_MONOTONIC`).
    func monotonicSeconds() -> Double
}

/// For what a file is opened.
package enum OpenMode: Sendable {
    /// An existing one is read.
    case reading
    /// An existing one is changed.
    case changing
    /// It is changed, and made if it is missing.
    case changingOrNew
    /// A new one is written; an existing one is an error.
    case new
    /// A new one is written in the place of any other.
    case replacing
}

/// A file that a `Storage` has opened.
package struct OpenFile: Sendable {
    /// What the storage knows it by.
    package let descriptor: Int32
    /// Where it is, for messages.
    package var path: String

    /// A file that has been opened.
    package init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

/// What is known of a file without opening it.
package struct FileStatus: Sendable {
    package let bytes: Int
    /// Seconds since it was last changed.
    package let idleSeconds: Double

    /// What was found.
    package init(bytes: Int, idleSeconds: Double) {
        self.bytes = bytes
        self.idleSeconds = idleSeconds
    }
}

extension Storage {
    /// Appends all of `bytes`. After an error the file's end is unknown.
    package func appendAll(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = try retrying { () throws(SystemError) in try append(rest, to: file) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Reads until `buffer` is full or the file ends. The number of bytes.
    package func readAll(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(SystemError) -> Int {
        var end = 0
        while end < buffer.count {
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
            let count = try retrying { () throws(SystemError) in
                try read(file, into: free, at: offset + end)
            }
            if count == 0 { break }
            end += count
        }
        return end
    }

    /// Calls `body` with the bytes of the file at `path`, piece by piece, and where each begins.
    package func forEachPiece(
        of path: String, in range: Range<Int>,
        _ body: (UnsafeRawBufferPointer, Int) throws(SystemError) -> Void
    ) throws(SystemError) {
        let source = try open(path, .reading)
        defer { close(source) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, min(1 << 20, range.count)), alignment: 16)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
            let count = try readAll(source, into: wanted, at: offset)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]), offset)
            offset += count
        }
    }

    /// Does `call` again as long as a signal interrupts it.
    package func retrying(_ call: () throws(SystemError) -> Int) throws(SystemError) -> Int {
        while true {
            do throws(SystemError) {
                return try call()
            } catch {
                if error.code != EINTR { throw error }
            }
        }
    }

    /// Removes the file at `path` if there is one.
    package func deleteIfPresent(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try delete(path)
        } catch {
            if error.code != ENOENT { throw error }
        }
    }

    /// Whether there is anything at `path`.
    package func exists(_ path: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            _ = try status(path)
            return true
        } catch {
            if error.code == ENOENT { return false }
            throw error
        }
    }

    /// Makes `path` and its parents where they are missing. What was made survives a power loss.
    package func makeDirectories(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try makeDirectory(path)
        } catch {
            if error.code == EEXIST { return }
            guard error.code == ENOENT, parent(of: path) != path else { throw error }
            try makeDirectories(parent(of: path))
            return try makeDirectories(path)
        }
        try syncDirectory(parent(of: path))
    }

    private func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
