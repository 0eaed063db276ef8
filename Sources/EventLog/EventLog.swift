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

    private let writer: LogWriter<POSIXStorage>
    private let thread: Thread
    private let maintenance: (work: Maintenance, thread: Thread)

    /// Opens the log for writing: takes the lock, brings what a killed process left into order.
    public init(
        _ options: LogOptions, progress: @escaping ProgressHandler,
        notice: @escaping NoticeHandler
    ) throws(EventLogError) {
        let disk = POSIXStorage()
        let directory = LogDirectory(path: options.directory, disk: disk)
        do throws(SystemError) {
            try disk.makeDirectories(directory.events)
        } catch {
            throw .system(error)
        }
        let lock = try DirectoryLock(directory.lock, of: directory.path)
        do throws(SystemError) {
            let writer = try LogWriter(options, on: disk, progress: progress, notice: notice)
            thread = try Thread(name: "log-sync") {
                writer.run()
                // The directory is this process's for as long as the thread writes to it.
                withExtendedLifetime(lock) {}
            }
            let work = try Maintenance(directory, options, notice: notice)
            maintenance = (work, try Thread(name: "log-maintain") { work.run() })
            self.writer = writer
        } catch {
            throw .system(error)
        }
    }

    /// Appends the lines of `batch` and empties it. Any thread; blocks for one write at most.
    public func append(_ batch: inout Batch) -> Appended {
        defer { batch.removeAll() }
        return writer.append(batch)
    }

    /// Why the log accepts nothing at present; nil if it does.
    public var refusal: Refusal? { writer.refusal }

    /// What is known of the log now. Any thread.
    public var figures: LogFigures { writer.figures }

    /// Seals the present segment; the next line begins another. Any thread; does not wait for it.
    public func roll() {
        writer.roll()
    }

    /// Goes by these options from now on, but for the directory, which stays. Any thread.
    public func update(_ options: LogOptions) throws(EventLogError) {
        do throws(SystemError) {
            try writer.update(options)
            try maintenance.work.update(options)
        } catch {
            throw .system(error)
        }
    }

    /// Syncs and seals what was appended, and ends the log's thread. No append may follow. Whether
    /// everything that was acknowledged is on disk.
    public func close() -> Bool {
        maintenance.work.stop()
        maintenance.thread.join()
        writer.beginClosing()
        thread.join()
        return writer.isAcknowledgedSynced
    }
}
