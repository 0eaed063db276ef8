internal import Glibc

/// Bytes that grow at the end and go at the start. It keeps its memory until it is told to let go.
struct ByteBuffer: ~Copyable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0

    deinit {
        free(memory.baseAddress)
    }

    var count: Int { end - start }

    /// The bytes; gone with the next change.
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeRawBufferPointer(rebasing: memory[start..<end]).bindMemory(to: UInt8.self)
    }

    /// Copies all bytes to `target`, which has room for them.
    func copy(to target: UnsafeMutablePointer<UInt8>) {
        if let base = memory.baseAddress { memcpy(target, base + start, count) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(reserve(bytes.count), source, bytes.count)
        end += bytes.count
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func removeFirst(_ count: Int) {
        precondition(count <= self.count, "no more than there is")
        start += count
        if start == end { (start, end) = (0, 0) }
    }

    /// Forgets the bytes, and gives back the memory if it is more than `kept`.
    mutating func removeAll(keeping kept: Int = 0) {
        (start, end) = (0, 0)
        if memory.count > kept {
            free(memory.baseAddress)
            memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    private mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if start > 0, end + count > memory.count, let base = memory.baseAddress {
            memmove(base, base + start, end - start)
            (start, end) = (0, end - start)
        }
        if end + count > memory.count {
            let size = max(256, max(2 * memory.count, end + count))
            memory = UnsafeMutableRawBufferPointer(
                start: realloc(memory.baseAddress, size), count: size)
        }
        guard let base = memory.baseAddress else { preconditionFailure("no memory") }
        return base + end
    }
}
