public import POSIX

/// Reads the events of a log in order, from any process, also while they are being written.
///
/// It never goes past the synced sequence, so nothing that it gave is ever taken back. Damaged
/// lines are passed over; `Verification` tells of them.
public struct LogReader: ~Copyable {
    private let directory: LogDirectory
    /// The sequence of the event that comes next.
    public private(set) var next: UInt64
    /// A segment that begins with this sequence is not read, nor any after it.
    private var end = UInt64.max
    /// The segment that was read last, and how far.
    private var segment: UInt64 = 0
    private var offset = 0
    /// That segment, still open, if it is whole and reading was stopped within it: a compressed one
    /// would have to be decompressed again up to the offset.
    private var kept: LineReader?

    /// Whether a log was ever begun in `directory`.
    public static func exists(in directory: String) -> Bool {
        let directory = LogDirectory(path: directory)
        return (try? directory.disk.exists(directory.events)) == true
    }

    /// The sequence up to which the log in `directory` can be read now, in a segment that is being
    /// written; 0 before anything was synced.
    public static func synced(in directory: String) throws(SystemError) -> UInt64 {
        try synced(in: LogDirectory(path: directory))
    }

    /// The same on any disk.
    package static func synced(in directory: LogDirectory) throws(SystemError) -> UInt64 {
        try SyncedMark.read(directory) ?? 0
    }

    /// The sequence with which the oldest segment of a log begins; nil if there is none.
    package static func first(in directory: LogDirectory) throws(SystemError) -> UInt64? {
        try directory.segments().first?.first
    }

    /// Reads the log in `directory` from `sequence` on.
    public init(directory: String, from sequence: UInt64) {
        self.init(LogDirectory(path: directory), from: sequence)
    }

    /// The same on any disk.
    package init(_ directory: LogDirectory, from sequence: UInt64) {
        self.directory = directory
        next = sequence
    }

    /// Leaves out segments at both ends, after a look at the first event of each, from the last
    /// segment back: those that begin with one that `isLate`, and those in front of the last one
    /// that begins with one that `isEarly`. Both get the line without its newline.
    public mutating func narrow(
        isEarly: (UnsafeRawBufferPointer) -> Bool, isLate: (UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) {
        var isAtEnd = true
        for name in try directory.segments().reversed() {
            var (early, late) = (false, false)
            try visitFirst(of: name) { line in
                (early, late) = (isEarly(line), isLate(line))
            }
            isAtEnd = isAtEnd && late
            if isAtEnd { end = name.first }
            if early {
                next = max(next, name.first)
                return
            }
        }
    }

    /// Calls `body` with the first line of a segment that proves itself, if there is one.
    private func visitFirst(
        of name: SegmentName, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) {
        guard let lines = try directory.reader(of: name)?.lines else { return }
        var isFound = false
        do throws(SystemError) {
            while !isFound,
                try lines.next({ line in
                    guard case .valid = line.verdict else { return }
                    body(line.bytes)
                    isFound = true
                })
            {}
        } catch {
            // Whoever reads the segment is told.
            if error.code != ZstandardDecoder.damaged { throw error }
        }
    }

    /// Calls `visit` with the sequence and the line, without its newline, of each event that can
    /// be read now and was not read before.
    public mutating func read(
        _ visit: (UInt64, UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) {
        try readSome { sequence, line in
            visit(sequence, line)
            return true
        }
    }

    /// The same until `visit` wants no more. The event after which it said so counts as read.
    public mutating func readSome(
        _ visit: (UInt64, UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) {
        while true {
            let segments = try directory.segments()
            guard
                let index = segments.lastIndex(where: { $0.first <= next })
                    ?? segments.indices.first,
                segments[index].first < end
            else { return }
            let successor = index + 1 < segments.count ? segments[index + 1].first : nil
            let isWhole = try read(segments[index], before: successor ?? .max, visit)
            guard isWhole, let successor else { return }
            next = max(next, successor)
        }
    }

    /// Goes on with event `sequence`, if that is still to come.
    public mutating func skip(to sequence: UInt64) {
        next = max(next, sequence)
    }

    /// After an error: goes on behind the segment, if it is a compressed one that is damaged. False if
    /// the error is another one.
    public mutating func pass(_ error: SystemError) throws(SystemError) -> Bool {
        guard error.code == ZstandardDecoder.damaged else { return false }
        if let successor = try directory.segments().first(where: { $0.first > segment }) {
            next = max(next, successor.first)
        } else {
            end = segment
        }
        return true
    }

    /// Calls `visit` with the synced events in the last `bytes` of the log in `directory`, but not
    /// with those in compressed segments: for what has just been written. A segment's events come
    /// in order; the newest segment is the first. False ends it.
    public static func readLast(
        bytes: Int, in directory: String, _ visit: (UInt64, UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) {
        let directory = LogDirectory(path: directory)
        let synced = try synced(in: directory)
        var left = bytes
        var successor = UInt64.max
        var isWanted = true
        for name in try directory.segments().reversed() where name.state != .compressed {
            guard left > 0, isWanted,
                let status = try? directory.disk.status(directory.path(of: name)),
                let lines = try directory.reader(of: name, offset: max(0, status.bytes - left))?
                    .lines
            else { return }
            left -= status.bytes
            var isAtEnd = false
            // The first line may be the rest of one, which proves nothing.
            while isWanted, !isAtEnd,
                try lines.next({ line in
                    isAtEnd = !line.isFinished
                    guard case .valid(let sequence, _) = line.verdict, sequence <= synced,
                        sequence < successor
                    else { return }
                    isWanted = visit(sequence, line.bytes)
                })
            {}
            successor = name.first
        }
    }

    /// Bytes of the files that hold what was not yet read, compressed ones as they are.
    package func bytesLeft() throws(SystemError) -> Int {
        let segments = try directory.segments()
        let current = segments.lastIndex { $0.first <= next } ?? segments.startIndex
        var bytes = 0
        for name in segments[current...] {
            // One that was just given another name counts at the next look.
            guard let status = try? directory.disk.status(directory.path(of: name)) else {
                continue
            }
            let isPartlyRead = name.first == segment && name.state != .compressed
            bytes += max(0, status.bytes - (isPartlyRead ? offset : 0))
        }
        return bytes
    }

    /// Reads on in a segment. False if there is more in it that may not be seen yet, or is not
    /// wanted.
    private mutating func read(
        _ name: SegmentName, before limit: UInt64, _ visit: (UInt64, UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) -> Bool {
        if name.first != segment { (segment, offset, kept) = (name.first, 0, nil) }
        // Without a mark nobody has ever written here: it is a copy of somebody's segments.
        let isOpen = name.state == .open
        let visible = try isOpen ? SyncedMark.read(directory) ?? .max : .max
        var found = kept
        kept = nil
        if found == nil { found = try directory.reader(of: name, offset: offset)?.lines }
        guard let reader = found else { return true }
        var (wanted, end, isAtEnd, isWhole) = (next, offset, false, true)
        var isStopped = false
        // After an error too: what was visited is not visited again.
        defer { (next, offset) = (wanted, end) }
        while !isAtEnd, !isStopped,
            try reader.next({ line in
                if case .valid(let sequence, _) = line.verdict {
                    if sequence >= limit || sequence > visible {
                        isAtEnd = true
                        isWhole = sequence >= limit
                        return
                    }
                    if sequence >= wanted {
                        isStopped = !visit(sequence, line.bytes)
                        wanted = sequence + 1
                    }
                } else if !line.isFinished {
                    isAtEnd = true
                    return
                }
                end = line.offset + line.length
            })
        {}
        if isStopped, !isOpen { kept = reader }
        return isWhole && !isStopped
    }
}
