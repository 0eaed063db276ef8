/// Why a hit is taken for a program's: a part of a text that is there as long as the process.
struct BotReason: Equatable, Sendable {
    private let text: StaticString
    private let start: Int32
    private let count: Int32

    /// It is not.
    static let none = BotReason("")

    /// The whole text.
    init(_ text: StaticString) {
        self.init(text, 0..<text.utf8CodeUnitCount)
    }

    /// A part of it.
    init(_ text: StaticString, _ range: Range<Int>) {
        self.text = text
        start = Int32(range.lowerBound)
        count = Int32(range.count)
    }

    /// The reason as it is stored; empty if there is none.
    var bytes: Span<UInt8> {
        @_lifetime(immortal)
        get {
            let bytes = UnsafeBufferPointer(start: text.utf8Start + Int(start), count: Int(count))
            return _overrideLifetime(bytes.span, copying: ())
        }
    }

    static func == (one: BotReason, other: BotReason) -> Bool {
        one.text.utf8Start + Int(one.start) == other.text.utf8Start + Int(other.start)
            && one.count == other.count
    }
}
