import Glibc

/// Writes requests into one buffer that is used again and again. Only `t`, `r`, `s`, the browser and
/// the cookie differ from one to the next; everything else is copied from templates.
///
/// For one thread.
final class RequestWriter {
    /// What differs from request to request.
    struct Variation {
        /// `t`, milliseconds since 1970.
        var milliseconds: Int64
        /// `r`
        var number: UInt64
        /// An index of the targets.
        var target: Int
        /// An index of the words.
        var word: Int
        /// An index of the user agents.
        var userAgent: Int
    }

    private let targets: Templates
    private let words: Templates
    private let heads: Templates
    private let ending: Templates
    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity = 64 << 10
    private(set) var count = 0
    /// Bytes of the longest request.
    private let requestBytesMax: Int
    /// The digits of `t`, and what they say.
    private let time: UnsafeMutablePointer<UInt8>
    private var milliseconds: Int64 = -1

    /// The digits of `t` from 2001 to 2286.
    private static let timeDigits = 13
    private static let numberDigits = 16

    init(_ options: LoadOptions) {
        targets = Templates(
            options.targets.map { target in
                let separator =
                    !target.contains("?")
                    ? "?" : target.hasSuffix("?") || target.hasSuffix("&") ? "" : "&"
                return "\(options.method) \(target)\(separator)t="
            })
        words = Templates(options.words.map { "&s=\($0)" } + [""])
        heads = Templates(options.userAgents.map { Self.head(options, userAgent: $0) })
        let body = options.body ?? []
        ending = Templates([Array("\r\n".utf8) + body])
        let cookie = "Cookie: \r\n".utf8.count + Visitors.cookieBytesMax
        requestBytesMax =
            targets.bytesMax + Self.timeDigits + "&r=".utf8.count + Self.numberDigits
            + words.bytesMax + heads.bytesMax + cookie + ending.bytesMax
        buffer = .allocate(capacity: capacity)
        time = .allocate(capacity: Self.timeDigits)
    }

    deinit {
        buffer.deallocate()
        time.deallocate()
    }

    /// What was written since `removeAll`. Valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: buffer, count: count) }

    var targetCount: Int { targets.count }
    /// The number of words; index `wordCount` is that of no word.
    var wordCount: Int { words.count - 1 }
    var userAgentCount: Int { heads.count }

    func removeAll() { count = 0 }

    /// Adds a request.
    func append(_ variation: Variation, cookie: UnsafeBufferPointer<UInt8>) {
        if capacity - count < requestBytesMax { grow() }
        append(targets[variation.target])
        if variation.milliseconds != milliseconds { setTime(variation.milliseconds) }
        append(UnsafeBufferPointer(start: time, count: Self.timeDigits))
        append("&r=")
        appendHexadecimal(variation.number)
        append(words[variation.word])
        append(heads[variation.userAgent])
        if !cookie.isEmpty {
            append("Cookie: ")
            append(cookie)
            append("\r\n")
        }
        append(ending[0])
    }

    private static func head(_ options: LoadOptions, userAgent: String) -> String {
        var lines = " HTTP/1.1\r\n"
        for field in options.fields {
            lines += "\(field.name): \(field.value)\r\n"
            // Browsers send it early.
            if field.names("Host"), !userAgent.isEmpty { lines += "User-Agent: \(userAgent)\r\n" }
        }
        if let body = options.body { lines += "Content-Length: \(body.count)\r\n" }
        if !options.keepsAlive { lines += "Connection: close\r\n" }
        return lines
    }

    private func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        memcpy(buffer + count, source, bytes.count)
        count += bytes.count
    }

    private func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private func appendHexadecimal(_ number: UInt64) {
        let place = buffer + count
        for digit in 0..<Self.numberDigits {
            let value = UInt8(truncatingIfNeeded: number >> UInt64(60 - 4 * digit)) & 15
            place[digit] = value < 10 ? 0x30 + value : 0x57 + value
        }
        count += Self.numberDigits
    }

    private func setTime(_ value: Int64) {
        milliseconds = value
        var rest = value
        for digit in (0..<Self.timeDigits).reversed() {
            time[digit] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    private func grow() {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * capacity + requestBytesMax)
        larger.update(from: buffer, count: count)
        buffer.deallocate()
        buffer = larger
        capacity = 2 * capacity + requestBytesMax
    }
}

/// Byte strings in one block.
private final class Templates {
    private let block: UnsafeMutablePointer<UInt8>
    private let offsets: [Int]
    let bytesMax: Int

    convenience init(_ texts: [String]) { self.init(texts.map { Array($0.utf8) }) }

    init(_ texts: [[UInt8]]) {
        var offsets = [0]
        for text in texts { offsets.append(offsets[offsets.count - 1] + text.count) }
        block = .allocate(capacity: max(1, offsets[texts.count]))
        for (index, text) in texts.enumerated() {
            for (place, byte) in text.enumerated() { block[offsets[index] + place] = byte }
        }
        self.offsets = offsets
        bytesMax = texts.map(\.count).max() ?? 0
    }

    deinit {
        block.deallocate()
    }

    var count: Int { offsets.count - 1 }

    subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            start: block + offsets[index], count: offsets[index + 1] - offsets[index])
    }
}
