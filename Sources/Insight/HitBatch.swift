/// Hits that were read and are not yet counted.
///
/// To count a hit is to look at several places of large tables, none of which is in a cache. Each of
/// these looks is done for the whole batch before the next one, so that the processor waits for many
/// of them at a time and not for one after another.
struct HitBatch {
    /// Hits that are counted together.
    static let hitsMax = 64

    /// What is counted of a hit besides its values.
    struct Hit {
        /// The hash of the identifier that the tag has given it.
        let identifier: UInt64?
        /// A hash of when it was received.
        let time: UInt64
        /// The hash of the visitor.
        let visitor: UInt64?
        /// Whether it has given the visitor the identifier.
        let isNew: Bool
        /// The hour of UTC, counted from 1970; 0 if nobody wants to know.
        let hour: Int64
        /// Whether it was sent again, and so does not count.
        var isRetried = false
        /// Whether its visitor was counted before the batch.
        var isKnown = false
    }

    /// A value of a hit, which lies in `bytes`.
    struct Value {
        let hash: UInt64
        let start: Int
        /// -1 if there is no value.
        let count: Int
    }

    /// The hits in order, at most `hitsMax`.
    var hits: [Hit] = []
    /// The values of each hit, one for each dimension.
    private var values: [Value] = []
    private var bytes: [UInt8] = []
    private let dimensions: Int

    init(dimensions: Int) {
        self.dimensions = dimensions
        hits.reserveCapacity(Self.hitsMax)
        values.reserveCapacity(Self.hitsMax * dimensions)
    }

    var isFull: Bool { hits.count == Self.hitsMax }

    /// Adds the value of the next dimension of the next hit, which is copied.
    @inline(__always)
    mutating func append(_ value: UnsafeRawBufferPointer?) {
        guard let value else { return values.append(Value(hash: 0, start: 0, count: -1)) }
        values.append(Value(hash: byteHash(value), start: bytes.count, count: value.count))
        bytes.append(contentsOf: value)
    }

    /// The value of a hit.
    @inline(__always)
    func value(of hit: Int, dimension: Int) -> Value { values[hit * dimensions + dimension] }

    /// Calls `body` with the bytes of a value that there is.
    @inline(__always)
    func withBytes(of value: Value, _ body: (UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { bytes in
            body(UnsafeRawBufferPointer(rebasing: bytes[value.start..<value.start + value.count]))
        }
    }

    /// Makes room for the next ones.
    mutating func removeAll() {
        hits.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}
