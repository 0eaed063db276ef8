internal import POSIX

/// A segment that is being written.
struct SegmentFile {
    let name: SegmentName
    /// When it was begun, on the monotonic clock.
    let begunAt: Double
    /// Bytes that were written.
    private(set) var size = 0
    /// Bytes that are known to be on disk: whole lines.
    var syncedSize = 0
    private(set) var file: OpenFile
    private var allocated = 0

    var path: String { file.path }

    /// Makes a new file at `path`. An existing one is an error, unless it is to be `replacing`.
    init(
        name: SegmentName, path: String, replacing: Bool = false, on disk: some Storage
    ) throws(SystemError) {
        file = try disk.open(path, replacing ? .replacing : .new)
        self.name = name
        begunAt = disk.monotonicSeconds()
    }

    /// Writes all of `bytes` at the end. After an error the file's end is unknown, and nothing
    /// more may be written to it.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer, preallocating step: Int, on disk: some Storage
    ) throws(SystemError) {
        if size + bytes.count > allocated, step > 0 {
            let wanted = max(step, bytes.count)
            do throws(SystemError) {
                try disk.preallocate(file, from: size, bytes: wanted)
                allocated = size + wanted
            } catch {
                // Only to make later syncs cheaper, so a file system that cannot is as good.
                allocated = .max
            }
        }
        try disk.appendAll(bytes, to: file)
        size += bytes.count
    }

    /// The same file after it was given another name.
    func renamed(to path: String) -> SegmentFile {
        var segment = self
        segment.file.path = path
        return segment
    }
}
