/// Eight bytes as they lie in memory, looked at all at once.
///
/// All machines that Footfall runs on are little endian: the first byte is the lowest.
@frozen public struct EightBytes {
    @usableFromInline let word: UInt64

    /// The bytes of a word that was loaded from memory.
    @inlinable
    public init(_ word: UInt64) {
        self.word = word
    }

    /// Which of the bytes are what was asked for, up to the first of them: the top bit of its
    /// place is set. What is set above it means nothing, because a borrow goes that way. Bytes
    /// beyond ASCII may be marked whatever was asked for.
    @frozen public struct Marks {
        @usableFromInline let bits: UInt64

        @inlinable
        init(bits: UInt64) {
            self.bits = bits
        }

        /// The place of the first mark, from 0 to 7; 8 if there is none.
        @inlinable
        public var first: Int { (bits & EightBytes.tops).trailingZeroBitCount / 8 }

        /// What is marked in either.
        @inlinable
        public static func | (one: Marks, other: Marks) -> Marks {
            Marks(bits: one.bits | other.bits)
        }
    }

    /// Marks bytes below `limit`, which is at most 0x80.
    @inlinable
    public func below(_ limit: UInt8) -> Marks {
        Marks(bits: word &- Self.each(limit))
    }

    /// Marks bytes that are `byte`, an ASCII character.
    @inlinable
    public func equal(_ byte: UInt8) -> Marks {
        Marks(bits: (word ^ Self.each(byte)) &- Self.each(1))
    }

    /// Marks bytes beyond ASCII.
    @inlinable
    public var beyondASCII: Marks { Marks(bits: word) }

    /// Marks bytes that are neither an ASCII letter nor a hyphen.
    @inlinable
    public var exceptLettersAndHyphens: Marks {
        let low = word & ~Self.tops
        let letters =
            Self.atLeast(UInt8(ascii: "a"), low | Self.each(0x20))
            & ~Self.atLeast(UInt8(ascii: "z") + 1, low | Self.each(0x20))
        // A sum that carries into the next byte would mark what should not be: here none does.
        let others = (low ^ Self.each(UInt8(ascii: "-"))) &+ Self.each(0x7f)
        return Marks(bits: others & ~letters | word)
    }

    /// What is marked of the ASCII characters.
    @inlinable
    public func ascii(_ marks: Marks) -> Marks {
        Marks(bits: marks.bits & ~word)
    }

    /// A word of eight times `byte`.
    @inlinable
    static func each(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// A top bit for each byte of `word`, all of them ASCII characters, that is at least `byte`. No
    /// sum carries into the next byte.
    @inlinable
    static func atLeast(_ byte: UInt8, _ word: UInt64) -> UInt64 {
        (word &+ each(0x80 - byte)) & tops
    }

    @inlinable
    static var tops: UInt64 { 0x8080_8080_8080_8080 }
}
