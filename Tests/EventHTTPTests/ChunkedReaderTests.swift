import Testing

@testable import EventHTTP

@Suite struct ChunkedReaderTests {
    private enum Outcome: Equatable {
        case unfinished
        case refused(RequestRefusal)
        case content(String, rest: String)
    }

    /// Reads `text` in pieces that end at `cuts`.
    private func read(
        _ text: String, cuts: [Int] = [], limits: HTTPLimits = HTTPLimits()
    ) -> Outcome {
        let bytes = Array(text.utf8)
        var reader = ChunkedReader(limits: limits)
        var content: [UInt8] = []
        var used = 0
        do throws(RequestRefusal) {
            var start = 0
            for end in cuts + [bytes.count] {
                used += try bytes[start..<end].withUnsafeBufferPointer {
                    piece throws(RequestRefusal) in
                    try reader.read(piece) { content += $0 }
                }
                start = end
            }
        } catch {
            return .refused(error)
        }
        guard reader.isComplete else { return .unfinished }
        return .content(
            String(decoding: content, as: UTF8.self),
            rest: String(decoding: bytes[used...], as: UTF8.self))
    }

    private static let whole =
        "5\r\nhello\r\nA;name=value;other=\"x\"\r\n, my world\r\n000\r\nTrailer: dropped\r\n\r\n"

    @Test("chunks become the content, and what follows them is left")
    func chunks() {
        #expect(read(Self.whole) == .content("hello, my world", rest: ""))
        #expect(read(Self.whole + "GET /") == .content("hello, my world", rest: "GET /"))
        #expect(read("0\r\n\r\n") == .content("", rest: ""))
    }

    @Test("split at any byte it is the same content, and never whole before its end")
    func split() {
        let count = Self.whole.utf8.count
        for cut in 0...count {
            #expect(read(Self.whole, cuts: [cut]) == .content("hello, my world", rest: ""))
            let start = String(decoding: Self.whole.utf8.prefix(cut), as: UTF8.self)
            if cut < count { #expect(read(start) == .unfinished) }
        }
        #expect(read(Self.whole, cuts: Array(0..<count)) == .content("hello, my world", rest: ""))
    }

    @Test(
        "anything but exact chunks is refused",
        arguments: [
            "\r\n", " 5\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", "5 \r\n", "5 ;a\r\n", "g\r\n",
            ";a\r\n",
            "5\n", "5\rx", "5;a\n", "5;a\0\r\n", "5\r\nhelloX", "5\r\nhello\n", "5\r\nhello\rX",
            "5\r\nhello\r\n\r\n", "0\r\n\n", "0\r\n: x\r\n\r\n", "0\r\n X: y\r\n\r\n",
            "0\r\nX: y\n\r\n", "0\r\nX: \u{1}\r\n\r\n", "0\r\n\rX",
        ])
    func refuses(_ text: String) {
        #expect(read(text) == .refused(.chunk))
    }

    @Test("sizes, size lines and trailers are bounded")
    func limits() {
        var limits = HTTPLimits()
        (limits.bodyBytesMax, limits.headBytesMax) = (16, 100)
        #expect(read("11\r\n", limits: limits) == .refused(.contentTooLarge))
        #expect(read("8\r\n12345678\r\n9", limits: limits) == .refused(.contentTooLarge))
        #expect(read("8\r\n12345678\r\n8\r\n", limits: limits) == .unfinished)
        #expect(
            read(String(repeating: "f", count: 40), limits: limits) == .refused(.contentTooLarge))
        #expect(read(String(repeating: "0", count: 300)) == .refused(.chunk))
        #expect(read("5;" + String(repeating: "a", count: 300)) == .refused(.chunk))
        let trailers = "0\r\n" + String(repeating: "A: b\r\n", count: 40)
        #expect(read(trailers, limits: limits) == .refused(.headTooLarge))
    }
}
