internal import Glibc
internal import POSIX

/// Reads a segment line by line, plain or compressed (`.zst`), from any offset of the plain file.
///
/// Used by one thread at a time.
final class LineReader {
    /// A line as it was found.
    struct Line {
        /// Its place in the file, from 0.
        let offset: Int
        /// Its length with its newline.
        let length: Int
        /// Whether it has a newline.
        let isFinished: Bool
        /// What its end proves.
        let verdict: LineProof.Verdict
        /// Its bytes without the newline; empty if it is too long to be one.
        let bytes: UnsafeRawBufferPointer
    }

    /// Longer than any line of a log.
    static let lineBytesMax = 1 << 20

    let path: String
    private let source: Source
    private let buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Where the byte at `start` is in the file.
    private(set) var offset: Int

    private enum Source {
        case plain(Int32)
        case compressed(ZstandardDecoder)
    }

    /// Opens the file at `path`. Nil if there is none.
    init?(_ path: String, offset: Int = 0) throws(SystemError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemError("open", path)
        }
        self.path = path
        self.offset = offset
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        buffer = .allocate(byteCount: 2 * Self.lineBytesMax, alignment: 16)
        if path.hasSuffix(SegmentName.State.compressed.rawValue) {
            let decoder = ZstandardDecoder(descriptor, path: path)
            source = .compressed(decoder)
            var skipped = 0
            while skipped < offset {
                let rest = min(buffer.count, offset - skipped)
                let count = try decoder.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<rest]))
                if count == 0 { break }
                skipped += count
            }
        } else {
            source = .plain(descriptor)
        }
    }

    deinit {
        if case .plain(let descriptor) = source { close(descriptor) }
        buffer.deallocate()
    }

    /// Calls `body` with the next line; false at the end of the file, which may have grown when
    /// this is called again. The bytes are gone after the call.
    func next(_ body: (Line) -> Void) throws(SystemError) -> Bool {
        var searched = 0
        while true {
            if let newline = firstNewline(after: searched) {
                let length = newline + 1
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<start + newline])
                pass(length, LineProof.check(bytes), bytes, isFinished: true, body)
                return true
            }
            searched = end - start
            if searched >= Self.lineBytesMax {
                let (length, isFinished) = try skipLongLine()
                pass(
                    length, .invalid(.tooLong), UnsafeRawBufferPointer(start: nil, count: 0),
                    isFinished: isFinished, body, isBuffered: false)
                return true
            }
            if try fill() == 0 { break }
        }
        if start == end { return false }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        pass(end - start, .invalid(.unfinished), bytes, isFinished: false, body)
        return true
    }

    private func pass(
        _ length: Int, _ verdict: LineProof.Verdict, _ bytes: UnsafeRawBufferPointer,
        isFinished: Bool, _ body: (Line) -> Void, isBuffered: Bool = true
    ) {
        body(
            Line(
                offset: offset, length: length, isFinished: isFinished, verdict: verdict,
                bytes: bytes))
        offset += length
        if isBuffered { start += length }
    }

    private func firstNewline(after searched: Int) -> Int? {
        guard let base = buffer.baseAddress,
            let found = memchr(base + start + searched, 0x0a, end - start - searched)
        else { return nil }
        return UnsafeRawPointer(found) - (UnsafeRawPointer(base) + start)
    }

    /// Reads on. The number of bytes that came, 0 at the end of the file.
    private func fill() throws(SystemError) -> Int {
        if start > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            (start, end) = (0, end - start)
        }
        let free = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
        switch source {
        case .compressed(let decoder):
            let count = try decoder.read(into: free)
            end += count
            return count
        case .plain(let descriptor):
            while true {
                let count = pread(descriptor, free.baseAddress, free.count, off_t(offset + end))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SystemError("read", path) }
                end += count
                return count
            }
        }
    }

    /// Passes over what is no line, up to a newline or the end of the file. Its length, and whether
    /// a newline ended it. Afterwards the rest is buffered.
    private func skipLongLine() throws(SystemError) -> (length: Int, isFinished: Bool) {
        let lineOffset = offset
        defer { offset = lineOffset }
        var length = 0
        while true {
            if let newline = firstNewline(after: 0) {
                start += newline + 1
                return (length + newline + 1, true)
            }
            length += end - start
            offset += end - start
            (start, end) = (0, 0)
            if try fill() == 0 { return (length, false) }
        }
    }
}
