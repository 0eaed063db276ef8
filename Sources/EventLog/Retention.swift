public import POSIX

/// Which sealed segments are deleted, and when.
public struct RetentionOptions: Sendable {
    /// Seconds after a segment's file was last changed from which it goes; nil for never.
    public var ageSeconds: Double?
    /// Bytes of all segments beyond which the oldest ones go; nil for any number.
    public var bytesMax: Int?
    /// Whether, when the disk is almost full, the oldest segments go even if a reader still needs
    /// them. Otherwise the log refuses.
    public var dropsOldest = false
    /// The sequence up to which every reader that has to see the events has done with them, also
    /// after a power loss; on the log's thread.
    public var passed: @Sendable () throws(SystemError) -> UInt64 = { () throws(SystemError) in
        .max
    }

    /// Nothing is deleted.
    public init() {}

    /// Whether anything can ever be deleted.
    var isOn: Bool { ageSeconds != nil || bytesMax != nil || dropsOldest }
}

/// Deletes the oldest sealed segments.
///
/// Always the oldest one first, and the next one only when its end survives a power loss: what is
/// left has no gaps. The newest one stays. Used by the thread that compresses, so that no segment
/// is deleted while it is compressed.
struct Retention: Sendable {
    let directory: LogDirectory
    let options: RetentionOptions
    /// Free bytes below which the oldest segments go, with `dropsOldest`.
    let freeBytesMin: Int
    let notice: EventLog.NoticeHandler

    /// Deletes what is to go now.
    func run() throws(SystemError) {
        guard options.isOn else { return }
        var segments = try directory.segments()
        var sizes = segments.map { bytes(of: $0) }
        var total = sizes.reduce(0, +)
        while segments.count > 1, segments[0].state != .open {
            // Each time: a sink may have been set back meanwhile.
            let last = segments[1].first - 1
            let mustDrop = try isAlmostFull()
            let isTooLarge = total > options.bytesMax ?? .max
            if !mustDrop, !isTooLarge { guard try isTooOld(segments[0]) else { return } }
            let passed = try options.passed()
            guard mustDrop || passed >= last else { return }
            try delete(segments[0])
            if passed < last {
                notice(
                    .droppedUndelivered(
                        file: "events/\(segments[0])", first: max(segments[0].first, passed + 1),
                        last: last))
            } else {
                notice(.deleted(file: "events/\(segments[0])", through: last))
            }
            total -= sizes.removeFirst()
            segments.removeFirst()
        }
    }

    private func bytes(of name: SegmentName) -> Int {
        // One that was given another name since counts at the next look.
        (try? directory.disk.status(directory.path(of: name)).bytes) ?? 0
    }

    private func isTooOld(_ name: SegmentName) throws(SystemError) -> Bool {
        guard let seconds = options.ageSeconds else { return false }
        return try directory.disk.status(directory.path(of: name)).idleSeconds >= seconds
    }

    private func isAlmostFull() throws(SystemError) -> Bool {
        guard options.dropsOldest else { return false }
        return try directory.disk.freeSpace(directory.events).free < freeBytesMin
    }

    private func delete(_ name: SegmentName) throws(SystemError) {
        // A crash may have left it in two states.
        for state in [SegmentName.State.sealed, .compressed] {
            try directory.disk.deleteIfPresent(directory.path(of: name.with(state)))
        }
        try directory.disk.syncDirectory(directory.events)
    }
}
