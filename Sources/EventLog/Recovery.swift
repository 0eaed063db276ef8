internal import Glibc
internal import POSIX

/// Brings the log of a process that was killed, or lost its power, into order: at start-up, with
/// the directory locked.
///
/// The segments that were still open are read as one. The first invalid line above the greatest
/// `synced` of any valid line ends the log: what follows was never promised, and is moved aside.
/// An invalid line at or below it is damage to something that was promised: it is reported and
/// stays, and nothing after it is dropped.
struct Recovery {
    private let directory: LogDirectory
    private let notice: (LogNotice) -> Void

    init(_ directory: LogDirectory, notice: @escaping (LogNotice) -> Void) {
        self.directory = directory
        self.notice = notice
    }

    /// Seals every segment. The sequence of the next line.
    func run() throws(SystemError) -> UInt64 {
        for path in try directory.temporaries() {
            guard unlink(path) == 0 else { throw SystemError("delete", path) }
        }
        let segments = try directory.segments()
        var next: UInt64 = 1
        if let sealed = segments.last(where: { $0.state != .open }) {
            next = try sequenceAfter(sealed)
        }
        let open = segments.filter { $0.state == .open }
        if open.isEmpty { return next }
        let scans = try open.map { segment throws(SystemError) in
            try scan(segment, before: segments.first { $0.first > segment.first }?.first)
        }
        let synced = scans.map(\.greatestSynced).max() ?? 0
        var hasEnded = false
        for scan in scans {
            let settled = try settle(scan, synced: synced, drop: hasEnded)
            if !hasEnded { next = max(next, settled.next) }
            hasEnded = hasEnded || settled.isEnd
        }
        try Directory.sync(directory.events)
        return next
    }

    // MARK: - Reading

    /// What was found in an open segment.
    private struct Scan {
        let name: SegmentName
        let path: String
        /// Runs of lines of one kind, in order.
        var runs: [Run] = []
        var greatestSynced: UInt64 = 0
        var bytes = 0
    }

    /// Adjacent lines that are all valid and consecutive, or all invalid.
    private struct Run {
        var isValid: Bool
        var offset: Int
        var line: Int
        var lines: Int
        var firstSequence: UInt64
        var damage: LineDamage?
    }

    /// Reads an open segment. Lines from sequence `limit` on stand again in a later segment.
    private func scan(_ name: SegmentName, before limit: UInt64?) throws(SystemError) -> Scan {
        let path = directory.path(of: name)
        var scan = Scan(name: name, path: path)
        guard let reader = try LineReader(path) else { return scan }
        var lineNumber = 0
        var expected = name.first
        while try reader.next({ line in
            lineNumber += 1
            scan.bytes = line.offset + line.length
            var run = Run(
                isValid: false, offset: line.offset, line: lineNumber, lines: 1,
                firstSequence: expected)
            switch line.verdict {
            case .valid(let sequence, let synced) where sequence >= expected:
                if let limit, sequence >= limit {
                    expected = sequence + 1
                    return
                }
                scan.greatestSynced = max(scan.greatestSynced, synced ?? 0)
                run.isValid = true
                run.firstSequence = sequence
                expected = sequence + 1
            case .valid: run.damage = .wrongSum
            case .invalid(let damage):
                if let limit, expected >= limit { return }
                run.damage = damage
            }
            if let last = scan.runs.last, last.isValid, run.isValid,
                last.firstSequence + UInt64(last.lines) == run.firstSequence
            {
                scan.runs[scan.runs.count - 1].lines += 1
            } else {
                scan.runs.append(run)
            }
        }) {}
        return scan
    }

    /// The sequence after the last line of a sealed segment.
    private func sequenceAfter(_ name: SegmentName) throws(SystemError) -> UInt64 {
        let path = directory.path(of: name)
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError("stat", path) }
        // The end of a plain file is enough unless nothing in it is valid; an event is shorter.
        let size = name.state == .compressed ? 0 : Int(status.st_size)
        for start in [max(0, size - LineReader.lineBytesMax), 0] {
            var last: UInt64?
            var linesAfter: UInt64 = 0
            guard let reader = try LineReader(path, offset: start) else { break }
            while try reader.next({ line in
                if case .valid(let sequence, _) = line.verdict {
                    (last, linesAfter) = (sequence, 0)
                } else {
                    linesAfter += 1
                }
            }) {}
            if let last { return last + linesAfter + 1 }
            if start == 0 { return name.first + linesAfter }
        }
        return name.first
    }

    // MARK: - Settling

    /// Seals a segment that was open, less what follows the end of the log.
    private func settle(
        _ scan: Scan, synced: UInt64, drop: Bool
    ) throws(SystemError) -> (next: UInt64, isEnd: Bool) {
        var next = scan.name.first
        var end: Int? = drop ? 0 : nil
        var damaged: [Run] = []
        for run in scan.runs where end == nil {
            if run.isValid {
                // A hole above what was synced: a write in front of this one was lost.
                if run.firstSequence > next, run.firstSequence > synced + 1 {
                    end = run.offset
                    break
                }
                next = run.firstSequence + UInt64(run.lines)
            } else if next > synced {
                end = run.offset
            } else {
                damaged.append(run)
                next += 1
            }
        }
        for run in damaged {
            notice(
                .damage(
                    file: "events/\(scan.name)", line: run.line, byte: run.offset,
                    run.damage ?? .wrongSum))
        }
        if let end, end < scan.bytes {
            try moveAside(scan, from: end)
        }
        let kept = end ?? scan.bytes
        if kept == 0 {
            guard unlink(scan.path) == 0 else { throw SystemError("delete", scan.path) }
        } else {
            try seal(scan, bytes: kept)
        }
        if !damaged.isEmpty { next = max(next, synced + 1) }
        if kept > 0 {
            notice(.recovered(file: "events/\(scan.name.with(.sealed))", through: next - 1))
        }
        return (next, end != nil)
    }

    private func seal(_ scan: Scan, bytes: Int) throws(SystemError) {
        let descriptor = open(scan.path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", scan.path) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, off_t(bytes)) == 0 else {
            throw SystemError("truncate", scan.path)
        }
        guard fdatasync(descriptor) == 0 else { throw SystemError("fdatasync", scan.path) }
        let sealed = directory.path(of: scan.name.with(.sealed))
        guard rename(scan.path, sealed) == 0 else { throw SystemError("rename", scan.path) }
    }

    /// Copies the end of a segment to `damaged/`. Done again after a crash, it does the same again.
    private func moveAside(_ scan: Scan, from start: Int) throws(SystemError) {
        try Directory.make(directory.damaged)
        let target = "\(directory.damaged)/\(scan.name.with(.sealed)).from-byte-\(start)"
        let source = open(scan.path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw SystemError("open", scan.path) }
        defer { close(source) }
        let copy = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard copy >= 0 else { throw SystemError("open", target) }
        defer { close(copy) }
        var position = off_t(start)
        while true {
            let moved = sendfile(copy, source, &position, 1 << 20)
            guard moved >= 0 else { throw SystemError("copy to", target) }
            if moved == 0 { break }
        }
        guard fsync(copy) == 0 else { throw SystemError("fsync", target) }
        try Directory.sync(directory.damaged)
        notice(.movedAside(bytes: scan.bytes - start, to: target))
    }
}
