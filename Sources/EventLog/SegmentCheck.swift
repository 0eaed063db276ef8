/// Something in a segment that is not as it was written.
struct Finding: Equatable {
    enum Kind: Equatable {
        /// A line does not prove itself.
        case invalid(LineDamage)
        /// An event comes after a later one.
        case outOfOrder(UInt64)
        /// Events in front of a line are not there.
        case missing
        /// Events at the end of the log are not there.
        case missingAtEnd
        /// The rest of a compressed segment cannot be decompressed.
        case undecodable
        /// The segment has no line.
        case empty
    }

    let kind: Kind
    /// The line, from 1.
    let line: Int
    /// The bytes that it is about, in the plain file; none for events that are not there.
    let bytes: Range<Int>
    /// Sequences that are lost with it.
    let lost: Range<UInt64>
}

/// Holds the lines of one segment against its name and its neighbours.
struct SegmentCheck {
    /// The sequence from which on the lines stand again in the next segment, which wins, so that
    /// they do not matter here.
    let limit: UInt64?
    /// Whether it has its final name. One that is open may still be empty.
    private let isSealed: Bool
    private(set) var findings: [Finding] = []
    /// Events that are as they were written.
    private(set) var events = 0
    /// The sequence of the first of them; 0 if there are none.
    private(set) var first: UInt64 = 0
    /// The sequence of the last of them; 0 if there are none.
    private(set) var last: UInt64 = 0
    /// The sequence that has to come next.
    private(set) var expected: UInt64
    private var lines = 0
    private var bytes = 0
    /// Invalid lines since the last valid one.
    private var invalid: [Invalid] = []

    private struct Invalid {
        let damage: LineDamage
        let line: Int
        let bytes: Range<Int>
        let isFinished: Bool
    }

    /// A check of segment `name`, before which `expected` had to come next; nil for the first one.
    init(_ name: SegmentName, after expected: UInt64?, before limit: UInt64?) {
        self.limit = limit
        self.expected = name.first
        isSealed = name.state != .open
        if let expected, name.first > expected {
            findings.append(
                Finding(kind: .missing, line: 1, bytes: 0..<0, lost: expected..<name.first))
        }
    }

    mutating func visit(_ line: LineReader.Line) {
        lines += 1
        bytes = line.offset + line.length
        switch line.verdict {
        case .valid(let sequence, _):
            if let limit, sequence >= limit { return }
            if sequence != expected || !invalid.isEmpty { settle(line, sequence) }
            if sequence < expected { return }
            if events == 0 { first = sequence }
            events += 1
            last = sequence
            expected = sequence + 1
        case .invalid(let damage):
            invalid.append(
                Invalid(
                    damage: damage, line: lines, bytes: line.offset..<line.offset + line.length,
                    isFinished: line.isFinished))
        }
    }

    /// Explains what came between the last valid line and this one.
    private mutating func settle(_ line: LineReader.Line, _ sequence: UInt64) {
        let lost = expected..<max(expected, sequence)
        // Each invalid line stands for one event, if there are enough of them.
        let explained = min(lost.upperBound, lost.lowerBound + UInt64(invalid.count))
        flushInvalid(lost: lost)
        if explained < lost.upperBound {
            findings.append(
                Finding(
                    kind: .missing, line: lines, bytes: line.offset..<line.offset,
                    lost: explained..<lost.upperBound))
        }
        if sequence < expected {
            findings.append(
                Finding(
                    kind: .outOfOrder(sequence), line: lines,
                    bytes: line.offset..<line.offset + line.length, lost: 0..<0))
        }
    }

    /// The whole loss goes with the first of the invalid lines.
    private mutating func flushInvalid(lost: Range<UInt64>) {
        for (index, entry) in invalid.enumerated() {
            findings.append(
                Finding(
                    kind: .invalid(entry.damage), line: entry.line, bytes: entry.bytes,
                    lost: index == 0 ? lost : lost.upperBound..<lost.upperBound))
        }
        invalid = []
    }

    /// Takes note of the segment's end. `mark` is the highest sequence that is known to be promised;
    /// nil if nothing is known of that. The bytes at the end that were not promised.
    mutating func finish(mark: UInt64?) -> Int {
        let promised = limit ?? max(expected, (mark ?? 0) + 1)
        if lines == 0, isSealed {
            let lost = expected..<promised
            findings.append(Finding(kind: .empty, line: 1, bytes: 0..<0, lost: lost))
            expected = lost.upperBound
            return 0
        }
        let unpromised = dropUnpromised(mark)
        if !invalid.isEmpty {
            let lost = expected..<max(promised, expected + UInt64(invalid.count))
            flushInvalid(lost: limit.map { expected..<$0 } ?? lost)
            expected = limit ?? lost.upperBound
        } else if limit == nil, promised > expected {
            findings.append(
                Finding(
                    kind: .missingAtEnd, line: lines, bytes: bytes..<bytes,
                    lost: expected..<promised))
            expected = promised
        }
        return unpromised
    }

    /// Forgets invalid lines at the end that stand again in the next segment, or were never
    /// promised. The bytes of the latter.
    private mutating func dropUnpromised(_ mark: UInt64?) -> Int {
        for (index, entry) in invalid.enumerated() {
            let sequence = expected + UInt64(index)
            if let limit {
                if sequence < limit { continue }
                invalid.removeSubrange(index...)
                return 0
            }
            // The end of a segment that is being written may be half a line. Without a mark, in a
            // copy, only that is excused.
            if isSealed || mark.map({ sequence <= $0 }) ?? entry.isFinished { continue }
            invalid.removeSubrange(index...)
            return bytes - entry.bytes.lowerBound
        }
        return 0
    }

    /// The rest of the segment cannot be read; `mark` as above.
    mutating func breakOff(mark: UInt64?) {
        flushInvalid(lost: expected..<expected)
        let next = limit ?? (mark ?? 0) + 1
        findings.append(
            Finding(
                kind: .undecodable, line: lines + 1, bytes: bytes..<bytes,
                lost: expected..<max(expected, next)))
        expected = max(expected, next)
    }
}
