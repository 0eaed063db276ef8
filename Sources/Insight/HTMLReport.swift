internal import Tracking

/// The report as one page that loads nothing: no script, no font, no picture of somebody else's.
struct HTMLReport {
    let text: String

    init(_ report: Report) {
        let title = "Hits by \(report.list.dimension.name)"
        var page = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="color-scheme" content="light dark">
            <title>\(Self.escaped(title)) - Footfall</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <main>
            <header>
            <h1>Footfall report</h1>
            <p>\(Self.scope(report))</p>
            </header>

            """
        page += Self.totals(report)
        page += TimelineChart(hours: report.hours).html
        let lists = report.overview.filter { !$0.rows.isEmpty }
        if !lists.isEmpty {
            page += "<div class=\"lists\">\n"
            for list in lists { page += Self.bars(list, of: report.hits) }
            page += "</div>\n"
        }
        page += Self.table(report)
        page += Self.footer(report)
        text = page + "</main>\n</body>\n</html>\n"
    }

    private static let style = """
        :root { --page: #f6f7f9; --card: #ffffff; --text: #1c2330; --soft: #566073;
          --line: #dde1e8; --bar: #2f6fde; --fill: #d9e6fb; }
        @media (prefers-color-scheme: dark) {
          :root { --page: #11151c; --card: #1a202b; --text: #e8ecf3; --soft: #9ea9bb;
            --line: #2e3745; --bar: #6ea2ff; --fill: #24395f; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--text);
          font: 15px/1.45 system-ui, "Segoe UI", "Liberation Sans", sans-serif; }
        main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 40px; }
        h1 { font-size: 24px; margin: 0; }
        h2 { font-size: 16px; margin: 0 0 12px; }
        header p, footer { color: var(--soft); margin: 4px 0 20px; overflow-wrap: anywhere; }
        footer { font-size: 13px; margin: 16px 0 0; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
          padding: 16px 18px; }
        .totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
          gap: 14px; margin: 0 0 14px; }
        .totals dt { color: var(--soft); font-size: 13px; }
        .totals dd { margin: 2px 0 0; font-size: 26px; font-weight: 600;
          font-variant-numeric: tabular-nums; }
        .totals small { font-size: 13px; font-weight: 400; color: var(--soft); }
        .time { margin: 0 0 14px; }
        .time svg { display: block; width: 100%; min-width: 680px; height: auto; }
        .time rect { fill: var(--bar); }
        .time line { stroke: var(--line); }
        .time text { fill: var(--soft); font-size: 12px; }
        .lists { display: grid; gap: 14px; margin: 0 0 14px;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
        .lists ol { list-style: none; margin: 0; padding: 0; }
        .lists li { display: flex; gap: 12px; padding: 4px 8px; margin: 0 0 3px;
          border-radius: 5px;
          background: linear-gradient(var(--fill) 0 0) 0 0 / var(--part) 100% no-repeat; }
        .lists span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis;
          white-space: nowrap; }
        .lists b, td.number, th.number { font-variant-numeric: tabular-nums; }
        .lists b { font-weight: 600; }
        .lists p { color: var(--soft); font-size: 13px; margin: 8px 0 0; }
        .table, .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; }
        caption { text-align: left; font-size: 16px; font-weight: 700; padding: 0 0 8px; }
        th, td { text-align: left; padding: 7px 14px 7px 0; border-top: 1px solid var(--line);
          vertical-align: top; }
        thead th { border: 0; color: var(--soft); font-size: 13px; font-weight: 600; }
        tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 200px; }
        th.number, td.number { text-align: right; white-space: nowrap; padding-right: 0;
          padding-left: 14px; }
        @media print { body { background: none; } .card { break-inside: avoid; } }
        """

    private static func scope(_ report: Report) -> String {
        let query = report.query
        var parts: [String] = []
        if let since = query.since { parts.append("since \(since)") }
        if let until = query.until { parts.append("until \(until)") }
        if parts.isEmpty, let first = report.hours.first, let last = report.hours.last {
            parts.append(
                "\(HourText.full(first.number)) to \(HourText.full(last.number + 1)), UTC")
        }
        for filter in query.filters { parts.append(filter.description) }
        if parts.isEmpty { parts.append("all hits") }
        return escaped(parts.joined(separator: " · "))
    }

    private static func totals(_ report: Report) -> String {
        let visitors = report.visitors
        let error =
            visitors.standardError > 0
            ? " <small>±\(NumberText.percent(visitors.standardError)) %</small>" : ""
        let all = NumberText.visitors(visitors).split(separator: " ").first.map { String($0) } ?? ""
        let figures = [
            ("Hits", NumberText.grouped(report.hits)), ("Visitors", all + error),
            ("New visitors", NumberText.grouped(visitors.new)),
            ("Returning visitors", NumberText.returning(visitors)),
        ]
        let items = figures.map { name, figure in
            "<div class=\"card\"><dt>\(name)</dt><dd>\(figure)</dd></div>\n"
        }
        return "<dl class=\"totals\">\n\(items.joined())</dl>\n"
    }

    private static func bars(_ list: Report.List, of hits: Int) -> String {
        let most = list.rows.map(\.hits).max() ?? 1
        var text = "<section class=\"card\">\n<h2>\(heading(list.dimension.name))</h2>\n<ol>\n"
        for row in list.rows {
            let value = value(row)
            let plain = row.escapedValue.isEmpty ? "empty" : value
            let part = NumberText.percent(Double(row.hits) / Double(most))
            let ofAll = NumberText.percent(Double(row.hits) / Double(max(1, hits)))
            text +=
                "<li style=\"--part: \(part)%\" title=\"\(plain): \(ofAll) % of all hits\">"
                + "<span>\(value)</span><b>\(NumberText.grouped(row.hits))</b></li>\n"
        }
        text += "</ol>\n"
        let others = list.values - list.rows.count
        if others > 0 { text += "<p>and \(NumberText.grouped(others)) more</p>\n" }
        return text + "</section>\n"
    }

    private static func table(_ report: Report) -> String {
        let list = report.list
        let name = escaped(list.dimension.name)
        var text = """
            <div class="card table" role="region" aria-label="Hits by \(name)" tabindex="0">
            <table>
            <caption>Hits by \(name)</caption>
            <thead><tr><th scope="col">\(name)</th><th scope="col" class="number">hits</th>\
            <th scope="col" class="number">share</th><th scope="col" class="number">visitors</th>\
            <th scope="col" class="number">new</th>\
            <th scope="col" class="number">returning</th></tr></thead>
            <tbody>

            """
        for row in list.rows {
            let share = NumberText.percent(Double(row.hits) / Double(max(1, report.hits)))
            let cells = [
                NumberText.grouped(row.hits), "\(share) %", NumberText.visitors(row.visitors),
                NumberText.grouped(row.visitors.new), NumberText.returning(row.visitors),
            ]
            text += "<tr><th scope=\"row\">\(value(row))</th>"
            for cell in cells { text += "<td class=\"number\">\(cell)</td>" }
            text += "</tr>\n"
        }
        if list.rows.isEmpty { text += "<tr><td colspan=\"6\">no hits</td></tr>\n" }
        return text + "</tbody>\n</table>\n</div>\n"
    }

    private static func footer(_ report: Report) -> String {
        let notes = SummaryText(report)
        return
            "<footer>\(escaped(([notes.counts] + notes.notes).joined(separator: ". "))).</footer>\n"
    }

    private static func heading(_ name: String) -> String {
        let first = name.prefix(1).uppercased()
        return escaped(first + name.dropFirst())
    }

    private static func value(_ row: Report.Row) -> String {
        row.escapedValue.isEmpty ? "<i>empty</i>" : escaped(TerminalText.escaped(row.value.utf8))
    }

    /// Text for the content of an element and for an attribute in quotes.
    static func escaped(_ text: String) -> String { HTMLText.escaped(text.utf8) }
}

/// An hour, counted from 1970, as text in UTC.
enum HourText {
    /// `2026-11-23 22:00`
    static func full(_ hour: Int64) -> String {
        let text = Timestamp(microseconds: hour * 3_600_000_000).description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
    }

    /// `2026-11-23`
    static func day(_ day: Int64) -> String { String(full(24 * day).prefix(10)) }
}

/// Hits in the course of time as bars, one for an hour or a day.
struct TimelineChart {
    /// Hours beyond which a bar is a day, and days beyond which it is several.
    private static let barsMax = 120
    private static let (width, height) = (1080.0, 230.0)
    private static let (left, right, top, bottom) = (58.0, 6.0, 10.0, 24.0)

    let html: String

    init(hours: [Report.Hour]) {
        guard let first = hours.first?.number, let last = hours.last?.number else {
            html = ""
            return
        }
        let isHourly = last - first < Int64(Self.barsMax)
        let days = last / 24 - first / 24 + 1
        // Bars of several days keep the page small, however long the log is.
        let span = isHourly ? 1 : 24 * max(1, (days + 365) / 366)
        let start = isHourly ? first : first / 24 * 24
        var bars = [Int](repeating: 0, count: Int((last - start) / span) + 1)
        for hour in hours { bars[Int((hour.number - start) / span)] += hour.hits }
        let unit = isHourly ? "hour" : span == 24 ? "day" : "\(span / 24) days"
        html = Self.card(bars, unit: unit, from: isHourly ? first : nil) { index in
            let hour = start + Int64(index) * span
            return isHourly ? HourText.full(hour) : HourText.day(hour / 24)
        }
    }

    /// `start` is the first hour, if a bar is one.
    private static func card(
        _ bars: [Int], unit: String, from start: Int64?, label: (Int) -> String
    ) -> String {
        let scale = Scale(most: bars.max() ?? 0)
        let plotWidth = width - left - right
        let plotHeight = height - top - bottom
        // A few bars do not become walls.
        let slot = min(plotWidth / Double(bars.count), 64)
        var text = """
            <section class="card time">
            <h2>Hits per \(unit), UTC</h2>
            <div class="scroll" role="region" aria-label="Hits per \(unit)" tabindex="0">
            <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" \
            aria-label="Hits per \(unit) from \(label(0)) to \(label(bars.count - 1)); \
            at most \(NumberText.grouped(bars.max() ?? 0))">

            """
        for step in 0...scale.steps {
            let value = step * scale.step
            let y = top + plotHeight * (1 - Double(value) / Double(scale.end))
            text +=
                "<line x1=\"\(number(left))\" x2=\"\(number(width - right))\" y1=\"\(number(y))\" "
                + "y2=\"\(number(y))\"/><text x=\"\(number(left - 8))\" y=\"\(number(y + 4))\" "
                + "text-anchor=\"end\">\(NumberText.grouped(value))</text>\n"
        }
        for (index, hits) in bars.enumerated() where hits > 0 {
            let barHeight = max(1, plotHeight * Double(hits) / Double(scale.end))
            let x = left + slot * Double(index) + slot * 0.1
            text +=
                "<rect x=\"\(number(x))\" y=\"\(number(top + plotHeight - barHeight))\" "
                + "width=\"\(number(max(0.8, slot * 0.8)))\" height=\"\(number(barHeight))\">"
                + "<title>\(label(index)): \(NumberText.grouped(hits))</title></rect>\n"
        }
        // Labels that do not touch: each is at most 110 wide.
        let least = max(1, Int((120 / slot).rounded(.up)))
        let every =
            (start == nil ? [1, 2, 7, 14, 28, 56] : [1, 2, 3, 4, 6, 8, 12, 24])
            .first { $0 >= least } ?? least
        // Of hours those that begin a part of the day.
        let firstLabel = start.map { (every - Int($0 % Int64(every))) % every } ?? 0
        for index in stride(from: firstLabel, to: bars.count, by: every) {
            let x = left + slot * (Double(index) + (slot < 64 ? 0 : 0.1))
            if x + 110 > width, index > firstLabel { break }
            text +=
                "<text x=\"\(number(x))\" y=\"\(number(height - 6))\">\(label(index))</text>\n"
        }
        return text + "</svg>\n</div>\n</section>\n"
    }

    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    /// Round numbers for an axis from 0.
    private struct Scale {
        let step: Int
        let steps: Int
        var end: Int { step * steps }

        init(most: Int) {
            var step = 1
            var factors = [2, 5, 10][...]
            var unit = 1
            while step * 4 < most {
                if factors.isEmpty {
                    unit *= 10
                    factors = [2, 5, 10]
                }
                step = unit * (factors.popFirst() ?? 10)
            }
            self.step = step
            steps = max(1, (most + step - 1) / step)
        }
    }
}
