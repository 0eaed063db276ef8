import Glibc

/// A line chart as SVG. Colours come from the style sheet of the page, which knows light and dark.
struct Chart {
    /// A line of the chart.
    struct Line {
        /// Which colour it has.
        let color: Int
        var isDashed = false
        let points: [(x: Double, y: Double)]
    }

    /// A place on an axis.
    struct Tick {
        let value: Double
        let label: String
    }

    let title: String
    let description: String
    /// Where the horizontal axis, which begins at 0, ends.
    let xEnd: Double
    let xTicks: [Tick]
    let yTicks: [Tick]
    /// Whether the vertical axis is logarithmic.
    let isLogarithmic: Bool
    let lines: [Line]

    private static let (width, height) = (860.0, 300.0)
    private static let (left, right, top, bottom) = (76.0, 40.0, 12.0, 32.0)

    /// The `<figure>` of the page.
    var figure: String {
        """
        <figure>
        <figcaption><b>\(title)</b> \(description)</figcaption>
        \(svg)
        </figure>
        """
    }

    private var svg: String {
        var parts = [
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" "
                + "aria-label=\"\(title)\">"
        ]
        for tick in yTicks {
            let place = coordinate(y(tick.value))
            parts.append(
                "<path class=\"grid\" d=\"M\(coordinate(Self.left)) \(place)"
                    + "H\(coordinate(Self.width - Self.right))\"/>")
            parts.append(
                "<text class=\"end\" x=\"\(coordinate(Self.left - 8))\" y=\"\(place)\" dy=\"4\">"
                    + "\(tick.label)</text>")
        }
        for tick in xTicks where tick.value <= xEnd {
            let place = coordinate(x(tick.value))
            let base = Self.height - Self.bottom
            parts.append("<path class=\"tick\" d=\"M\(place) \(coordinate(base))v5\"/>")
            parts.append(
                "<text class=\"middle\" x=\"\(place)\" y=\"\(coordinate(base + 20))\">"
                    + "\(tick.label)</text>")
        }
        for line in lines where !line.points.isEmpty {
            let dash = line.isDashed ? " dashed" : ""
            parts.append("<path class=\"line c\(line.color % 6)\(dash)\" d=\"\(path(line))\"/>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n")
    }

    private func path(_ line: Line) -> String {
        var text = ""
        for (index, point) in line.points.enumerated() {
            text += "\(index == 0 ? "M" : "L")\(coordinate(x(point.x))) \(coordinate(y(point.y)))"
        }
        // A point alone would not be seen.
        return line.points.count == 1 ? text + "h1" : text
    }

    private func x(_ value: Double) -> Double {
        let part = xEnd > 0 ? value / xEnd : 0
        return Self.left + min(max(part, 0), 1) * (Self.width - Self.left - Self.right)
    }

    private func y(_ value: Double) -> Double {
        func scaled(_ value: Double) -> Double { isLogarithmic ? log10(max(value, 1e-9)) : value }
        let (low, high) = (scaled(yTicks.first?.value ?? 0), scaled(yTicks.last?.value ?? 1))
        let part = high > low ? (scaled(value) - low) / (high - low) : 0
        return Self.height - Self.bottom
            - min(max(part, 0), 1) * (Self.height - Self.top - Self.bottom)
    }

    private func coordinate(_ value: Double) -> String { NumberText.fixed(value, 1) }

    /// Places from 0 to a round number above `most`.
    static func linearTicks(upTo most: Double, _ label: (Double) -> String) -> [Tick] {
        let most = max(most, 1e-9)
        let magnitude = pow(10, floor(log10(most / 4)))
        let step =
            [1, 2, 2.5, 5, 10].map { $0 * magnitude }.first { $0 * 4 >= most * 0.999 }
            ?? magnitude * 10
        return (0...4).map { Tick(value: Double($0) * step, label: label(Double($0) * step)) }
    }

    /// Places at 1, 2 and 5 times powers of ten, around all values; at the powers alone if these
    /// are many.
    static func logarithmicTicks(
        _ low: Double, _ high: Double, _ label: (Double) -> String
    ) -> [Tick] {
        let first = Int(floor(log10(max(low, 1e-9))))
        let last = max(Int(ceil(log10(max(high, 1e-9)))), first + 1)
        let factors: [Double] = last - first <= 2 ? [1, 2, 5] : [1]
        let all = (first...last).flatMap { power in factors.map { $0 * pow(10, Double(power)) } }
        let from = all.last { $0 <= low } ?? low
        let to = all.first { $0 >= high && $0 > from } ?? high
        return all.filter { $0 >= from && $0 <= to }.map { Tick(value: $0, label: label($0)) }
    }
}
