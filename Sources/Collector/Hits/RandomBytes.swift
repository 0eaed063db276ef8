internal import CLinux
internal import Glibc

/// Random bits from the kernel, fetched a page at a time: a system call for each identifier would
/// cost more than the rest of it. One for each loop.
struct RandomBytes: ~Copyable {
    private static let words = 512
    private let buffer = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: words)
    private var used = words

    deinit {
        buffer.deallocate()
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        if used == Self.words { refill() }
        defer {
            // What was given out is not kept: an identifier cannot be read from memory later.
            buffer[used] = 0
            used += 1
        }
        return buffer[used]
    }

    private mutating func refill() {
        let bytes = Self.words * MemoryLayout<UInt64>.size
        var filled = 0
        while filled < bytes {
            let count = getrandom(
                UnsafeMutableRawPointer(buffer.baseAddress)?.advanced(by: filled),
                bytes - filled, 0)
            // getrandom(2): only a signal can interrupt it once the pool is initialised.
            precondition(count >= 0 || errno == EINTR, "the kernel has no random bytes")
            filled += max(0, count)
        }
        used = 0
    }
}
