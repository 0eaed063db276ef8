internal import Glibc
internal import POSIX

/// `DATA/synced`: the highest synced sequence, for readers in other processes. Sixteen bytes, the
/// sequence and its complement, both in the machine's order.
///
/// It is written after each sync and not synced itself: what the disk has of it is never ahead of
/// the log, only behind.
struct SyncedMark: ~Copyable {
    private let descriptor: Int32
    private static let bytes = 16

    /// Opens the mark at `path` for writing, and says that `sequence` is synced.
    init(_ path: String, synced sequence: UInt64) throws(SystemError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        store(sequence)
    }

    deinit {
        close(descriptor)
    }

    /// Says that everything up to `sequence` is synced. On a full disk the mark may stay behind,
    /// which is no lie.
    func store(_ sequence: UInt64) {
        var words = (sequence, ~sequence)
        _ = withUnsafeBytes(of: &words) { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// What the mark at `path` says; nil if there is none.
    static func read(_ path: String) -> UInt64? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // A look may fall between the two words of a write; the next one finds them equal.
        for _ in 0..<100 {
            var words: (UInt64, UInt64) = (0, 0)
            let count = withUnsafeMutableBytes(of: &words) {
                pread(descriptor, $0.baseAddress, $0.count, 0)
            }
            if count == bytes, words.0 == ~words.1 { return words.0 }
        }
        // Not a mark, so nothing is known to be synced.
        return 0
    }
}
