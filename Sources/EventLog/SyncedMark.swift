internal import Glibc
internal import POSIX

/// `DATA/synced`: the highest sequence that is known to be synced. Sixteen bytes, the sequence and
/// its complement, both in the machine's order.
///
/// It is written after each sync of the log, so it is never ahead of the log, only behind. Readers in
/// other processes go up to it, and what is missing or damaged up to it was promised. It is synced
/// itself before a segment is sealed: when that is deleted some day, its sequences are still known.
struct SyncedMark: ~Copyable, Sendable {
    private let disk: any Storage
    private let file: OpenFile
    private static let bytes = 16

    /// Opens the mark of `directory` for writing.
    init(_ directory: LogDirectory) throws(SystemError) {
        disk = directory.disk
        file = try disk.open(directory.synced, .changingOrNew)
    }

    deinit {
        disk.close(file)
    }

    /// Says that everything up to `sequence` is synced. False if that failed; the mark then stays
    /// behind, which is no lie.
    func store(_ sequence: UInt64) -> Bool {
        do throws(SystemError) {
            try Self.write(sequence, to: file, on: disk)
            return true
        } catch {
            return false
        }
    }

    /// Says it, and makes it survive a power loss. Through a descriptor of its own, which is never
    /// synced again.
    static func persist(
        _ sequence: UInt64, in directory: LogDirectory
    ) throws(SystemError) {
        let file = try directory.disk.open(directory.synced, .changingOrNew)
        defer { directory.disk.close(file) }
        try write(sequence, to: file, on: directory.disk)
        try directory.disk.sync(file)
        try directory.disk.syncDirectory(directory.path)
    }

    private static func write(
        _ sequence: UInt64, to file: OpenFile, on disk: any Storage
    ) throws(SystemError) {
        var words = (sequence, ~sequence)
        try withUnsafeBytes(of: &words) { word throws(SystemError) in
            let count = try disk.retrying { () throws(SystemError) in
                try disk.overwrite(word, in: file, at: 0)
            }
            guard count == bytes else { throw SystemError("write", file.path, code: EIO) }
        }
    }

    /// What the mark of `directory` says; nil if there is none.
    static func read(_ directory: LogDirectory) throws(SystemError) -> UInt64? {
        let file: OpenFile
        do throws(SystemError) {
            file = try directory.disk.open(directory.synced, .reading)
        } catch {
            // Any other error must not pass for a log in which nothing was ever synced.
            if error.code == ENOENT { return nil }
            throw error
        }
        defer { directory.disk.close(file) }
        // A look may fall between the two words of a write; the next one finds them equal.
        for _ in 0..<100 {
            var words: (UInt64, UInt64) = (0, 0)
            let count = try withUnsafeMutableBytes(of: &words) { word throws(SystemError) in
                try directory.disk.readAll(file, into: word, at: 0)
            }
            if count == bytes, words.0 == ~words.1, words.0 < .max { return words.0 }
        }
        // Not a mark, so nothing is known to be synced.
        return 0
    }
}
