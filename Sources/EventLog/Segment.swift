internal import POSIX

/// The name of a segment: the sequence of its first line in 20 digits, and what state it is in.
struct SegmentName: Hashable, Comparable, CustomStringConvertible {
    /// What a segment's ending tells.
    enum State: String {
        /// It is being written, or its writer was killed.
        case open = ".ndjson.open"
        /// It is whole and synced.
        case sealed = ".ndjson"
    }

    /// The sequence of the segment's first line.
    let first: UInt64
    let state: State

    /// Reads a file name; nil for anything that is not a segment.
    init?(_ fileName: String) {
        let digits = fileName.prefix(20)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let first = UInt64(digits), first > 0,
            let state = State(rawValue: String(fileName.dropFirst(20)))
        else { return nil }
        self.first = first
        self.state = state
    }

    init(first: UInt64, state: State) {
        self.first = first
        self.state = state
    }

    /// The same segment in another state.
    func with(_ state: State) -> SegmentName {
        SegmentName(first: first, state: state)
    }

    /// The file name.
    var description: String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.count) + digits + state.rawValue
    }

    static func < (left: SegmentName, right: SegmentName) -> Bool {
        // Of a segment that is there twice, the sealed one comes last and wins.
        left.first != right.first
            ? left.first < right.first : left.state == .open && right.state == .sealed
    }
}

/// The data directory: where things are in it.
struct LogDirectory {
    let path: String

    var events: String { path + "/events" }
    var damaged: String { path + "/damaged" }
    var lock: String { path + "/lock" }
    var synced: String { path + "/synced" }

    func path(of segment: SegmentName) -> String {
        "\(events)/\(segment)"
    }

    /// The segments, in order of their sequences; none if there is no directory yet.
    func segments() throws(SystemError) -> [SegmentName] {
        var names: [SegmentName] = []
        for name in try Directory.list(events) {
            guard let segment = SegmentName(name) else { continue }
            names.append(segment)
        }
        names.sort()
        // An open segment beside its sealed self is what a crash in the middle of a copy leaves.
        var unique: [SegmentName] = []
        for name in names {
            if unique.last?.first == name.first { unique.removeLast() }
            unique.append(name)
        }
        return unique
    }
}
