internal import Glibc

/// Lines that a loop has collected in a turn, without their ends. Used by one thread at a time.
public struct Batch: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private var ends: [Int] = []
    private var used = 0

    /// An empty batch.
    public init() {
        memory = .allocate(byteCount: 64 << 10, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// The number of lines.
    public var count: Int { ends.count }

    /// Their bytes, without the ends that the log gives them.
    var bytes: Int { used }

    /// Adds a line: `encode` appends a JSON object without its closing brace, of at most
    /// `bytesMax` bytes. Answers with its length in bytes.
    public mutating func append(
        bytesMax: Int, _ encode: (inout OutputSpan<UInt8>) -> Void
    ) -> Int {
        reserve(used + bytesMax)
        let free = UnsafeMutableRawBufferPointer(rebasing: memory[used...])
            .bindMemory(to: UInt8.self)
        var output = OutputSpan(buffer: free, initializedCount: 0)
        encode(&output)
        let written = output.finalize(for: free)
        used += written
        ends.append(used)
        return written
    }

    /// Takes back the line that was added last.
    public mutating func removeLast() {
        ends.removeLast()
        used = ends.last ?? 0
    }

    /// Takes back every line. The memory stays for the next ones.
    public mutating func removeAll() {
        ends.removeAll(keepingCapacity: true)
        used = 0
    }

    /// Calls `body` with each line.
    func forEach(_ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        for end in ends {
            body(UnsafeRawBufferPointer(rebasing: memory[start..<end]))
            start = end
        }
    }

    private mutating func reserve(_ bytes: Int) {
        if bytes <= memory.count { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(bytes, 2 * memory.count), alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
        memory.deallocate()
        memory = larger
    }
}
