internal import Bytes

/// What a sink needs to know of an event, found in its line without reading the rest as JSON.
package struct EventLine {
    private let bytes: UnsafeRawBufferPointer

    /// The line of an event, or anything else, of which nothing is known.
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The value of a top-level member that is a string without escapes; empty if there is none. A
    /// member of that name within `params` or `data` is another one.
    package func string(_ name: StaticString) -> UnsafeRawBufferPointer {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        var position = 1
        while position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            let key = position + 1
            guard let keyEnd = endOfString(from: key) else { return nothing }
            let isWanted =
                keyEnd - key == name.utf8CodeUnitCount
                && (0..<keyEnd - key).allSatisfy { bytes[key + $0] == name.utf8Start[$0] }
            let value = keyEnd + 2
            guard let end = endOfValue(from: value) else { return nothing }
            if isWanted {
                guard bytes[value] == UInt8(ascii: "\"") else { return nothing }
                return UnsafeRawBufferPointer(rebasing: bytes[value + 1..<end - 1])
            }
            guard end < bytes.count, bytes[end] == UInt8(ascii: ",") else { return nothing }
            position = end + 1
        }
        return nothing
    }

    /// The place of the quote that ends a string whose first character is at `start`.
    private func endOfString(from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if index + 8 <= bytes.count {
                let word = EightBytes(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let marks = word.equal(UInt8(ascii: "\"")) | word.equal(UInt8(ascii: "\\"))
                let place = word.ascii(marks).first
                index += place
                if place == 8 { continue }
            }
            switch bytes[index] {
            case UInt8(ascii: "\""): return index
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// Where what follows a value begins.
    private func endOfValue(from start: Int) -> Int? {
        var index = start
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                guard let end = endOfString(from: index + 1) else { return nil }
                index = end
                if depth == 0 { return index + 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ","): if depth == 0 { return index }
            default: break
            }
            index += 1
        }
        return nil
    }
}
