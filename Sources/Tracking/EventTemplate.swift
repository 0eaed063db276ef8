internal import Glibc

/// What the events of one request have in common, encoded once. They differ in their identifier and
/// in `data`.
public struct EventTemplate: Sendable {
    /// The event without its closing brace.
    private let text: [UInt8]

    /// What `event` has, encoded.
    public init(_ event: borrowing Event, aliases: borrowing ParameterAliases) {
        text = [UInt8](capacity: event.encodedBytesMax) {
            event.encode(into: &$0, aliases: aliases)
        }
    }

    /// A length in bytes that an event with so many bytes of `data` does not exceed.
    public func encodedBytesMax(dataBytes: Int) -> Int {
        text.count + Self.dataKey.utf8CodeUnitCount + dataBytes
    }

    /// Appends an event as `Event` does. `data` is one JSON object as `BeaconContent` has found it;
    /// `output` has room for `encodedBytesMax`.
    public func encode(id: UUID, data: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
        precondition(
            output.freeCapacity >= encodedBytesMax(dataBytes: data.count),
            "the caller reserved too little")
        unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            var writer = unsafe JSONWriter(
                UnsafeMutableBufferPointer(rebasing: buffer[count...]))
            writer.raw(Event.idKey)
            writer.raw(id.text.span)
            writer.raw(text.span.extracting(writer.count...))
            writer.raw(Self.dataKey)
            writer.onOneLine(data)
            count += writer.count
        }
    }

    private static let dataKey: StaticString = #","data":"#
}
