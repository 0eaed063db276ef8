extension Span<UInt8> {
    /// `range` without the spaces and tabs at its ends.
    @inlinable
    public func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while lower < upper, self[lower] == 0x20 || self[lower] == 0x09 { lower += 1 }
        while lower < upper, self[upper - 1] == 0x20 || self[upper - 1] == 0x09 { upper -= 1 }
        return lower..<upper
    }

    /// `range` without the pair of double quotes that surrounds it, if one does.
    @inlinable
    public func unquoted(_ range: Range<Int>) -> Range<Int> {
        let quote = UInt8(ascii: "\"")
        guard range.count >= 2, self[range.lowerBound] == quote, self[range.upperBound - 1] == quote
        else { return range }
        return range.lowerBound + 1..<range.upperBound - 1
    }
}
