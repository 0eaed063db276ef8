internal import POSIX

/// Brings the log of a process that was killed, or lost its power, into order: at start-up, with
/// the directory locked.
///
/// The segments that were still open are read as one, from the last line that is surely synced on.
/// The first invalid line above the greatest `synced` that any line or `DATA/synced` tells ends the
/// log: what follows was never promised, and is moved aside. An invalid line at or below it is
/// damage to something that was promised: it is reported and stays, and nothing after it is dropped.
struct Recovery {
    private let directory: LogDirectory
    private let notice: (LogNotice) -> Void

    /// Bytes at the end of an open segment that are read at first; more if that is not enough.
    static let windowBytes = 16 << 20

    init(_ directory: LogDirectory, notice: @escaping (LogNotice) -> Void) {
        self.directory = directory
        self.notice = notice
    }

    private var disk: any Storage { directory.disk }

    /// Seals every segment. The sequence of the next line.
    func run() throws(SystemError) -> UInt64 {
        for path in try directory.temporaries() { try disk.delete(path) }
        try deleteEmpty()
        // Before a segment gets its final name, those in front of it have theirs for good: one that
        // is sealed stands for everything before it. Also, a start before this one may have failed
        // just before it could sync what it had renamed.
        try disk.syncDirectory(directory.events)
        let segments = try directory.segments()
        let mark = try SyncedMark.read(directory) ?? 0
        let ends = try sealedEnds(segments)
        let scans = try scanOpen(segments, synced: max(mark, ends.values.max() ?? 0))
        let synced = scans.reduce(max(mark, ends.values.max() ?? 0)) {
            max($0, $1.greatestSynced)
        }
        var last = (segments.first?.first ?? 1) - 1
        var hasEnded = false
        for segment in segments {
            if let end = ends[segment.first] { last = end }
            guard let scan = scans.first(where: { $0.name == segment }) else { continue }
            let end = hasEnded ? nil : End(of: scan, after: last, synced: synced)
            try settle(scan, end)
            if let end { (last, hasEnded) = (end.last, end.isCut) }
        }
        if !scans.isEmpty { try disk.syncDirectory(directory.events) }
        if last < mark {
            let isKnown = try SetAside(directory).contains(last + 1..<mark + 1)
            if !segments.isEmpty, !isKnown { notice(.missing(first: last + 1, last: mark)) }
            last = mark
        }
        return last + 1
    }

    /// Removes segments without a byte. One would stand in the way of the segment that begins with
    /// the same sequence.
    private func deleteEmpty() throws(SystemError) {
        for segment in try directory.segments() where segment.state == .sealed {
            let path = directory.path(of: segment)
            if try disk.status(path).bytes > 0 { continue }
            try disk.delete(path)
            notice(.removedEmpty(file: "events/\(segment)"))
        }
    }

    /// The last sequence of each sealed segment after which that matters: of the last one, and of
    /// those before an open one. They are synced as a whole.
    private func sealedEnds(_ segments: [SegmentName]) throws(SystemError) -> [UInt64: UInt64] {
        var ends: [UInt64: UInt64] = [:]
        for (index, segment) in segments.enumerated() where segment.state != .open {
            let successor = index + 1 < segments.count ? segments[index + 1] : nil
            if let successor, successor.state != .open { continue }
            let end = try lastSequence(of: segment)
            ends[segment.first] = successor.map { min(end, $0.first - 1) } ?? end
        }
        return ends
    }

    /// Reads the open segments as far back as something may be unsynced.
    private func scanOpen(
        _ segments: [SegmentName], synced: UInt64
    ) throws(SystemError) -> [Scan] {
        var scans: [Scan] = []
        for (index, segment) in segments.enumerated() where segment.state == .open {
            let successor = index + 1 < segments.count ? segments[index + 1].first : nil
            scans.append(try scan(segment, before: successor, window: Self.windowBytes))
        }
        for index in scans.indices {
            var window = Self.windowBytes
            // What more is read can only tell of more that is synced.
            while !scans[index].showsAll(
                after: scans.reduce(synced) { max($0, $1.greatestSynced) })
            {
                window *= 4
                scans[index] = try scan(
                    scans[index].name, before: scans[index].limit, window: window)
            }
        }
        return scans
    }

    // MARK: - Reading

    /// What was found in an open segment.
    private struct Scan {
        let name: SegmentName
        let path: String
        /// The sequence from which on its lines stand again in a later segment.
        let limit: UInt64?
        /// Where reading began; the line that this is in does not count.
        let start: Int
        /// Runs of lines of one kind, in order.
        var runs: [Run] = []
        var greatestSynced: UInt64 = 0
        /// Bytes up to the last line that does not stand again in a later segment.
        var bytes: Int

        /// Whether every line after `sequence` was read.
        func showsAll(after sequence: UInt64) -> Bool {
            if start == 0 { return true }
            return runs.contains { $0.isValid && $0.firstSequence <= sequence + 1 }
        }
    }

    /// Adjacent lines that are all valid and consecutive, or one that is invalid.
    private struct Run {
        var isValid: Bool
        var offset: Int
        var lines: Int
        var firstSequence: UInt64
        var damage: LineDamage?
    }

    /// Reads the last `window` bytes of an open segment.
    private func scan(
        _ name: SegmentName, before limit: UInt64?, window: Int
    ) throws(SystemError) -> Scan {
        let path = directory.path(of: name)
        let start = max(0, try disk.status(path).bytes - window)
        var scan = Scan(name: name, path: path, limit: limit, start: start, bytes: start)
        guard let reader = try LineReader(path, on: disk, offset: start) else { return scan }
        var expected = start == 0 ? name.first : 0
        while try reader.next({ line in
            if line.offset == start, start > 0 {
                scan.bytes = line.offset + line.length
                return
            }
            var run = Run(
                isValid: false, offset: line.offset, lines: 1, firstSequence: expected)
            switch line.verdict {
            case .valid(let sequence, let synced) where sequence >= expected:
                expected = sequence + 1
                if let limit, sequence >= limit { return }
                scan.greatestSynced = max(scan.greatestSynced, synced ?? 0)
                run.isValid = true
                run.firstSequence = sequence
            case .valid: run.damage = .wrongSum
            case .invalid(let damage):
                if let limit, expected >= limit { return }
                run.damage = damage
            }
            scan.bytes = line.offset + line.length
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

    /// The sequence of the last line of a sealed segment.
    private func lastSequence(of name: SegmentName) throws(SystemError) -> UInt64 {
        let path = directory.path(of: name)
        // The end of a plain file is enough unless nothing in it is valid; an event is shorter.
        let size = name.state == .compressed ? 0 : try disk.status(path).bytes
        for start in [max(0, size - LineReader.lineBytesMax), 0] {
            var last: UInt64?
            var linesAfter: UInt64 = 0
            guard let reader = try LineReader(path, on: disk, offset: start) else { break }
            do throws(SystemError) {
                while try reader.next({ line in
                    if case .valid(let sequence, _) = line.verdict {
                        (last, linesAfter) = (sequence, 0)
                    } else {
                        linesAfter += 1
                    }
                }) {}
            } catch {
                // Damage to what is there is no reason not to go on. DATA/synced knows the rest.
                guard error.code == ZstandardDecoder.damaged else { throw error }
                notice(.undecodable(file: "events/\(name)"))
            }
            if let last { return last + linesAfter }
            if start == 0 { return name.first + linesAfter - 1 }
        }
        return name.first - 1
    }

    // MARK: - Settling

    /// Where the log ends in an open segment.
    private struct End {
        /// The sequence of its last line.
        var last: UInt64
        /// Bytes that belong to the log.
        var bytes: Int
        /// Whether something follows that does not.
        var isCut = false
        /// Lines that were promised and are invalid.
        var damaged: [Run] = []
        /// Where lines begin that may not be on disk yet: in this run, after so many of its lines.
        var unsynced: (run: Run, lines: Int)?

        /// The log before it ends with `previous`.
        init(of scan: Scan, after previous: UInt64, synced: UInt64) {
            last = previous
            bytes = scan.bytes
            if scan.name.first > last + 1 {
                // Segments in front of this one are missing: lost if they were never synced.
                guard scan.name.first <= synced + 1 else {
                    (bytes, isCut) = (0, true)
                    return
                }
                last = scan.name.first - 1
            }
            // In front of the first valid line of a part nothing is known but that it is synced.
            var isKnown = scan.start == 0
            for run in scan.runs {
                // Above what is synced, a hole is a write that was lost.
                let isAfterHole =
                    run.isValid && run.firstSequence > max(last, synced) + 1
                if isAfterHole || (!run.isValid && isKnown && last >= synced) {
                    (bytes, isCut) = (run.offset, true)
                    break
                }
                if run.isValid {
                    isKnown = true
                    last = run.firstSequence + UInt64(run.lines) - 1
                    if last > synced, unsynced == nil {
                        unsynced = (
                            run, Int(max(run.firstSequence, synced + 1) - run.firstSequence)
                        )
                    }
                } else {
                    damaged.append(run)
                    if isKnown { last += 1 }
                }
            }
            if !damaged.isEmpty {
                last = max(last, min(synced, (scan.limit ?? .max) - 1))
            }
        }
    }

    /// Seals a segment that was open, less what follows the end of the log; all of it without one.
    private func settle(_ scan: Scan, _ end: End?) throws(SystemError) {
        let kept = end?.bytes ?? 0
        if let damaged = end?.damaged, !damaged.isEmpty { try report(damaged, in: scan) }
        if kept < scan.bytes { try moveAside(scan, from: kept) }
        if kept == 0 { return try disk.delete(scan.path) }
        try seal(scan, bytes: kept, unsynced: end?.unsynced)
        let sealed = "events/\(scan.name.with(.sealed))"
        notice(.recovered(file: sealed, through: end?.last ?? 0))
    }

    private func seal(
        _ scan: Scan, bytes: Int, unsynced: (run: Run, lines: Int)?
    ) throws(SystemError) {
        let file = try disk.open(scan.path, .changing)
        defer { disk.close(file) }
        try disk.truncate(file, to: bytes)
        if let unsynced {
            let start = try offset(after: unsynced.lines, from: unsynced.run.offset, scan.path)
            try rewrite(scan.path, in: file, from: start, to: bytes)
        }
        try disk.sync(file)
        try disk.rename(scan.path, to: directory.path(of: scan.name.with(.sealed)))
    }

    private func offset(
        after lines: Int, from start: Int, _ path: String
    ) throws(SystemError) -> Int {
        guard let reader = try LineReader(path, on: disk, offset: start) else { return start }
        for _ in 0..<lines where try !reader.next({ _ in }) { break }
        return reader.offset
    }

    /// Writes a part of a file once more, as it is. A sync of the process before may have failed,
    /// after which the kernel takes pages for clean that never reached the disk.
    private func rewrite(
        _ path: String, in file: OpenFile, from start: Int, to end: Int
    ) throws(SystemError) {
        try disk.forEachPiece(of: path, in: start..<end) { piece, offset throws(SystemError) in
            var rest = piece
            while !rest.isEmpty {
                let place = offset + piece.count - rest.count
                let count = try disk.retrying { () throws(SystemError) in
                    try disk.overwrite(rest, in: file, at: place)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    /// Copies the end of a segment to `damaged/`. Done again after a crash, it does the same again.
    private func moveAside(_ scan: Scan, from start: Int) throws(SystemError) {
        let target = try directory.keepAside(
            start..<scan.bytes, of: scan.path,
            as: "\(scan.name.with(.sealed)).from-byte-\(start)")
        notice(.movedAside(bytes: scan.bytes - start, to: target))
    }

    private func report(_ damaged: [Run], in scan: Scan) throws(SystemError) {
        guard let reader = try LineReader(scan.path, on: disk) else { return }
        var rest = damaged[...]
        var number = 0
        while try reader.next({ line in
            number += 1
            guard let run = rest.first, run.offset == line.offset else { return }
            rest.removeFirst()
            notice(
                .damage(
                    file: "events/\(scan.name)", line: number, byte: run.offset,
                    run.damage ?? .wrongSum))
        }), !rest.isEmpty {}
    }
}
