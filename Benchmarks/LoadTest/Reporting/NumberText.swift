/// Numbers for people.
enum NumberText {
    /// `1,234,567`
    static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// With so many digits after the point.
    static func fixed(_ number: Double, _ digits: Int) -> String {
        guard number.isFinite else { return "-" }
        var factor = 1
        for _ in 0..<digits { factor *= 10 }
        let scaled = Int((number.magnitude * Double(factor)).rounded())
        let sign = number < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % factor)
        return sign + "\(scaled / factor)." + String(repeating: "0", count: digits - fraction.count)
            + fraction
    }

    /// A latency in microseconds: `85 us`, `1.25 ms`, `12.5 ms`, `1.04 s`.
    static func latency(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: fixed(microseconds, 0) + " us"
        case ..<10_000: fixed(microseconds / 1000, 2) + " ms"
        case ..<100_000: fixed(microseconds / 1000, 1) + " ms"
        case ..<1_000_000: fixed(microseconds / 1000, 0) + " ms"
        default: fixed(microseconds / 1e6, 2) + " s"
        }
    }

    /// A round latency in microseconds at an axis: `100 us`, `1 ms`, `10 s`.
    static func axisLatency(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: "\(Int(microseconds)) us"
        case ..<1_000_000: "\(Int(microseconds / 1000)) ms"
        default: "\(Int(microseconds / 1e6)) s"
        }
    }

    /// `12.3 MB`
    static func bytes(_ count: Int) -> String {
        switch count {
        case ..<10_000: "\(count) B"
        case ..<10_000_000: fixed(Double(count) / 1e3, 1) + " kB"
        default: fixed(Double(count) / 1e6, 1) + " MB"
        }
    }

    /// `1 hit`, `2 hits`
    static func counted(_ count: Int, _ noun: String) -> String {
        "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension String {
    /// At least `width` characters, with spaces in front.
    func right(_ width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }

    /// At least `width` characters, with spaces behind.
    func left(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
