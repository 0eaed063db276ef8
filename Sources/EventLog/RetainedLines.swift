internal import Glibc
internal import POSIX

/// Whole lines in memory, in order of sequence, from their append until they are synced: what a
/// new segment begins with when the old one's disk fails.
struct RetainedLines: ~Copyable {
    /// A run of consecutive lines.
    private struct Chunk {
        let memory: UnsafeMutableBufferPointer<UInt8>
        var used = 0
        var first: UInt64 = 0
        var count: UInt64 = 0

        var freeBytes: Int { memory.count - used }

        func bytes(from start: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: memory[start..<used]))
        }
    }

    /// Bytes that one chunk holds. Longer than any line, and a good size for a write.
    static let chunkBytes = 1 << 20
    /// Empty chunks that are kept rather than given back.
    private static let spareMax = 16

    private var chunks: [Chunk] = []
    private var spare: [UnsafeMutableBufferPointer<UInt8>] = []
    /// Bytes of all lines.
    private(set) var bytes = 0

    deinit {
        for chunk in chunks { chunk.memory.deallocate() }
        for memory in spare { memory.deallocate() }
    }

    /// Appends the lines of `batch`, from `sequence` on, and calls `write` with each run of bytes
    /// that has to be written; the first line of each carries `synced`.
    mutating func append(
        _ batch: borrowing Batch, from sequence: UInt64, synced: UInt64,
        write: (UnsafeRawBufferPointer) -> Void
    ) {
        var sequence = sequence
        var runStart = -1
        batch.forEach { body in
            let lineBytesMax = body.count + LineProof.bytesMax
            precondition(lineBytesMax <= Self.chunkBytes, "an event is far shorter than a chunk")
            if chunks.isEmpty || chunks[chunks.count - 1].freeBytes < lineBytesMax {
                if runStart >= 0 { write(lastChunk(from: runStart)) }
                addChunk(first: sequence)
                runStart = -1
            }
            let last = chunks.count - 1
            let isFirstOfWrite = runStart < 0
            if isFirstOfWrite { runStart = chunks[last].used }
            guard let base = chunks[last].memory.baseAddress, let text = body.baseAddress else {
                preconditionFailure("neither a chunk nor an event is empty")
            }
            let line = base + chunks[last].used
            memcpy(line, text, body.count)
            let length = LineProof.finish(
                line, count: body.count, sequence: sequence, synced: isFirstOfWrite ? synced : nil)
            chunks[last].used += length
            chunks[last].count += 1
            bytes += length
            sequence += 1
        }
        if runStart >= 0 { write(lastChunk(from: runStart)) }
    }

    /// Forgets all lines up to `sequence` whose chunk has no later one.
    mutating func release(through sequence: UInt64) {
        var released = 0
        for chunk in chunks where chunk.first + chunk.count <= sequence + 1 {
            bytes -= chunk.used
            recycle(chunk.memory)
            released += 1
        }
        chunks.removeFirst(released)
    }

    /// Forgets all lines after `sequence`.
    mutating func removeAll(after sequence: UInt64) {
        while let chunk = chunks.last, chunk.first + chunk.count > sequence + 1 {
            if chunk.first > sequence {
                bytes -= chunk.used
                recycle(chunk.memory)
                chunks.removeLast()
                continue
            }
            let kept = sequence + 1 - chunk.first
            let end = Self.offset(ofLine: kept, in: chunk)
            bytes -= chunk.used - end
            chunks[chunks.count - 1].used = end
            chunks[chunks.count - 1].count = kept
        }
    }

    /// Calls `write` with the bytes of all lines after `sequence`, in order, until it fails.
    func forEachRun(
        after sequence: UInt64, write: (UnsafeRawBufferPointer) throws(SystemError) -> Void
    ) throws(SystemError) {
        for chunk in chunks where chunk.first + chunk.count > sequence + 1 {
            let skipped = chunk.first > sequence ? 0 : sequence + 1 - chunk.first
            let start = Self.offset(ofLine: skipped, in: chunk)
            try write(chunk.bytes(from: start))
        }
    }

    private func lastChunk(from start: Int) -> UnsafeRawBufferPointer {
        chunks[chunks.count - 1].bytes(from: start)
    }

    /// Where the line with `count` lines before it begins. A line has one newline, at its end.
    private static func offset(ofLine count: UInt64, in chunk: Chunk) -> Int {
        var offset = 0
        for _ in 0..<count {
            guard let base = chunk.memory.baseAddress,
                let newline = memchr(base + offset, 0x0a, chunk.used - offset)
            else { preconditionFailure("a chunk has as many newlines as lines") }
            offset = newline - UnsafeMutableRawPointer(base) + 1
        }
        return offset
    }

    private mutating func addChunk(first: UInt64) {
        let memory = spare.popLast() ?? .allocate(capacity: Self.chunkBytes)
        chunks.append(Chunk(memory: memory, first: first))
    }

    private mutating func recycle(_ memory: UnsafeMutableBufferPointer<UInt8>) {
        if spare.count < Self.spareMax { spare.append(memory) } else { memory.deallocate() }
    }
}
