/// Values with a unit: `10s`, `500ms`, `1h`; `64KiB`, `1GiB`, `1000`.
enum UnitValue {
    private static let secondsPerUnit: [(unit: String, seconds: Double)] = [
        ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400),
    ]
    private static let bytesPerUnit: [(unit: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]
    /// The longest time that can be set: ten years.
    private static let secondsMax = 10.0 * 365 * 86_400

    /// A time above zero, in seconds.
    static func seconds(_ text: String) throws(Setting.InvalidValue) -> Double {
        for (unit, seconds) in secondsPerUnit where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)) else { continue }
            guard number > 0, number * seconds <= secondsMax else { break }
            return number * seconds
        }
        throw Setting.InvalidValue(
            reason: "'\(text)': expected a time above zero such as 500ms, 10s, 5m, 1h or 7d")
    }

    /// A size from 1 KiB on, in bytes.
    static func bytes(_ text: String, upTo most: Int) throws(Setting.InvalidValue) -> Int {
        let (number, factor) =
            bytesPerUnit.first { text.hasSuffix($0.unit) }
            .map { (text.dropLast($0.unit.count), $0.bytes) } ?? (text[...], 1)
        if let count = Int(number), count > 0, count <= most / factor, count * factor >= 1024 {
            return count * factor
        }
        throw Setting.InvalidValue(
            reason: "'\(text)': expected a size from 1KiB to \(self.text(bytes: most))")
    }

    /// As `seconds` reads it.
    static func text(seconds: Double) -> String {
        let fitting = secondsPerUnit.last {
            let number = seconds / $0.seconds
            return number >= 1 && number == number.rounded()
        }
        guard let (unit, size) = fitting else { return "\(seconds)s" }
        return "\(Int(seconds / size))\(unit)"
    }

    /// As `bytes` reads it.
    static func text(bytes: Int) -> String {
        guard let (unit, size) = bytesPerUnit.last(where: { bytes % $0.bytes == 0 }) else {
            return String(bytes)
        }
        return "\(bytes / size)\(unit)"
    }
}
