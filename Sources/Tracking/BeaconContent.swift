/// The events in the content of a beacon: one JSON object, an array of them, or a line for each
/// (NDJSON).
public struct BeaconContent: Equatable, Sendable {
    /// One of them, in the order sent.
    public enum Item: Equatable, Sendable {
        /// A JSON object, as a range of the content.
        case object(Range<Int>)
        /// What cannot be an event, and why.
        case invalid(reason: String)
    }

    /// How many events one request may bring.
    public static let itemsMax = 1000

    /// Whether it has the form of several events, though it may be one.
    public let isBatch: Bool
    /// All of them; one more than `itemsMax` if there are too many.
    public let items: [Item]

    /// Reads `text`. An item that is invalid leaves the others alone; only in an array that ceases
    /// to be JSON nothing can be read after it.
    public init(_ text: Span<UInt8>) {
        var reader = JSONReader(text, in: 0..<text.count)
        reader.skipSpace()
        if reader.current == UInt8(ascii: "[") {
            isBatch = true
            items = Self.elements(&reader)
            return
        }
        let whole = Self.object(text, in: 0..<text.count)
        let hasLines = (0..<text.count).contains { text[$0] == 0x0a }
        if case .invalid = whole, hasLines {
            isBatch = true
            items = Self.lines(text)
        } else {
            isBatch = false
            items = [whole]
        }
    }

    /// What `range` holds, which has to be one object.
    private static func object(_ text: Span<UInt8>, in range: Range<Int>) -> Item {
        var reader = JSONReader(text, in: range)
        do throws(JSONReader.Refusal) {
            reader.skipSpace()
            let item = try next(&reader)
            reader.skipSpace()
            guard reader.isAtEnd else { throw reader.refusal("something stands behind it") }
            return item
        } catch {
            return .invalid(reason: error.text)
        }
    }

    /// The value that begins here. Throws if there is none; then nothing after it can be read.
    private static func next(_ reader: inout JSONReader) throws(JSONReader.Refusal) -> Item {
        let start = reader.position
        let isObject = reader.current == UInt8(ascii: "{")
        try reader.skipValue()
        return isObject ? .object(start..<reader.position) : .invalid(reason: "not an object")
    }

    private static func elements(_ reader: inout JSONReader) -> [Item] {
        var items: [Item] = []
        _ = reader.take(UInt8(ascii: "["))
        reader.skipSpace()
        do throws(JSONReader.Refusal) {
            if !reader.take(UInt8(ascii: "]")) {
                repeat {
                    reader.skipSpace()
                    items.append(try next(&reader))
                    reader.skipSpace()
                } while items.count <= itemsMax && reader.take(UInt8(ascii: ","))
                if items.count > itemsMax { return items }
                guard reader.take(UInt8(ascii: "]")) else {
                    throw reader.refusal("a comma or a closing bracket is missing")
                }
            }
            reader.skipSpace()
            guard reader.isAtEnd else { throw reader.refusal("something stands behind the array") }
        } catch {
            items.append(.invalid(reason: error.text))
        }
        return items
    }

    private static func lines(_ text: Span<UInt8>) -> [Item] {
        var items: [Item] = []
        var start = 0
        while start < text.count, items.count <= itemsMax {
            var end = start
            while end < text.count, text[end] != 0x0a { end += 1 }
            var reader = JSONReader(text, in: start..<end)
            reader.skipSpace()
            if !reader.isAtEnd { items.append(object(text, in: start..<end)) }
            start = end + 1
        }
        return items
    }
}
