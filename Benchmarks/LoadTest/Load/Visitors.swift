import Glibc

/// The simulated visitors of one thread: the cookie that each was given, if any.
///
/// One block of memory, of which a visitor takes `slotBytes`, from the first cookie on.
final class Visitors {
    /// Bytes of a visitor; the first one is the length.
    static let slotBytes = 128
    /// The longest `name=value` that is kept, in bytes.
    static let cookieBytesMax = slotBytes - 1

    let count: Int
    private let slots: UnsafeMutablePointer<UInt8>

    /// Visitors without cookies.
    init(count: Int) {
        self.count = count
        // calloc(3) takes pages from the system that cost nothing until they are touched.
        guard let memory = calloc(max(1, count), Self.slotBytes) else {
            preconditionFailure("no memory for \(count) visitors")
        }
        slots = memory.assumingMemoryBound(to: UInt8.self)
    }

    deinit {
        free(slots)
    }

    /// The cookie of a visitor, `name=value`; empty if it has none. Valid until the next `keep`.
    func cookie(of visitor: Int) -> UnsafeBufferPointer<UInt8> {
        let slot = slots + visitor * Self.slotBytes
        return UnsafeBufferPointer(start: slot + 1, count: Int(slot.pointee))
    }

    /// Keeps a cookie that a visitor was given, in place of the one before. False if it is too long.
    @discardableResult
    func keep(_ cookie: UnsafeBufferPointer<UInt8>, for visitor: Int) -> Bool {
        guard cookie.count <= Self.cookieBytesMax, let source = cookie.baseAddress else {
            return false
        }
        let slot = slots + visitor * Self.slotBytes
        slot.pointee = UInt8(cookie.count)
        (slot + 1).update(from: source, count: cookie.count)
        return true
    }
}
