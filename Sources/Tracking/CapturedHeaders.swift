internal import Bytes

/// Header fields that an operator wants in the events, as a JSON object of strings. Whatever looks
/// like an address in a value is cut like the client's.
public struct CapturedHeaders {
    /// The object, without its closing brace.
    private var text: [UInt8] = []
    private let addresses: AddressDetail

    /// No field yet.
    public init(addresses: AddressDetail) {
        self.addresses = addresses
    }

    /// Adds a field; `name` needs no escaping.
    public mutating func append(name: [UInt8], value: Span<UInt8>) {
        text += Array((text.isEmpty ? #"{""# : #",""#).utf8) + name + Array("\":\"".utf8)
        let bytes = (0..<value.count).map { value[$0] }
        let shown = addresses == .full ? bytes : AddressCutter(bytes, addresses).text
        text += JSONWriter.escaped(shown.span)
        text.append(UInt8(ascii: "\""))
    }

    /// The object; empty if there is no field.
    public var json: [UInt8] {
        text.isEmpty ? [] : text + [UInt8(ascii: "}")]
    }
}

/// Finds addresses within a text and cuts them.
private struct AddressCutter {
    private(set) var text: [UInt8] = []

    init(_ bytes: [UInt8], _ detail: AddressDetail) {
        var position = 0
        while position < bytes.count {
            // What could be one address, with a port or not: never a part of a longer word.
            let end =
                bytes[position...].firstIndex { !Self.isOfAddress($0) } ?? bytes.endIndex
            if end == position {
                text.append(bytes[position])
                position += 1
                continue
            }
            cut(bytes[position..<end], detail)
            position = end
        }
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || Hexadecimal.value(of: byte) != nil
    }

    private mutating func cut(_ run: ArraySlice<UInt8>, _ detail: AddressDetail) {
        let colon = UInt8(ascii: ":")
        if run.count(where: { $0 == colon }) > 1 {
            // Punctuation behind it, but for the two colons in which an address may end.
            var core = run
            while core.last == UInt8(ascii: ".")
                || (core.last == colon && !core.dropLast().hasSuffix(colon))
            {
                core = core.dropLast()
            }
            let copy = Array(core)
            if let address = IPAddress(text: copy.span) {
                append(address, detail)
                text += run[core.endIndex...]
                return
            }
        }
        cutDotted(run, detail)
    }

    /// Cuts each four numbers with dots between them, also within other characters and digits.
    private mutating func cutDotted(_ run: ArraySlice<UInt8>, _ detail: AddressDetail) {
        var position = run.startIndex
        while position < run.endIndex {
            if let (address, end) = Self.dotted(run[position...]) {
                append(address, detail)
                position = end
                // Numbers that go on may be the end of another address, which began later.
                while let next = Self.number(behindDotIn: run[position...]) {
                    if detail == .network { text += Array(".0".utf8) }
                    position = next
                }
            } else {
                text.append(run[position])
                position += 1
            }
        }
    }

    /// Where the number ends that follows a dot; nil if there is none.
    private static func number(behindDotIn run: ArraySlice<UInt8>) -> Int? {
        guard run.first == UInt8(ascii: ".") else { return nil }
        let digits = run.dropFirst().prefix { $0 >= 0x30 && $0 <= 0x39 }
        return digits.isEmpty ? nil : digits.endIndex
    }

    /// The longest address of IPv4 in front of other characters, and where it ends.
    private static func dotted(_ run: ArraySlice<UInt8>) -> (address: IPAddress, end: Int)? {
        var end = run.startIndex
        for _ in 0..<3 {
            end += run[end...].prefix { $0 >= 0x30 && $0 <= 0x39 }.count
            guard end < run.endIndex, run[end] == UInt8(ascii: ".") else { return nil }
            end += 1
        }
        for digits in [3, 2, 1] where end + digits <= run.endIndex {
            let copy = Array(run[..<(end + digits)])
            if let address = IPAddress(text: copy.span) { return (address, end + digits) }
        }
        return nil
    }

    private mutating func append(_ address: IPAddress, _ detail: AddressDetail) {
        if detail == .network { text += Array(address.network.utf8) }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ byte: UInt8) -> Bool { last == byte }
}
