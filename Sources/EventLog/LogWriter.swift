internal import POSIX

/// Appends lines to the newest segment. What the log's thread does is in `Committer`.
///
/// Generic, so that the write, which is on the way of every hit, is a direct call.
final class LogWriter<Disk: Storage>: Sendable {
    let directory: LogDirectory
    let disk: Disk
    let monitor: Monitor<LogState>
    let mark: SyncedMark
    let progress: EventLog.ProgressHandler
    let notice: EventLog.NoticeHandler

    /// Brings the log in `options.directory`, which exists, into order, and begins after its end.
    init(
        _ options: LogOptions, on disk: Disk, progress: @escaping EventLog.ProgressHandler,
        notice: @escaping EventLog.NoticeHandler
    ) throws(SystemError) {
        directory = LogDirectory(path: options.directory, disk: disk)
        let next = try Recovery(directory, notice: notice).run()
        let space = try FreeSpace(of: directory, options)
        monitor = Monitor(LogState(next: next, space: space, options: options))
        try SyncedMark.persist(next - 1, in: directory)
        mark = try SyncedMark(directory)
        self.disk = disk
        self.progress = progress
        self.notice = notice
    }

    /// Appends the lines of `batch`. Any thread; blocks for one write at most.
    func append(_ batch: borrowing Batch) -> EventLog.Appended {
        monitor.withLock { state in
            let hasRoom = state.space.take(batch.bytes)
            if let refusal = state.refusal { return .refused(refusal) }
            assert(hasRoom, "a disk without room refuses")
            if state.retained.bytes + batch.bytes > state.options.backlogBytesMax {
                return .refused(.backlog)
            }
            state.append(batch, directory, disk)
            let last = state.nextSequence - 1
            if state.options.durability != .commit, !state.mustSync {
                state.acknowledgedSequence = last
                // The thread sleeps until the interval's end unless much has piled up.
                if state.retained.bytes > LogState.unsyncedBytesMax { monitor.notify() }
                return .stored(through: last)
            }
            monitor.notify()
            return .pending(through: last)
        }
    }

    /// Why the log accepts nothing at present; nil if it does. Any thread.
    var refusal: EventLog.Refusal? {
        monitor.withLock { $0.refusal }
    }

    /// What is known of the log now. Any thread.
    var figures: LogFigures {
        monitor.withLock { LogFigures($0) }
    }

    /// Lets the next line begin a new segment, and seals the present one. Any thread.
    func roll() {
        monitor.withLock { state in
            if let segment = state.segment, segment.size > 0 { state.finishSegment() }
        }
        monitor.notify()
    }

    /// Goes by these options from now on, but for the directory. Any thread.
    func update(_ options: LogOptions) throws(SystemError) {
        let space = try FreeSpace(of: directory, options)
        monitor.withLock { state in
            state.options = options
            state.space.setMarks(of: space)
        }
        monitor.notify()
    }

    /// Lets `run()` end when everything is synced and sealed. Any thread.
    func beginClosing() {
        monitor.withLock { $0.isClosing = true }
        monitor.notify()
    }

    /// Whether nothing that was acknowledged waits for its sync. Any thread.
    var isAcknowledgedSynced: Bool {
        monitor.withLock { $0.acknowledgedSequence <= $0.syncedSequence }
    }
}

/// What the appending threads and the log's thread share.
struct LogState: ~Copyable {
    /// How the log is kept.
    var options: LogOptions
    /// The segment that lines are appended to; nil before the first line.
    var segment: SegmentFile?
    /// Full segments that wait for their last sync, in order.
    var finished: [SegmentFile] = []
    /// The sequence of the next line.
    var nextSequence: UInt64
    /// The highest sequence known to be on disk.
    var syncedSequence: UInt64
    /// The highest sequence that was acknowledged before its sync.
    var acknowledgedSequence: UInt64
    /// Lines that are not yet synced.
    var retained = RetainedLines()
    /// Whether a segment's directory entry is not yet synced: nothing in it may be acknowledged.
    var hasNewEntry = false
    /// Whether `DATA/synced` tells what is synced.
    var isMarked = true
    /// A failed write: the log's thread has to bring the retained lines into a new segment.
    var writeFailure: SystemError?
    /// Set while the disk fails: nothing is accepted.
    var failure: SystemError?
    /// The room on the disk; without, nothing is accepted either.
    var space: FreeSpace
    /// When that was measured by the log's thread, on the monotonic clock.
    var measuredAt = -Double.infinity
    var isClosing = false
    /// The highest sequence that an earlier process left.
    let foundSequence: UInt64
    /// What was measured; a reference, since the state is copied to be looked at.
    let measurements = LogMeasurements()

    /// Bytes of unsynced lines at which a sync does not wait for the interval's end.
    static let unsyncedBytesMax = 8 << 20

    init(next: UInt64, space: FreeSpace, options: LogOptions) {
        self.options = options
        self.space = space
        nextSequence = next
        foundSequence = next - 1
        syncedSequence = next - 1
        acknowledgedSequence = next - 1
    }

    /// Whether even `interval` has to wait for the log's thread.
    var mustSync: Bool { hasNewEntry || writeFailure != nil }
    var hasUnsynced: Bool { nextSequence > syncedSequence + 1 }
    /// Why nothing is accepted.
    var refusal: EventLog.Refusal? {
        if let failure { return .failing(failure) }
        if !space.isLow { return nil }
        return .full(freeBytes: space.bytes, lowWaterBytes: space.lowWaterBytes)
    }

    /// Gives the lines their sequences and writes them. A failure is left to the log's thread.
    mutating func append(
        _ batch: borrowing Batch, _ directory: LogDirectory, _ disk: some Storage
    ) {
        if let segment, segment.size + batch.bytes > options.segmentBytesMax, segment.size > 0 {
            finishSegment()
        }
        if segment == nil, writeFailure == nil {
            do throws(SystemError) {
                let name = SegmentName(first: nextSequence, state: .open)
                segment = try SegmentFile(name: name, path: directory.path(of: name), on: disk)
                hasNewEntry = true
            } catch {
                writeFailure = error
            }
        }
        var failure = writeFailure
        let preallocatedBytes = options.preallocatedBytes
        retained.append(batch, from: nextSequence, synced: syncedSequence) { bytes in
            guard failure == nil else { return }
            do throws(SystemError) {
                try segment?.append(bytes, preallocating: preallocatedBytes, on: disk)
            } catch {
                failure = error
            }
        }
        writeFailure = failure
        nextSequence += UInt64(batch.count)
    }

    /// Lets the next line begin a new segment.
    mutating func finishSegment() {
        if let segment { finished.append(segment) }
        segment = nil
    }
}
