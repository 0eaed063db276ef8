/// A value of a flag that cannot be used: one line.
struct InvalidValue: Error, CustomStringConvertible {
    let description: String
}

/// Values with a unit: `10s`, `500ms`; `10k`, `2.5M`.
enum Units {
    private static let secondsPerUnit: [(unit: String, seconds: Double)] = [
        ("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600), ("", 1),
    ]
    private static let perUnit: [(unit: String, factor: Double)] = [
        ("k", 1e3), ("K", 1e3), ("m", 1e6), ("M", 1e6), ("g", 1e9), ("G", 1e9), ("", 1),
    ]
    /// The longest time that a flag takes: a week.
    private static let secondsMax = 7 * 86_400.0
    private static let countMax = 1e15

    /// A time from 0 on, in seconds; a number without a unit is in seconds too.
    static func seconds(_ text: String) throws(InvalidValue) -> Double {
        for (unit, factor) in secondsPerUnit where text.hasSuffix(unit) {
            guard let number = plainNumber(text.dropLast(unit.count)) else { continue }
            if number * factor <= secondsMax { return number * factor }
            break
        }
        throw InvalidValue(
            description: "'\(text)': expected a time such as 500ms, 10s, 5m or 1h, up to a week")
    }

    /// A whole number from 0 on.
    static func count(_ text: String) throws(InvalidValue) -> Int {
        for (unit, factor) in perUnit where text.hasSuffix(unit) {
            guard let number = plainNumber(text.dropLast(unit.count)) else { continue }
            let count = number * factor
            if count <= countMax, count == count.rounded() { return Int(count) }
            break
        }
        throw InvalidValue(description: "'\(text)': expected a whole number such as 64, 10k or 2M")
    }

    /// Digits with at most one point; not what else `Double` reads (`1e3`, `nan`, `-1`).
    static func plainNumber(_ text: Substring) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }) else { return nil }
        return Double(text)
    }
}
