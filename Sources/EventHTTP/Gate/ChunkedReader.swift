/// Takes the chunked coding off a request's content (RFC 9112, section 7.1), strictly.
///
/// Extensions are ignored and trailer fields are dropped; both are bounded.
struct ChunkedReader {
    private enum State {
        case size, extensions, sizeEnd
        case data, dataEnd, dataLineFeed
        case trailerStart, trailer, trailerEnd, lastLineFeed
        case complete
    }

    private var state = State.size
    /// Bytes of the chunk that are still to come.
    private var left = 0
    /// Bytes of the present size line.
    private var lineBytes = 0
    private var hasDigit = false
    private var trailerBytes = 0
    private var total = 0
    private let limits: HTTPLimits

    /// Bytes of a chunk's size with its extensions. More is refused.
    static let sizeLineBytesMax = 256

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Whether the content is whole.
    var isComplete: Bool { state == .complete }

    /// Reads on in `bytes` and gives the content in it to `content`, piece by piece. The number of
    /// bytes that belong to this content; the rest is another request.
    mutating func read(
        _ bytes: UnsafeBufferPointer<UInt8>, content: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(RequestRefusal) -> Int {
        var index = 0
        while index < bytes.count, state != .complete {
            if state == .data {
                let count = min(left, bytes.count - index)
                content(UnsafeBufferPointer(rebasing: bytes[index..<index + count]))
                left -= count
                index += count
                if left == 0 { state = .dataEnd }
                continue
            }
            try take(bytes[index])
            index += 1
        }
        return index
    }

    private mutating func take(_ byte: UInt8) throws(RequestRefusal) {
        switch state {
        case .size: try takeSize(byte)
        case .extensions:
            try countSizeLine()
            if byte == 0x0d {
                state = .sizeEnd
            } else if !Self.isText(byte) {
                throw .chunk
            }
        case .sizeEnd:
            try require(byte, 0x0a)
            state = left > 0 ? .data : .trailerStart
            (lineBytes, hasDigit) = (0, false)
        case .dataEnd:
            try require(byte, 0x0d)
            state = .dataLineFeed
        case .dataLineFeed:
            try require(byte, 0x0a)
            state = .size
        case .trailerStart:
            state = byte == 0x0d ? .lastLineFeed : .trailer
            if state == .trailer { try takeTrailer(byte, isFirst: true) }
        case .trailer: try takeTrailer(byte, isFirst: false)
        case .trailerEnd:
            try require(byte, 0x0a)
            state = .trailerStart
        case .lastLineFeed:
            try require(byte, 0x0a)
            state = .complete
        case .data, .complete: preconditionFailure("the loop takes care of these")
        }
    }

    private mutating func takeSize(_ byte: UInt8) throws(RequestRefusal) {
        try countSizeLine()
        if Characters.isHexadecimal(byte) {
            hasDigit = true
            let digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x61 + 10
            let size = left * 16 + Int(digit)
            guard total + size <= limits.bodyBytesMax else { throw .contentTooLarge }
            left = size
            return
        }
        guard hasDigit else { throw .chunk }
        total += left
        switch byte {
        case 0x0d: state = .sizeEnd
        case UInt8(ascii: ";"): state = .extensions
        default: throw .chunk
        }
    }

    private mutating func countSizeLine() throws(RequestRefusal) {
        lineBytes += 1
        guard lineBytes <= Self.sizeLineBytesMax else { throw .chunk }
    }

    private mutating func takeTrailer(_ byte: UInt8, isFirst: Bool) throws(RequestRefusal) {
        trailerBytes += 1
        guard trailerBytes <= limits.headBytesMax else { throw .headTooLarge }
        if isFirst, !Characters.tokens.contains(byte) { throw .chunk }
        if byte == 0x0d {
            state = .trailerEnd
        } else if !Self.isText(byte) {
            throw .chunk
        }
    }

    private func require(_ byte: UInt8, _ expected: UInt8) throws(RequestRefusal) {
        guard byte == expected else { throw .chunk }
    }

    /// Whether a byte may stand in an extension or a trailer field.
    private static func isText(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7f) || byte == 0x09
    }
}
