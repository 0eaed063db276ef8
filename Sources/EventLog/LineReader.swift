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
    /// Bytes that are read at a time: few enough to be still in the cache when they are looked at.
    private static let pieceBytes = 128 << 10

    private let disk: any Storage
    private let source: Source
    private let buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Where the byte at `start` is in the file.
    private(set) var offset: Int

    private enum Source {
        case plain(OpenFile)
        case compressed(ZstandardDecoder)
    }

    /// Opens the file at `path`. Nil if there is none.
    init?(_ path: String, on disk: any Storage, offset: Int = 0) throws(SystemError) {
        let file: OpenFile
        do throws(SystemError) {
            file = try disk.open(path, .reading)
        } catch {
            if error.code == ENOENT { return nil }
            throw error
        }
        self.disk = disk
        self.offset = offset
        buffer = .allocate(byteCount: 2 * Self.lineBytesMax, alignment: 16)
        if path.hasSuffix(SegmentName.State.compressed.rawValue) {
            let decoder = ZstandardDecoder(file, on: disk)
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
            source = .plain(file)
        }
    }

    deinit {
        if case .plain(let file) = source { disk.close(file) }
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
        let free = UnsafeMutableRawBufferPointer(
            rebasing: buffer[end..<min(buffer.count, end + Self.pieceBytes)])
        switch source {
        case .compressed(let decoder):
            let count = try decoder.read(into: free)
            end += count
            return count
        case .plain(let file):
            let count = try disk.retrying { () throws(SystemError) in
                try disk.read(file, into: free, at: offset + end)
            }
            end += count
            return count
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
