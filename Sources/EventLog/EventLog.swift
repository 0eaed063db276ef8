internal import Glibc
public import POSIX

/// The append-only log: every event on local disk, in sequence, each line with its own proof.
///
/// Loops append a batch at the end of each turn; one thread of the log syncs while anything is
/// written and not yet synced (group commit), and tells how far the log is durable.
public final class EventLog: Sendable {
    /// What became of a batch.
    public enum Appended: Equatable, Sendable {
        /// Every line up to this sequence may be acknowledged now.
        case stored(through: UInt64)
        /// They may be acknowledged when `Progress` says so.
        case pending(through: UInt64)
        /// None was taken.
        case refused(Refusal)
    }

    /// Why a batch was not taken.
    public enum Refusal: Equatable, Sendable, CustomStringConvertible {
        /// Too many bytes wait for their sync.
        case backlog
        /// The disk is almost full.
        case full(freeBytes: Int, lowWaterBytes: Int)
        /// The disk fails.
        case failing(SystemError)

        /// One line.
        public var description: String {
            switch self {
            case .backlog: "the disk is too slow: the backlog is full"
            case .full(let free, let low):
                "the disk is almost full: \(free) bytes are free, the low-water mark is \(low)"
            case .failing(let error): error.description
            }
        }
    }

    /// What the log's thread tells about pending lines.
    public enum Progress: Equatable, Sendable {
        /// All up to this sequence may be acknowledged.
        case stored(through: UInt64)
        /// All after this sequence could not be stored, and their sequences are given out again.
        case lost(after: UInt64)
    }

    /// Receives progress, on the log's thread.
    public typealias ProgressHandler = @Sendable (Progress) -> Void
    /// Receives notices, on the log's thread or that of `init`.
    public typealias NoticeHandler = @Sendable (LogNotice) -> Void

    let options: LogOptions
    let directory: LogDirectory
    let monitor: Monitor<State>
    private let thread: Thread
    private let compressor: (work: Compressor, thread: Thread)?

    /// Bytes of unsynced lines at which a sync does not wait for the interval's end.
    static let unsyncedBytesMax = 8 << 20
    /// Seconds between attempts to write again after the disk has failed.
    static let retrySeconds = 1.0

    /// Opens the log for writing: takes the lock, brings what a killed process left into order.
    public init(
        _ options: LogOptions, progress: @escaping ProgressHandler,
        notice: @escaping NoticeHandler
    ) throws(EventLogError) {
        let directory = LogDirectory(path: options.directory)
        do throws(SystemError) {
            try Directory.make(directory.events)
        } catch {
            throw .system(error)
        }
        let lock = try DirectoryLock(directory.lock, of: directory.path)
        do throws(SystemError) {
            let next = try Recovery(directory, notice: notice).run()
            let space = try FreeSpace(of: directory.events, options)
            let monitor = Monitor(State(next: next, space: space))
            let mark = try SyncedMark(directory.synced, synced: next - 1)
            let committer = Committer(
                options: options, directory: directory, monitor: monitor,
                progress: progress, notice: notice)
            let claim = DirectoryClaim(lock: lock, mark: mark)
            thread = try Thread(name: "log-sync") { committer.run(claim) }
            compressor = try options.compressAfterSeconds.map { seconds throws(SystemError) in
                let work = Compressor(
                    directory: directory, afterSeconds: seconds, notice: notice)
                return (work, try Thread(name: "log-compress") { work.run() })
            }
            self.options = options
            self.directory = directory
            self.monitor = monitor
        } catch {
            throw .system(error)
        }
    }

    /// Appends the lines of `batch` and empties it. Any thread; blocks for one write at most.
    public func append(_ batch: inout Batch) -> Appended {
        defer { batch.removeAll() }
        return monitor.withLock { state in
            let hasRoom = state.space.take(batch.bytes)
            if let refusal = state.refusal { return .refused(refusal) }
            assert(hasRoom, "a disk without room refuses")
            if state.retained.bytes + batch.bytes > options.backlogBytesMax {
                return .refused(.backlog)
            }
            state.append(batch, options, directory)
            let last = state.nextSequence - 1
            if options.durability != .commit, !state.mustSync {
                state.acknowledgedSequence = last
                // The thread sleeps until the interval's end unless much has piled up.
                if state.retained.bytes > Self.unsyncedBytesMax { monitor.notify() }
                return .stored(through: last)
            }
            monitor.notify()
            return .pending(through: last)
        }
    }

    /// Why the log accepts nothing at present; nil if it does.
    public var refusal: Refusal? {
        monitor.withLock { $0.refusal }
    }

    /// Syncs and seals what was appended, and ends the log's thread. No append may follow. Whether
    /// everything that was acknowledged is on disk.
    public func close() -> Bool {
        compressor?.work.stop()
        compressor?.thread.join()
        monitor.withLock { $0.isClosing = true }
        monitor.notify()
        thread.join()
        return monitor.withLock { $0.acknowledgedSequence <= $0.syncedSequence }
    }

    /// What the appending threads and the log's thread share.
    struct State: ~Copyable {
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
        /// Whether a segment's directory entry is not yet synced: nothing in it may be
        /// acknowledged.
        var hasNewEntry = false
        /// A failed write: the log's thread has to bring the retained lines into a new segment.
        var writeFailure: SystemError?
        /// Set while the disk fails: nothing is accepted.
        var failure: SystemError?
        /// The room on the disk; without, nothing is accepted either.
        var space: FreeSpace
        var isClosing = false

        init(next: UInt64, space: FreeSpace) {
            self.space = space
            nextSequence = next
            syncedSequence = next - 1
            acknowledgedSequence = next - 1
        }

        /// Whether even `interval` has to wait for the log's thread.
        var mustSync: Bool { hasNewEntry || writeFailure != nil }
        var hasUnsynced: Bool { nextSequence > syncedSequence + 1 }
        /// Why nothing is accepted.
        var refusal: Refusal? {
            if let failure { return .failing(failure) }
            if !space.isLow { return nil }
            return .full(freeBytes: space.bytes, lowWaterBytes: space.lowWaterBytes)
        }

        /// Gives the lines their sequences and writes them. A failure is left to the log's thread.
        mutating func append(
            _ batch: borrowing Batch, _ options: LogOptions, _ directory: LogDirectory
        ) {
            if let segment, segment.size + batch.bytes > options.segmentBytesMax, segment.size > 0 {
                finishSegment()
            }
            if segment == nil, writeFailure == nil {
                do throws(SystemError) {
                    let name = SegmentName(first: nextSequence, state: .open)
                    segment = try SegmentFile(name: name, path: directory.path(of: name))
                    hasNewEntry = true
                } catch {
                    writeFailure = error
                }
            }
            var failure = writeFailure
            retained.append(batch, from: nextSequence, synced: syncedSequence) { bytes in
                guard failure == nil else { return }
                do throws(SystemError) {
                    try segment?.append(bytes, preallocating: options.preallocatedBytes)
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
}

/// What says in the directory that this process writes to it. It lives as long as the thread that
/// does.
final class DirectoryClaim: Sendable {
    let lock: DirectoryLock
    let mark: SyncedMark

    init(lock: consuming DirectoryLock, mark: consuming SyncedMark) {
        self.lock = lock
        self.mark = mark
    }
}
