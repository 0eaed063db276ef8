/// Finds the word that somebody meant who wrote another one.
enum NearestWord {
    /// Bytes of the longest text that is compared: nobody mistypes more.
    private static let bytesMax = 64

    /// What to add to a message about `text`, which is none of `words`: `; did you mean 'listen'?`,
    /// or nothing if none of them is near.
    static func hint(_ text: String, among words: some Sequence<String>) -> String {
        of(text, among: words).map { "; did you mean '\($0)'?" } ?? ""
    }

    /// The nearest of `words`, of several the first; nil if none differs from `text` in a third of
    /// its letters at most. Case counts for nothing, nor does a dash for an underscore.
    static func of(_ text: String, among words: some Sequence<String>) -> String? {
        let sought = plain(text)
        guard !sought.isEmpty, sought.count <= bytesMax else { return nil }
        var nearest: (word: String, distance: Int)?
        for word in words {
            let letters = plain(word)
            let distance = distance(sought, letters)
            let most = max(1, max(sought.count, letters.count) / 3)
            guard distance <= most, distance < letters.count, distance < sought.count,
                distance < nearest?.distance ?? .max
            else { continue }
            nearest = (word, distance)
        }
        return nearest?.word
    }

    private static func plain(_ text: String) -> [UInt8] {
        text.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// How many letters have to be put in, taken out, exchanged, or swapped with the next one (the
    /// optimal string alignment distance).
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...other.count)
        for (row, letter) in one.enumerated() {
            var current = [row + 1]
            for (column, otherLetter) in other.enumerated() {
                var least = min(
                    last[column + 1] + 1, current[column] + 1,
                    last[column] + (letter == otherLetter ? 0 : 1))
                if row > 0, column > 0, letter == other[column - 1],
                    otherLetter == one[row - 1]
                {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, last) = (last, current)
        }
        return last[other.count]
    }
}
