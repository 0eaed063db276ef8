extension Span<UInt8> {
    /// Whether these bytes are `lowercase` but for the case of ASCII letters.
    func isEqual(to lowercase: StaticString) -> Bool {
        guard count == lowercase.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            let byte = self[index]
            let lowered = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
            if lowered != lowercase.utf8Start[index] { return false }
        }
        return true
    }
}
