internal import Glibc
internal import POSIX

/// `DATA/synced`: the highest synced sequence, for readers in other processes. Sixteen bytes, the
/// sequence and its complement, both in the machine's order.
///
/// The writer stores it through a mapping after each sync, which costs no system call. Because it
/// is stored after the sync, what the disk has of it is never ahead of the log, only behind.
// @unchecked: only the log's thread stores, and the mapping lives as long as the value.
struct SyncedMark: ~Copyable, @unchecked Sendable {
    private let words: UnsafeMutablePointer<UInt64>
    private static let bytes = 16

    /// Opens the mark at `path` for writing, and says that `sequence` is synced.
    init(_ path: String, synced sequence: UInt64) throws(SystemError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, off_t(Self.bytes)) == 0 else {
            throw SystemError("truncate", path)
        }
        let mapping = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { throw SystemError("map", path) }
        words = mapping.bindMemory(to: UInt64.self, capacity: 2)
        store(sequence)
    }

    deinit {
        munmap(words, Self.bytes)
    }

    /// Says that everything up to `sequence` is synced.
    func store(_ sequence: UInt64) {
        words[0] = sequence
        words[1] = ~sequence
    }

    /// What the mark at `path` says; nil if there is none.
    static func read(_ path: String) -> UInt64? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // The two words are not stored at once; a second look finds them equal.
        for _ in 0..<100 {
            var words: (UInt64, UInt64) = (0, 0)
            let count = withUnsafeMutableBytes(of: &words) {
                pread(descriptor, $0.baseAddress, $0.count, 0)
            }
            if count == bytes, words.0 == ~words.1 { return words.0 }
        }
        return 0
    }
}
