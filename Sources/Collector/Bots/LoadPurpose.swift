internal import EventHTTP

/// Pages that a browser loads before anybody asks for them: `Sec-Purpose: prefetch;prerender` (Fetch
/// Standard and its proposals), and what was sent before that: `Purpose` (Chromium, Safari), `X-Purpose`
/// (Safari) and `X-Moz` (Firefox).
enum LoadPurpose {
    private static let names: [StaticString] = ["sec-purpose", "purpose", "x-purpose", "x-moz"]
    /// A prerendered page is prefetched too: the first of these that is there counts.
    private static let reasons: [StaticString] = ["prerender", "preview", "prefetch"]

    /// Why such a page is loaded; none if all of these fields say something else.
    static func reason(for head: borrowing RequestHead) -> BotReason {
        var found = reasons.count
        for field in 0..<head.fieldCount {
            let name = head.fieldName(at: field)
            guard names.contains(where: { name.isEqual(to: $0) }) else { continue }
            let value = head.fieldValue(at: field)
            var start = 0
            while start < value.count {
                var end = start
                while end < value.count, isLetter(value[end]) { end += 1 }
                let word = value.extracting(start..<end)
                found = min(found, reasons.firstIndex { word.isEqual(to: $0) } ?? found)
                start = end + 1
            }
        }
        return found < reasons.count ? BotReason(reasons[found]) : .none
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
    }
}
