internal import Bytes
internal import CXXHash

/// The end of a line, which proves the rest: `,"synced":7,"seq":12,"sum":"9ae1f3c20b7d6e54"}`.
///
/// `sum` is XXH3-64 (seed 0, 16 hexadecimal digits) over the line without its last 26 bytes and
/// its newline. `seq` is the line's sequence. `synced`, on the first line of each write only, is
/// the highest sequence that was known to be synced then.
enum LineProof {
    /// Bytes from the comma before `sum` to the closing brace.
    static let sumBytes = 26
    /// The most bytes that `finish` appends: two numbers of 20 digits with their keys, the sum and
    /// the newline.
    static let bytesMax = 10 + 20 + 7 + 20 + sumBytes + 1

    /// Turns the `count` bytes at `line`, a JSON object without its closing brace, into a line.
    /// There is room for `bytesMax` more. The length of the whole line.
    static func finish(
        _ line: UnsafeMutablePointer<UInt8>, count: Int, sequence: UInt64, synced: UInt64?
    ) -> Int {
        var writer = TailWriter(line: line, count: count)
        if let synced {
            writer.append(#","synced":"#)
            writer.append(decimal: synced)
        }
        writer.append(#","seq":"#)
        writer.append(decimal: sequence)
        let sum = xxh3_64bits(line, writer.count)
        writer.append(#","sum":""#)
        writer.append(hexadecimal: sum)
        writer.append("\"}\n")
        return writer.count
    }

    /// What is known of a line.
    enum Verdict: Equatable {
        /// The sum matches.
        case valid(sequence: UInt64, synced: UInt64?)
        /// It does not, or there is none.
        case invalid(LineDamage)
    }

    /// Checks a line, given without its newline.
    static func check(_ line: UnsafeRawBufferPointer) -> Verdict {
        guard line.count > sumBytes, let start = line.baseAddress else {
            return .invalid(.notALine)
        }
        var reader = TailReader(line: line)
        let body = line.count - sumBytes
        let sum = SumDigits(xxh3_64bits(start, body))
        // Eight bytes each: the key, the first half of the sum, the second one.
        guard line.loadUnaligned(fromByteOffset: body, as: UInt64.self) == sumKey,
            line.loadUnaligned(fromByteOffset: body + 8, as: UInt64.self) == sum.first,
            line.loadUnaligned(fromByteOffset: body + 16, as: UInt64.self) == sum.last,
            reader.take("\"}")
        else { return .invalid(hasSum(line) ? .wrongSum : .notALine) }
        reader.end = body
        // There is always a next one.
        guard let sequence = reader.takeDecimal(), sequence < .max, reader.take(#","seq":"#) else {
            return .invalid(.notALine)
        }
        var synced: UInt64?
        if let number = reader.takeDecimal(), reader.take(#","synced":"#) {
            // What is synced was written before.
            guard number < sequence else { return .invalid(.notALine) }
            synced = number
        }
        return .valid(sequence: sequence, synced: synced)
    }

    /// `,"sum":"`, as it lies in memory.
    private static let sumKey: UInt64 = 0x223a_226d_7573_222c

    /// Whether a line ends as if it had a sum, right or wrong.
    private static func hasSum(_ line: UnsafeRawBufferPointer) -> Bool {
        var reader = TailReader(line: line)
        guard reader.take("\"}") else { return false }
        let digits = line[reader.end - 16..<reader.end]
        reader.end -= 16
        return reader.take(#","sum":""#)
            && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// The 16 hexadecimal digits of a number, as they lie in memory.
private struct SumDigits {
    let first: UInt64
    let last: UInt64

    init(_ sum: UInt64) {
        first = Hexadecimal.digits(of: UInt32(sum >> 32))
        last = Hexadecimal.digits(of: UInt32(truncatingIfNeeded: sum))
    }
}

/// What is wrong with a line.
public enum LineDamage: Error, Equatable, Sendable, CustomStringConvertible {
    /// It does not end as a line of a log does.
    case notALine
    /// Its checksum is not that of its bytes.
    case wrongSum
    /// It has no newline.
    case unfinished
    /// It is longer than any line can be.
    case tooLong

    /// In words.
    public var description: String {
        switch self {
        case .notALine: "it does not end in a sequence and a checksum"
        case .wrongSum: "the checksum does not match"
        case .unfinished: "the line is not finished"
        case .tooLong: "the line is longer than any event"
        }
    }
}

/// Appends the parts of a line's end.
private struct TailWriter {
    let line: UnsafeMutablePointer<UInt8>
    var count: Int

    mutating func append(_ text: StaticString) {
        (line + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    mutating func append(decimal number: UInt64) {
        var digits = 1
        var rest = number / 10
        while rest > 0 { (digits, rest) = (digits + 1, rest / 10) }
        rest = number
        for place in stride(from: digits - 1, through: 0, by: -1) {
            line[count + place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count += digits
    }

    mutating func append(hexadecimal number: UInt64) {
        let digits = SumDigits(number)
        let target = UnsafeMutableRawPointer(line + count)
        target.storeBytes(of: digits.first, as: UInt64.self)
        target.storeBytes(of: digits.last, toByteOffset: 8, as: UInt64.self)
        count += 16
    }
}

/// Takes the parts of a line's end, from the back.
private struct TailReader {
    let line: UnsafeRawBufferPointer
    var end: Int

    init(line: UnsafeRawBufferPointer) {
        self.line = line
        end = line.count
    }

    mutating func take(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard length <= end else { return false }
        for index in 0..<length where line[end - length + index] != text.utf8Start[index] {
            return false
        }
        end -= length
        return true
    }

    mutating func takeDecimal() -> UInt64? {
        var number: UInt64 = 0
        var scale: UInt64 = 1
        var digits = 0
        while end > 0, digits < 20, case let byte = line[end - 1], (0x30...0x39).contains(byte) {
            let (part, tooLarge) = UInt64(byte - 0x30).multipliedReportingOverflow(by: scale)
            let (sum, overflowed) = number.addingReportingOverflow(part)
            guard !tooLarge, !overflowed else { return nil }
            number = sum
            digits += 1
            end -= 1
            scale = digits < 20 ? scale &* 10 : scale
        }
        return digits > 0 ? number : nil
    }
}
