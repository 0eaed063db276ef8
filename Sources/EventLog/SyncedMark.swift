internal import POSIX

/// `DATA/synced`: the highest sequence that is known to be synced. Sixteen bytes, the sequence and
/// its complement, both in the machine's order.
///
/// It is written after each sync and not synced itself: what the disk has of it is never ahead of
/// the log, only behind. Readers in other processes go up to it, and what is missing or damaged up
/// to it was promised.
struct SyncedMark: ~Copyable, Sendable {
    private let disk: any Storage
    private let file: OpenFile
    private static let bytes = 16

    /// Opens the mark of `directory` for writing, and says that `sequence` is synced.
    init(_ directory: LogDirectory, synced sequence: UInt64) throws(SystemError) {
        disk = directory.disk
        file = try disk.open(directory.synced, .changingOrNew)
        store(sequence)
    }

    deinit {
        disk.close(file)
    }

    /// Says that everything up to `sequence` is synced. On a full disk the mark may stay behind,
    /// which is no lie.
    func store(_ sequence: UInt64) {
        var words = (sequence, ~sequence)
        withUnsafeBytes(of: &words) { _ = try? disk.overwrite($0, in: file, at: 0) }
    }

    /// What the mark of `directory` says; nil if there is none.
    static func read(_ directory: LogDirectory) -> UInt64? {
        guard let file = try? directory.disk.open(directory.synced, .reading) else { return nil }
        defer { directory.disk.close(file) }
        // A look may fall between the two words of a write; the next one finds them equal.
        for _ in 0..<100 {
            var words: (UInt64, UInt64) = (0, 0)
            let count = withUnsafeMutableBytes(of: &words) {
                (try? directory.disk.readAll(file, into: $0, at: 0)) ?? 0
            }
            if count == bytes, words.0 == ~words.1 { return words.0 }
        }
        // Not a mark, so nothing is known to be synced.
        return 0
    }
}
