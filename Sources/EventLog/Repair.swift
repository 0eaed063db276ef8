internal import POSIX

/// Takes damage out of a log, so that whoever reads the files finds whole lines only.
///
/// The damaged bytes are kept in `damaged/`. The segment is written again without them under a
/// temporary name that then takes its place, so that a crash at any point leaves one or the other.
/// What was lost stays lost: sequences are never given out again.
public struct Repair {
    private let directory: LogDirectory
    private let report: (String) -> Void

    /// Repairs the log in `directory`, which nobody else may write to meanwhile, and tells `report`
    /// each thing that was done, in words.
    public static func run(
        directory: String, report: @escaping (String) -> Void
    ) throws(EventLogError) {
        let directory = LogDirectory(path: directory, disk: POSIXStorage())
        let lock = try DirectoryLock(directory.lock, of: directory.path)
        defer { withExtendedLifetime(lock) {} }
        do throws(SystemError) {
            try Repair(directory: directory, report: report).run()
        } catch {
            throw .system(error)
        }
    }

    init(directory: LogDirectory, report: @escaping (String) -> Void) {
        self.directory = directory
        self.report = report
    }

    private var disk: any Storage { directory.disk }

    func run() throws(SystemError) {
        // What a killed process has left is brought into order as at any start.
        let next = try Recovery(directory) { report($0.description) }.run()
        try SyncedMark.persist(next - 1, in: directory)
        for (segment, findings) in try findings() where segment.state == .compressed {
            if findings.contains(where: { $0.kind == .undecodable || !$0.bytes.isEmpty }) {
                try decompress(segment, findings)
            }
        }
        for (segment, findings) in try findings() {
            try takeOut(Damage.of(findings), of: segment)
        }
    }

    private func findings() throws(SystemError) -> [(SegmentName, [Finding])] {
        var all: [(SegmentName, [Finding])] = []
        _ = try Verification.run(directory) { segment, finding in
            if all.last?.0 == segment {
                all[all.count - 1].1.append(finding)
            } else {
                all.append((segment, [finding]))
            }
        }
        return all
    }

    /// Adjacent damaged bytes, and the events that are lost with them.
    private struct Damage {
        var bytes: Range<Int>
        var lost: Range<UInt64>

        static func of(_ findings: [Finding]) -> [Damage] {
            var all: [Damage] = []
            for finding in findings where !finding.bytes.isEmpty {
                if let last = all.last, last.bytes.upperBound == finding.bytes.lowerBound,
                    finding.lost.isEmpty
                {
                    all[all.count - 1].bytes = last.bytes.lowerBound..<finding.bytes.upperBound
                } else {
                    all.append(Damage(bytes: finding.bytes, lost: finding.lost))
                }
            }
            return all
        }
    }

    /// Puts a plain segment, as far as it can be had, in the place of a compressed one.
    private func decompress(_ segment: SegmentName, _ findings: [Finding]) throws(SystemError) {
        let path = directory.path(of: segment)
        let lost = findings.last { $0.kind == .undecodable }?.lost ?? 0..<0
        let kept = try directory.keepAside(
            0..<(try disk.status(path).bytes), of: path,
            as: "\(segment)\(SetAside.label(lost))")
        let plain = segment.with(.sealed)
        try replace(plain) { copy throws(SystemError) in
            let decoder = ZstandardDecoder(try disk.open(path, .reading), on: disk)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { buffer.deallocate() }
            do throws(SystemError) {
                while case let count = try decoder.read(into: buffer), count > 0 {
                    try disk.appendAll(
                        UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: copy)
                }
            } catch {
                guard error.code == ZstandardDecoder.damaged else { throw error }
            }
        }
        try disk.delete(path)
        let isEmpty = try disk.status(directory.path(of: plain)).bytes == 0
        if isEmpty { try disk.delete(directory.path(of: plain)) }
        try disk.syncDirectory(directory.events)
        report(
            "events/\(segment) is kept in \(kept); "
                + (isEmpty
                    ? "nothing of it could be decompressed"
                    : "events/\(plain) has what could be decompressed"))
    }

    /// Writes a plain segment again without its damaged bytes.
    private func takeOut(_ damage: [Damage], of segment: SegmentName) throws(SystemError) {
        if damage.isEmpty { return }
        let path = directory.path(of: segment)
        for part in damage {
            let kept = try directory.keepAside(
                part.bytes, of: path,
                as: "\(segment).byte-\(part.bytes.lowerBound)\(SetAside.label(part.lost))")
            report(
                "events/\(segment): \(part.bytes.count) bytes from byte \(part.bytes.lowerBound) on "
                    + "are kept in \(kept)")
        }
        let size = try disk.status(path).bytes
        if damage.reduce(0, { $0 + $1.bytes.count }) == size {
            try disk.delete(path)
            try disk.syncDirectory(directory.events)
            return report("events/\(segment): nothing else was in it, so it is gone")
        }
        try replace(segment) { copy throws(SystemError) in
            var start = 0
            for part in damage + [Damage(bytes: size..<size, lost: 0..<0)] {
                try disk.forEachPiece(of: path, in: start..<part.bytes.lowerBound) {
                    piece, _ throws(SystemError) in
                    try disk.appendAll(piece, to: copy)
                }
                start = part.bytes.upperBound
            }
        }
        report("events/\(segment): written again without them")
    }

    /// Puts a new file in the place of a segment.
    private func replace(
        _ segment: SegmentName, _ write: (OpenFile) throws(SystemError) -> Void
    ) throws(SystemError) {
        let temporary = directory.temporary(for: segment)
        let copy = try disk.open(temporary, .replacing)
        defer { disk.close(copy) }
        try write(copy)
        try disk.sync(copy)
        try disk.rename(temporary, to: directory.path(of: segment))
        try disk.syncDirectory(directory.events)
    }
}
