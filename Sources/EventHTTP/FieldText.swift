/// The header fields that a handler adds to one reply, as they are written.
struct FieldText {
    private var text = InlineArray<256, UInt8>(repeating: 0)
    private var count = 0

    /// Bytes of all fields with their names and line ends.
    static let capacityBytes = 256

    /// Adds a field. The value has no line break.
    mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        append(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount).span)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Takes back the fields of that name, which is written as it was when they were added.
    mutating func remove(_ name: StaticString) {
        let lines = Array((0..<count).map { text[$0] }).split(separator: 0x0a)
        let prefix = Array("\(name):".utf8)
        count = 0
        for line in lines where !line.starts(with: prefix) {
            let kept = line + [0x0a]
            append(kept.span)
        }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeBytes(of: text) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    private mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount).span)
    }

    private mutating func append(_ bytes: Span<UInt8>) {
        precondition(count + bytes.count <= Self.capacityBytes, "our own fields are short")
        let count = count
        withUnsafeMutableBytes(of: &text) { text in
            bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: text[count...]).copyMemory(from: bytes)
            }
        }
        self.count += bytes.count
    }
}
