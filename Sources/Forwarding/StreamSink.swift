internal import DequeModule
internal import Glibc
internal import POSIX

/// Writes events as NDJSON to a descriptor: standard output, for whoever reads it.
///
/// An event counts as delivered when all of its line was written. Never waits longer than it is
/// told to, however slow the reader of a pipe is.
public struct StreamSink: Sink {
    /// Bytes that may wait to be written, but for the line that went beyond.
    static let bufferBytesMax = 64 << 10
    /// Bytes that a pipe takes without blocking when poll(2) says that it can be written
    /// (`PIPE_BUF`, pipe(7)).
    private static let pieceBytes = 4096

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Bytes of the buffer that were written.
    private var written = 0
    /// The events in the buffer, and where each ends.
    private var lines = Deque<(sequence: UInt64, end: Int)>()
    /// Whether a failure has left a part of a line behind.
    private var isWithinLine = false

    /// Any line is taken.
    public var lineBytesMax: Int? { nil }

    /// A sink that writes to standard output.
    public static func standardOutput() -> StreamSink { StreamSink(STDOUT_FILENO) }

    /// A sink that writes to `descriptor`, which stays the caller's.
    public init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Puts the line into the buffer.
    public mutating func send(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> SendResult {
        if buffer.count >= Self.bufferBytesMax { return .full }
        // So that what is left of the torn line spoils no other.
        if isWithinLine { buffer.append(0x0a) }
        isWithinLine = false
        buffer += line
        buffer.append(0x0a)
        lines.append((sequence, buffer.count))
        return .taken
    }

    /// Writes what the reader takes.
    public mutating func poll(seconds: Double, _ report: (DeliveryReport) -> Void) {
        let deadline = Clock.monotonicSeconds() + seconds
        var hasReported = false
        while written < buffer.count {
            let left = hasReported ? 0 : max(0, deadline - Clock.monotonicSeconds())
            guard isWritable(seconds: left) else { break }
            let count = buffer.withUnsafeBytes { bytes in
                let piece = bytes[written...].prefix(Self.pieceBytes)
                return write(
                    descriptor, UnsafeRawBufferPointer(rebasing: piece).baseAddress, piece.count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else {
                return fail(SystemError("write", "the output").description, report)
            }
            written += count
            while let first = lines.first, first.end <= written {
                lines.removeFirst()
                hasReported = true
                report(DeliveryReport(first.sequence, .delivered))
            }
        }
        guard written == buffer.count else { return }
        buffer.removeAll(keepingCapacity: true)
        written = 0
    }

    private func isWritable(seconds: Double) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return Glibc.poll(&entry, 1, Int32(seconds * 1000)) > 0
    }

    private mutating func fail(_ reason: String, _ report: (DeliveryReport) -> Void) {
        if written > 0 { isWithinLine = buffer[written - 1] != 0x0a }
        let failed = lines
        buffer.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        written = 0
        for line in failed { report(DeliveryReport(line.sequence, .failed(reason: reason))) }
    }
}
