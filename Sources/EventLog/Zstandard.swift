internal import CZstd
internal import Glibc
internal import POSIX

/// Reads a Zstandard file (RFC 8878) from its start.
///
/// A final class, so that its reader can be moved about freely; used by one thread at a time.
final class ZstandardDecoder {
    private let disk: any Storage
    private let file: OpenFile
    private let context: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    private var offset = 0
    private var pending = ZSTD_inBuffer()
    /// Whether the last frame was read to its end, with its checksum.
    private var isFrameComplete = true

    /// What is thrown for data that is damaged: `EBADMSG`.
    static let damaged = EBADMSG

    /// Reads from `file`, which it closes in the end.
    init(_ file: OpenFile, on disk: any Storage) {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("no memory for zstd") }
        self.disk = disk
        self.file = file
        self.context = context
        input = .allocate(byteCount: ZSTD_DStreamInSize(), alignment: 16)
    }

    deinit {
        ZSTD_freeDCtx(context)
        input.deallocate()
        disk.close(file)
    }

    /// Decompresses into `buffer`. The number of bytes, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos == 0 {
            if pending.pos == pending.size {
                let count = try disk.readAll(file, into: input, at: offset)
                if count == 0 {
                    if isFrameComplete { return 0 }
                    throw SystemError("decompress", file.path, code: Self.damaged)
                }
                offset += count
                pending = ZSTD_inBuffer(src: input.baseAddress, size: count, pos: 0)
            }
            let hint = ZSTD_decompressStream(context, &output, &pending)
            guard ZSTD_isError(hint) == 0 else {
                throw SystemError("decompress", file.path, code: Self.damaged)
            }
            isFrameComplete = hint == 0
        }
        return output.pos
    }
}

/// Writes a Zstandard file of one frame, with a checksum of its content.
struct ZstandardEncoder: ~Copyable {
    private let disk: any Storage
    private let file: OpenFile
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer

    /// The lowest one. Identifiers and times make the matches of lines short; the default level, 3,
    /// takes more of them, and its files are larger and slower to read.
    private static let level: Int32 = 1

    /// Writes to `file`, which stays the caller's.
    init(_ file: OpenFile, on disk: any Storage) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("no memory for zstd") }
        self.disk = disk
        self.file = file
        self.context = context
        output = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        let leveled = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
        let summed = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        precondition(ZSTD_isError(leveled) == 0 && ZSTD_isError(summed) == 0, "zstd.h has both")
    }

    deinit {
        ZSTD_freeCCtx(context)
        output.deallocate()
    }

    /// Compresses `bytes`.
    func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        try compress(bytes, ZSTD_e_continue)
    }

    /// Ends the frame.
    func finish() throws(SystemError) {
        try compress(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end)
    }

    private func compress(
        _ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective
    ) throws(SystemError) {
        var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_compressStream2(context, &target, &source, directive)
            precondition(ZSTD_isError(left) == 0, "zstd fails only when it is misused")
            try disk.appendAll(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<target.pos]),
                to: file)
            if directive == ZSTD_e_end ? left == 0 : source.pos == source.size { return }
        }
    }
}
