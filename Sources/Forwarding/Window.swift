internal import DequeModule

/// The events between a log and a sink, in order: read, and not yet behind the checkpoint.
struct Window {
    /// Where an event is.
    enum State: Equatable {
        /// It is to be sent, or sent again.
        case waiting
        /// The sink has it and has not reported.
        case sent
        case delivered
        case refused(reason: String)
    }

    struct Entry {
        let sequence: UInt64
        let line: [UInt8]
        var state = State.waiting
    }

    private var entries = Deque<Entry>()
    /// Bytes of the lines.
    private(set) var bytes = 0
    /// Events that the sink has and has not reported on.
    private(set) var outstanding = 0
    /// No event before this index is waiting.
    private var cursor = 0

    var count: Int { entries.count }
    var first: Entry? { entries.first }

    mutating func append(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) {
        entries.append(Entry(sequence: sequence, line: Array(line)))
        bytes += line.count
    }

    /// The next event that is to be sent.
    var nextWaiting: Entry? {
        mutating get {
            while cursor < entries.count, entries[cursor].state != .waiting { cursor += 1 }
            return cursor < entries.count ? entries[cursor] : nil
        }
    }

    /// Takes note that the next waiting event was taken by the sink, or will never be.
    mutating func setNextWaiting(_ state: State) {
        entries[cursor].state = state
        if state == .sent { outstanding += 1 }
    }

    /// Takes note of a report. False if the sink did not have that event.
    mutating func settle(_ sequence: UInt64, _ state: State) -> Bool {
        guard let index = index(of: sequence), entries[index].state == .sent else { return false }
        entries[index].state = state
        outstanding -= 1
        if state == .waiting { cursor = min(cursor, index) }
        return true
    }

    /// Events at the front, of at most so many bytes; at least one.
    func prefix(bytes most: Int) -> some Sequence<Entry> {
        var left = most
        return entries.prefix { entry in
            defer { left -= entry.line.count }
            return left > 0
        }
    }

    mutating func removeFirst() {
        bytes -= entries.removeFirst().line.count
        cursor = max(0, cursor - 1)
    }

    private func index(of sequence: UInt64) -> Int? {
        // Sequences may have gaps, so it is there or in front of that.
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].sequence == sequence ? low : nil
    }
}
