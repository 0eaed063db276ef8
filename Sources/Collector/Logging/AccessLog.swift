internal import Bytes
internal import EventHTTP
internal import Glibc
internal import POSIX
internal import Tracking

/// The requests that one loop has answered, a line each in the NCSA Common Log Format
/// (`host ident authuser [date] "request" status bytes`), written once a turn.
///
/// On the loop's thread. What cannot be written is lost and counted: no hit waits for it.
final class AccessLog {
    /// The line of a request up to its status, until the request is answered.
    struct Line {
        fileprivate var text: [UInt8] = []
        fileprivate var sendsContent = true
    }

    /// What a line may say of who sent the request.
    enum Privacy {
        /// The address, as far as events have it.
        case plain
        /// The network of the address at most.
        case anonymous
        /// Nothing, and nothing of what was sent in the query: the hit is not stored either.
        case nothing
    }

    private let file: AccessLogFile
    private let addressDetail: AddressDetail
    private let warn: (String) -> Void
    private var lines: [UInt8] = []
    private var date: (second: Int64, text: [UInt8]) = (-1, [])
    /// The last line was written in part.
    private var isTorn = false
    /// Lines that were not written, since the start and when that was last said.
    private(set) var lostLines: UInt64 = 0
    private var nextWarning = 0.0

    /// Bytes at which lines are written before the turn ends.
    private static let linesBytesMax = 64 << 10
    /// Bytes of a refused request's first line that are shown.
    private static let refusedLineBytesMax = 1024
    private static let warningSeconds = 10.0

    /// Lines for `file`, with as much of addresses as `addressDetail` says. `warn` tells an operator
    /// that lines are lost, now and then.
    init(
        _ file: AccessLogFile, _ addressDetail: AddressDetail, warn: @escaping (String) -> Void
    ) {
        self.file = file
        self.addressDetail = addressDetail
        self.warn = warn
        lines.reserveCapacity(2 * Self.linesBytesMax)
    }

    // MARK: - Lines

    /// The line of a request from `address`, which has come at `time`.
    func line(
        _ head: borrowing RequestHead, address: Span<UInt8>, _ privacy: Privacy, time: Timestamp
    ) -> Line {
        var line = Line()
        line.text.reserveCapacity(96 + head.target.count)
        begin(&line.text, address, privacy, time)
        line.text.append(head.method.name)
        line.text.append(UInt8(ascii: " "))
        Self.escape(privacy == .nothing ? head.path : head.target, to: &line.text)
        line.text.append(head.minorVersion == 0 ? " HTTP/1.0\" " : " HTTP/1.1\" ")
        line.sendsContent = head.method != .head
        return line
    }

    /// A request was answered.
    func append(_ line: Line, status: HTTPStatus, bytes: Int) {
        lines.append(contentsOf: line.text)
        end(status, line.sendsContent ? bytes : 0)
    }

    /// A request was refused of which `begun` had come.
    func appendRefusal(
        begun: Span<UInt8>, address: Span<UInt8>, time: Timestamp, status: HTTPStatus, bytes: Int
    ) {
        begin(&lines, address, .plain, time)
        var start = 0
        while start < begun.count, Self.isLineEnd(begun[start]) { start += 1 }
        var end = start
        let most = min(begun.count, start + Self.refusedLineBytesMax)
        while end < most, !Self.isLineEnd(begun[end]) { end += 1 }
        if start == end { lines.append(UInt8(ascii: "-")) }
        Self.escape(begun.extracting(start..<end), to: &lines)
        lines.append("\" ")
        self.end(status, bytes)
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0d || byte == 0x0a }

    /// `host ident authuser [date] "`; nobody is asked for the second and the third.
    private func begin(
        _ text: inout [UInt8], _ address: Span<UInt8>, _ privacy: Privacy, _ time: Timestamp
    ) {
        append(address, privacy, to: &text)
        text.append(" - - [")
        let second = time.microseconds / 1_000_000
        if second != date.second { date = (second, Array("\(CommonLogTime(time))".utf8)) }
        text.append(contentsOf: date.text)
        text.append("] \"")
    }

    /// Ends the last line.
    private func end(_ status: HTTPStatus, _ bytes: Int) {
        lines.append(decimal: Int(status.rawValue))
        lines.append(UInt8(ascii: " "))
        if bytes == 0 {
            lines.append(UInt8(ascii: "-"))
        } else {
            lines.append(decimal: bytes)
        }
        lines.append(UInt8(ascii: "\n"))
        if lines.count >= Self.linesBytesMax { write() }
    }

    /// The address, as much of it as an event would have.
    private func append(_ address: Span<UInt8>, _ privacy: Privacy, to text: inout [UInt8]) {
        let start = text.count
        switch (privacy, addressDetail) {
        case (.nothing, _), (_, .none): break
        case (.plain, .full): Self.escape(address, to: &text)
        case (.plain, .network), (.anonymous, _):
            if let address = IPAddress(text: address) {
                text.append(contentsOf: address.network.utf8)
            }
        }
        if text.count == start { text.append(UInt8(ascii: "-")) }
    }

    /// Appends bytes as Apache's mod_log_config does: what is no printable ASCII as `\xhh`, or as a
    /// C escape where there is one, and a backslash in front of quotes and backslashes.
    static func escape(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            var plainStart = 0
            for (index, byte) in bytes.enumerated() where !isPlain(byte) {
                text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plainStart..<index]))
                appendEscaped(byte, to: &text)
                plainStart = index + 1
            }
            text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plainStart...]))
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte <= 0x7e && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            text.append(UInt8(ascii: "\\"))
            text.append(byte)
        case 0x08: text.append("\\b")
        case 0x09: text.append("\\t")
        case 0x0a: text.append("\\n")
        case 0x0b: text.append("\\v")
        case 0x0d: text.append("\\r")
        default:
            text.append("\\x")
            text.append(hexadecimal[Int(byte >> 4)])
            text.append(hexadecimal[Int(byte & 15)])
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)

    // MARK: - Writing

    /// Writes what has come together.
    func write() {
        if lines.isEmpty { return }
        // A line that was cut is not to take the next one with it.
        if isTorn { lines.insert(UInt8(ascii: "\n"), at: 0) }
        let (written, error) = lines.withUnsafeBytes { file.write($0) }
        if written > 0 { isTorn = lines[written - 1] != UInt8(ascii: "\n") }
        if let error { lose(lines[written...], error) }
        lines.removeAll(keepingCapacity: true)
    }

    private func lose(_ rest: ArraySlice<UInt8>, _ error: SystemError) {
        lostLines += UInt64(rest.count { $0 == UInt8(ascii: "\n") })
        let now = Clock.monotonicSeconds()
        guard now >= nextWarning else { return }
        nextWarning = now + Self.warningSeconds
        warn("access_log: \(error): \(lostLines) lines were lost on one loop so far")
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    fileprivate mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
