import Bytes
import TestSupport
import Testing

@Suite struct EightBytesTests {
    /// A question to eight bytes, and the same of one byte.
    struct Question: Sendable {
        let name: String
        let marks: @Sendable (EightBytes) -> EightBytes.Marks
        let isMarked: @Sendable (UInt8) -> Bool
    }

    /// Where bytes beyond ASCII may be marked or not, the answer leaves them out or takes them in.
    static let questions = [
        Question(name: "controls", marks: { $0.ascii($0.below(0x20) | $0.equal(0x7f)) }) {
            $0 < 0x20 || $0 == 0x7f
        },
        Question(name: "below the limit", marks: { $0.ascii($0.below(0x80)) }) { $0 < 0x80 },
        Question(name: "one byte", marks: { $0.ascii($0.equal(0x25)) }) { $0 == 0x25 },
        Question(name: "two bytes", marks: { $0.equal(0) | $0.equal(0x5c) | $0.beyondASCII }) {
            $0 == 0 || $0 == 0x5c || $0 >= 0x80
        },
    ]

    @Test("the first mark is where a look at each byte finds it", arguments: questions.indices)
    func marks(_ index: Int) {
        let question = Self.questions[index]
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let edges: [UInt8] = [
            0, 1, 0x1f, 0x20, 0x21, 0x24, 0x25, 0x26, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0x81,
            0xa5, 0xdc, 0xff,
        ]
        for _ in 0..<100_000 {
            let bytes = (0..<8).map { _ in
                Bool.random(using: &random)
                    ? edges[Int.random(in: 0..<edges.count, using: &random)]
                    : UInt8.random(in: 0x26...0x5b, using: &random)
            }
            let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let expected = bytes.firstIndex { question.isMarked($0) } ?? 8
            if question.marks(EightBytes(word)).first != expected {
                Issue.record("\(question.name): \(bytes)")
                return
            }
        }
    }
}

@Suite struct HexadecimalTests {
    private static func word(_ text: String) -> UInt64 {
        text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    @Test(
        "a number is written and read in eight digits",
        arguments: [
            (UInt32(0), "00000000"), (0x0123_4567, "01234567"), (0x89ab_cdef, "89abcdef"),
            (.max, "ffffffff"), (0x9a00_0a9f, "9a000a9f"),
        ])
    func digits(_ number: UInt32, _ text: String) {
        #expect(Hexadecimal.digits(of: number) == Self.word(text))
        #expect(Hexadecimal.number(digits: Self.word(text)) == number)
        #expect(Hexadecimal.number(digits: Self.word(text.uppercased())) == number)
    }

    @Test("eight digits are a number only if each is a digit by itself")
    func refuses() {
        for place in 0..<8 {
            for byte in 0...UInt8.max {
                let word =
                    Self.word("1fA0c9D2") & ~(0xff << UInt64(8 * place))
                    | UInt64(byte) << UInt64(8 * place)
                let number = Hexadecimal.number(digits: word)
                let value = Hexadecimal.value(of: byte)
                #expect((number == nil) == (value == nil))
                if let number, let value {
                    #expect(number >> UInt32(28 - 4 * place) & 0xf == UInt32(value))
                }
            }
        }
    }
}
