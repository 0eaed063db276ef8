internal import POSIX

/// Damaged events that a repair has taken out of the log and put into `damaged/`. The name of a
/// file there tells which: `….events-5-6`.
struct SetAside {
    private var sequences: [ClosedRange<UInt64>] = []

    /// What lies in the `damaged/` of `directory`.
    init(_ directory: LogDirectory) throws(SystemError) {
        for name in try directory.disk.list(directory.damaged) {
            guard let label = name.split(separator: ".").last, label.hasPrefix("events-") else {
                continue
            }
            let numbers = label.split(separator: "-").dropFirst().compactMap { UInt64($0) }
            if numbers.count == 2, numbers[0] <= numbers[1] {
                sequences.append(numbers[0]...numbers[1])
            }
        }
    }

    /// The end of the name of a file that has these events; empty if there are none.
    static func label(_ lost: Range<UInt64>) -> String {
        lost.isEmpty ? "" : ".events-\(lost.lowerBound)-\(lost.upperBound - 1)"
    }

    /// Whether all of these are accounted for.
    func contains(_ lost: Range<UInt64>) -> Bool {
        var next = lost.lowerBound
        for range in sequences.sorted(by: { $0.lowerBound < $1.lowerBound })
        where range.contains(next) {
            next = range.upperBound + 1
        }
        return next >= lost.upperBound
    }
}

extension LogDirectory {
    /// Copies bytes of the file at `path` to `damaged/`, where they survive a power loss. Where they
    /// are then.
    func keepAside(
        _ range: Range<Int>, of path: String, as name: String
    ) throws(SystemError) -> String {
        try disk.makeDirectories(damaged)
        let target = "\(damaged)/\(name)"
        let copy = try disk.open(target, .replacing)
        defer { disk.close(copy) }
        try disk.forEachPiece(of: path, in: range) { piece, _ throws(SystemError) in
            try disk.appendAll(piece, to: copy)
        }
        try disk.sync(copy)
        try disk.syncDirectory(damaged)
        return target
    }
}
