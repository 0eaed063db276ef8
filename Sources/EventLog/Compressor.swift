internal import Glibc
internal import POSIX

/// Compresses sealed segments, some time after their last line, on a thread of its own with the
/// lowest priority.
///
/// The plain file goes only when the compressed one is synced and was read back to the same bytes.
/// After a crash at any point one of them is whole; where both are, the plain one counts.
struct Compressor: Sendable {
    let directory: LogDirectory
    /// Seconds after its last line from which a segment is compressed.
    let afterSeconds: Double
    let notice: EventLog.NoticeHandler
    /// Set when the log is closed.
    let isClosing = Monitor(false)

    /// Bytes that are read at a time.
    private static let chunkBytes = 1 << 20
    /// Seconds between two looks for segments.
    private static let lookSeconds = 10.0

    /// Works until `stop()`.
    func run() {
        // setpriority(2): of the calling thread alone, on Linux.
        setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
        while !wait() {
            do throws(SystemError) {
                for segment in try directory.segments() where try isDue(segment) {
                    try compress(segment)
                    if isClosing.withLock({ $0 }) { return }
                }
            } catch {
                notice(.uncompressed(error))
            }
        }
    }

    /// Lets the thread end at its next step. Any thread.
    func stop() {
        isClosing.withLock { $0 = true }
        isClosing.notify()
    }

    /// Whether the log was closed meanwhile.
    private func wait() -> Bool {
        isClosing.withLock(
            waitingFor: { $0 }, seconds: min(Self.lookSeconds, afterSeconds)
        ) { $0 }
    }

    private func isDue(_ segment: SegmentName) throws(SystemError) -> Bool {
        guard segment.state == .sealed else { return false }
        let path = directory.path(of: segment)
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError("stat", path) }
        let changed = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
        return Double(Clock.microsecondsSinceEpoch()) / 1e6 - changed >= afterSeconds
    }

    /// Replaces a sealed segment by a compressed one, unless the log is closed meanwhile.
    func compress(_ segment: SegmentName) throws(SystemError) {
        let path = directory.path(of: segment)
        let target = directory.path(of: segment.with(.compressed))
        let temporary = directory.temporary(for: segment.with(.compressed))
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw SystemError("open", path) }
        defer { close(source) }
        let copy = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard copy >= 0 else { throw SystemError("open", temporary) }
        defer { close(copy) }
        do throws(SystemError) {
            guard try write(from: source, path, to: copy, temporary) else {
                unlink(temporary)
                return
            }
            guard fdatasync(copy) == 0 else { throw SystemError("fdatasync", temporary) }
            try readBack(temporary, against: source, path)
            guard rename(temporary, target) == 0 else { throw SystemError("rename", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        try Directory.sync(directory.events)
        guard unlink(path) == 0 else { throw SystemError("delete", path) }
        try Directory.sync(directory.events)
    }

    /// False if the log was closed before the end.
    private func write(
        from source: Int32, _ path: String, to copy: Int32, _ temporary: String
    ) throws(SystemError) -> Bool {
        let encoder = ZstandardEncoder(copy, path: temporary)
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = read(source, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path) }
            if count == 0 { break }
            try encoder.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            if isClosing.withLock({ $0 }) { return false }
        }
        try encoder.finish()
        return true
    }

    /// Throws unless the compressed file has just the bytes of the plain one.
    private func readBack(
        _ temporary: String, against source: Int32, _ path: String
    ) throws(SystemError) {
        let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", temporary) }
        let decoder = ZstandardDecoder(descriptor, path: temporary)
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 2 * Self.chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        let (read, plain) = (
            UnsafeMutableRawBufferPointer(rebasing: chunk[..<Self.chunkBytes]),
            UnsafeMutableRawBufferPointer(rebasing: chunk[Self.chunkBytes...])
        )
        var offset = 0
        while true {
            let count = try decoder.read(into: read)
            // One byte more at the end, so that a longer file is noticed.
            let found = pread(source, plain.baseAddress, max(1, count), off_t(offset))
            guard found >= 0 else { throw SystemError("read", path) }
            guard found == count, read[..<count].elementsEqual(plain[..<count]) else {
                throw SystemError("read back", temporary, code: ZstandardDecoder.damaged)
            }
            if count == 0 { return }
            offset += count
        }
    }
}
