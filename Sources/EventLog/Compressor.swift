internal import POSIX

/// Compresses sealed segments, some time after their last line.
///
/// The plain file goes only when the compressed one is synced and was read back to the same bytes.
/// After a crash at any point one of them is whole; where both are, the plain one counts.
struct Compressor: Sendable {
    let directory: LogDirectory
    /// Seconds after its last line from which a segment is compressed.
    let afterSeconds: Double
    let notice: EventLog.NoticeHandler
    /// Whether the log is closed: then it ends at its next step.
    let isClosing: @Sendable () -> Bool

    /// Bytes that are read at a time.
    private static let chunkBytes = 1 << 20

    init(
        directory: LogDirectory, afterSeconds: Double, notice: @escaping EventLog.NoticeHandler,
        isClosing: @escaping @Sendable () -> Bool = { false }
    ) {
        self.directory = directory
        self.afterSeconds = afterSeconds
        self.notice = notice
        self.isClosing = isClosing
    }

    /// Compresses every segment whose time has come.
    func run() {
        do throws(SystemError) {
            for segment in try directory.segments() where try isDue(segment) {
                try compress(segment)
                if isClosing() { return }
            }
        } catch {
            notice(.uncompressed(error))
        }
    }

    private func isDue(_ segment: SegmentName) throws(SystemError) -> Bool {
        guard segment.state == .sealed else { return false }
        return try directory.disk.status(directory.path(of: segment)).idleSeconds >= afterSeconds
    }

    /// Replaces a sealed segment by a compressed one, unless the log is closed meanwhile.
    func compress(_ segment: SegmentName) throws(SystemError) {
        let disk = directory.disk
        let path = directory.path(of: segment)
        let temporary = directory.temporary(for: segment.with(.compressed))
        let source = try disk.open(path, .reading)
        defer { disk.close(source) }
        let copy = try disk.open(temporary, .replacing)
        defer { disk.close(copy) }
        do throws(SystemError) {
            guard try write(from: source, to: copy) else {
                return try disk.delete(temporary)
            }
            try disk.sync(copy)
            try readBack(temporary, against: source)
            try disk.rename(
                temporary, to: directory.path(of: segment.with(.compressed)))
        } catch {
            _ = try? disk.deleteIfPresent(temporary)
            throw error
        }
        try disk.syncDirectory(directory.events)
        try disk.delete(path)
        try disk.syncDirectory(directory.events)
    }

    /// False if the log was closed before the end.
    private func write(from source: OpenFile, to copy: OpenFile) throws(SystemError) -> Bool {
        let encoder = ZstandardEncoder(copy, on: directory.disk)
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        var offset = 0
        while true {
            let count = try directory.disk.readAll(source, into: chunk, at: offset)
            if count == 0 { break }
            offset += count
            try encoder.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            if isClosing() { return false }
        }
        try encoder.finish()
        return true
    }

    /// Throws unless the compressed file has just the bytes of the plain one.
    private func readBack(_ temporary: String, against source: OpenFile) throws(SystemError) {
        let disk = directory.disk
        let decoder = ZstandardDecoder(try disk.open(temporary, .reading), on: disk)
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 2 * Self.chunkBytes, alignment: 16)
        defer { chunk.deallocate() }
        let (found, plain) = (
            UnsafeMutableRawBufferPointer(rebasing: chunk[..<Self.chunkBytes]),
            UnsafeMutableRawBufferPointer(rebasing: chunk[Self.chunkBytes...])
        )
        var offset = 0
        while true {
            let count = try decoder.read(into: found)
            // One byte more at the end, so that a longer file is noticed.
            let expected = UnsafeMutableRawBufferPointer(rebasing: plain[..<max(1, count)])
            let isEqual =
                try disk.readAll(source, into: expected, at: offset) == count
                && found[..<count].elementsEqual(expected[..<count])
            guard isEqual else {
                throw SystemError("read back", temporary, code: ZstandardDecoder.damaged)
            }
            if count == 0 { return }
            offset += count
        }
    }
}
