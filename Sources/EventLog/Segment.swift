internal import POSIX

/// The name of a segment: the sequence of its first line in 20 digits, and what state it is in.
struct SegmentName: Hashable, Comparable, CustomStringConvertible {
    /// What a segment's ending tells.
    enum State: String {
        /// It is being written, or its writer was killed.
        case open = ".ndjson.open"
        /// It is whole and synced.
        case sealed = ".ndjson"
        /// It is whole and synced, and compressed.
        case compressed = ".ndjson.zst"

        /// Of a segment that is there twice, the state with the higher rank counts.
        var rank: Int {
            switch self {
            case .open: 0
            case .compressed: 1
            case .sealed: 2
            }
        }

        /// The states that a segment can have later.
        var later: [State] {
            switch self {
            case .open: [.sealed, .compressed]
            case .sealed: [.compressed]
            case .compressed: []
            }
        }
    }

    /// The sequence of the segment's first line.
    let first: UInt64
    let state: State

    /// Reads a file name; nil for anything that is not a segment.
    init?(_ fileName: String) {
        let digits = fileName.prefix(20)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let first = UInt64(digits), first > 0, first < .max,
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
        left.first != right.first
            ? left.first < right.first : left.state.rank < right.state.rank
    }
}

/// The data directory: where things are in it.
package struct LogDirectory: Sendable {
    package let path: String
    /// The disk that it is on.
    package let disk: any Storage

    /// The data directory at `path` of `disk`.
    package init(path: String, disk: any Storage) {
        self.path = path
        self.disk = disk
    }

    /// The one at `path` of this machine.
    package init(path: String) {
        self.init(path: path, disk: POSIXStorage())
    }

    package var events: String { path + "/events" }
    var damaged: String { path + "/damaged" }
    var lock: String { path + "/lock" }
    var synced: String { path + "/synced" }

    func path(of segment: SegmentName) -> String {
        "\(events)/\(segment)"
    }

    /// Where a segment is made that takes over from one whose disk failed.
    var takeover: String { "\(events)/.takeover.tmp" }

    /// Where a segment is made that gets its name when it is whole.
    func temporary(for segment: SegmentName) -> String { "\(events)/.\(segment).tmp" }

    /// The files that a killed process had not finished.
    func temporaries() throws(SystemError) -> [String] {
        try disk.list(events).filter { $0.hasPrefix(".") && $0.hasSuffix(".tmp") }
            .map { "\(events)/\($0)" }
    }

    /// The segments, in order of their sequences; none if there is no directory yet.
    func segments() throws(SystemError) -> [SegmentName] {
        var names: [SegmentName] = []
        for name in try disk.list(events) {
            guard let segment = SegmentName(name) else { continue }
            names.append(segment)
        }
        names.sort()
        // A plain segment beside its compressed self is what a crash in between leaves.
        var unique: [SegmentName] = []
        for name in names {
            if unique.last?.first == name.first { unique.removeLast() }
            unique.append(name)
        }
        return unique
    }

    /// A reader of a segment as it is now: since it was listed it may have been sealed or
    /// compressed. Offsets are those of the plain file. Nil if it is gone.
    func reader(
        of segment: SegmentName, offset: Int = 0
    ) throws(SystemError) -> (name: SegmentName, lines: LineReader)? {
        for state in [segment.state] + segment.state.later {
            let name = segment.with(state)
            if let lines = try LineReader(path(of: name), on: disk, offset: offset) {
                return (name, lines)
            }
        }
        return nil
    }
}
