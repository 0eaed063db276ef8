/// Finds an event by the identifier that its page has given it, the parameter `e`.
public struct EventIdentifier {
    private var scanner = EventScanner(upTo: .params, parameters: [escaped("e")])
    private let wanted: [UInt8]

    /// The identifier `text`.
    public init(_ text: String) {
        wanted = escaped(text)
    }

    /// Whether an event has it, given as its line without the newline.
    public mutating func isIn(_ line: UnsafeRawBufferPointer) -> Bool {
        scanner.scan(line)
        let value = scanner.parameter(0)
        return value.isPresent && value.bytes(in: line).elementsEqual(wanted)
    }
}
