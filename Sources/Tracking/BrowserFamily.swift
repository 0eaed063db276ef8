/// What is left of a user agent when a visitor wants to be one of many: the family of the browser.
public enum BrowserFamily {
    /// A word that a family writes into its user agent, in the order in which they are looked for:
    /// a browser names those too that it is compatible with.
    private static let words: [(word: StaticString, family: StaticString)] = [
        ("Edg", "Edge"), ("OPR/", "Opera"), ("Opera", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"), ("YaBrowser/", "Yandex"),
        ("Vivaldi/", "Vivaldi"), ("UCBrowser/", "UC Browser"), ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
        ("Chromium/", "Chrome"), ("Safari/", "Safari"), ("Trident/", "Internet Explorer"),
        ("MSIE ", "Internet Explorer"),
    ]

    /// The family that `userAgent` names; empty if it is empty.
    public static func name(of userAgent: Span<UInt8>) -> StaticString {
        if userAgent.count == 0 { return "" }
        return words.first { userAgent.contains($0.word) }?.family ?? other
    }

    /// Every name that `name` can give, but for the empty one.
    public static var names: [StaticString] { words.map(\.family) + [other] }

    private static let other: StaticString = "Other"
}

extension Span<UInt8> {
    /// Whether `word`, ASCII, is a part of it.
    fileprivate func contains(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard length <= count else { return false }
        for start in 0...count - length {
            var offset = 0
            while offset < length, unsafe self[start + offset] == word.utf8Start[offset] {
                offset += 1
            }
            if offset == length { return true }
        }
        return false
    }
}
