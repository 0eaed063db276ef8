internal import Bytes

/// What a line of a log proves of itself, wherever it is found: the event's sequence, and a checksum
/// that no other line has.
package struct ProvenLine: Equatable, Sendable {
    /// The event's sequence.
    package let sequence: UInt64
    /// The XXH3-64 that ends the line.
    package let sum: UInt64

    /// Nil if `line`, without its newline, is not as a log has written it.
    package init?(_ line: UnsafeRawBufferPointer) {
        guard case .valid(let sequence, _) = LineProof.check(line) else { return nil }
        self.sequence = sequence
        // It was just compared: 16 digits before the quote and the brace.
        func digits(_ offset: Int) -> UInt64 {
            line.loadUnaligned(fromByteOffset: line.count - offset, as: UInt64.self)
        }
        guard let high = Hexadecimal.number(digits: digits(18)),
            let low = Hexadecimal.number(digits: digits(10))
        else { return nil }
        sum = UInt64(high) << 32 | UInt64(low)
    }
}
