internal import Tracking

/// How a report is written.
public enum ReportFormat: String, CaseIterable, Sendable {
    /// Columns for people.
    case text
    /// One object (RFC 8259).
    case json
    /// A header and a record for each row (RFC 4180).
    case csv
    /// One page that needs nothing else.
    case html

    /// The report in this format.
    public func text(of report: Report) -> String {
        switch self {
        case .text: TextReport(report).text
        case .json: JSONReport(report).text
        case .csv: CSVReport(report).text
        case .html: HTMLReport(report).text
        }
    }
}

/// Numbers for people.
enum NumberText {
    /// With a comma between thousands.
    static func grouped(_ number: Int) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// The number of visitors. An estimate has three digits and its error, as in `~12,300 ±1.6 %`.
    static func visitors(_ visitors: Report.Visitors) -> String {
        guard visitors.standardError > 0 else { return grouped(visitors.all) }
        return "~\(grouped(rounded(visitors.all))) ±\(percent(visitors.standardError)) %"
    }

    /// Those that came back, as exact as all.
    static func returning(_ visitors: Report.Visitors) -> String {
        guard visitors.standardError > 0 else { return grouped(visitors.returning) }
        return "~\(grouped(rounded(visitors.returning)))"
    }

    /// A part as a number of hundredths with one decimal.
    static func percent(_ part: Double) -> String {
        let tenths = Int((part * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// A part for a program.
    static func plain(_ part: Double) -> String { part == 0 ? "0" : "\(part)" }

    private static func rounded(_ number: Int) -> Int {
        var unit = 1
        while number / unit >= 1000 { unit *= 10 }
        return (number + unit / 2) / unit * unit
    }

    /// A count with its noun.
    static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(count)) \(count == 1 ? noun : plural ?? "\(noun)s")"
    }
}

/// The report as columns.
struct TextReport {
    let text: String

    init(_ report: Report) {
        var table = [["hits", "visitors", "new", "returning", report.list.dimension.name]]
        for row in report.list.rows {
            table.append([
                NumberText.grouped(row.hits), NumberText.visitors(row.visitors),
                NumberText.grouped(row.visitors.new), NumberText.returning(row.visitors),
                row.escapedValue.isEmpty ? "(empty)" : TerminalText.escaped(row.value.utf8),
            ])
        }
        let widths = (0..<4).map { column in table.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for line in table {
            // The value stands last, because nobody knows how wide a terminal draws it.
            for (column, width) in widths.enumerated() {
                text += String(repeating: " ", count: width - line[column].count) + line[column]
                text += "  "
            }
            text += line[4] + "\n"
        }
        let summary = SummaryText(report)
        self.text = text + "\n" + ([summary.counts] + summary.notes).map { $0 + "\n" }.joined()
    }
}

/// What a report is based on, in sentences.
struct SummaryText {
    /// What was read and counted.
    let counts: String
    /// What the rows do not show.
    let notes: [String]

    init(_ report: Report) {
        let list = report.list
        let name = list.dimension.name
        counts =
            "\(NumberText.counted(report.events, "event")) read: "
            + "\(NumberText.counted(report.hits, "hit")) counted, "
            + "\(NumberText.grouped(report.retried)) retried; "
            + "\(NumberText.visitors(report.visitors)) "
            + "\(report.visitors.all == 1 ? "visitor" : "visitors") "
            + "(\(NumberText.grouped(report.visitors.new)) new, "
            + "\(NumberText.returning(report.visitors)) returning)"
        var notes: [String] = []
        if report.damagedSegments > 0 {
            notes.append(
                "\(NumberText.counted(report.damagedSegments, "damaged segment")) not read to the end:"
                    + " see footfall verify")
        }
        if list.without > 0 {
            notes.append("\(NumberText.counted(list.without, "hit")) without \(name)")
        }
        let others = list.values - list.rows.count
        if others > 0 {
            notes.append(
                "\(NumberText.grouped(others)) more "
                    + (list.dimension.isTime ? "before" : "with as many hits or fewer"))
        }
        if list.cutHits > 0 {
            notes.append(
                "too many values to count each: \(NumberText.counted(list.cutHits, "hit")) of rare "
                    + "ones left out, and a row may lack up to "
                    + NumberText.grouped(list.missingMax))
        }
        self.notes = notes
    }
}

/// The report as an object.
struct JSONReport {
    let text: String

    init(_ report: Report) {
        let query = report.query
        let list = report.list
        func string(_ text: String) -> String { JSONText.string(text) }
        var members: [String] = []
        if let since = query.since { members.append("\"since\":\"\(since)\"") }
        if let until = query.until { members.append("\"until\":\"\(until)\"") }
        let filters = query.filters.map { string($0.description) }.joined(separator: ",")
        members += [
            "\"by\":\(string(list.dimension.name))", "\"where\":[\(filters)]",
            "\"events\":\(report.events)", "\"hits\":\(report.hits)",
            "\"damaged_segments\":\(report.damagedSegments)", "\"retried\":\(report.retried)",
            Self.members(report.visitors),
            "\"without\":\(list.without)", "\"values\":\(list.values)",
            "\"cut_hits\":\(list.cutHits)", "\"missing_max\":\(list.missingMax)",
        ]
        let rows = list.rows.map { row in
            let value = String(decoding: row.escapedValue, as: UTF8.self)
            return "\n{\"value\":\"\(value)\",\"hits\":\(row.hits),\(Self.members(row.visitors))}"
        }
        members.append("\"rows\":[\(rows.joined(separator: ","))]")
        text = "{\(members.joined(separator: ","))}\n"
    }

    private static func members(_ visitors: Report.Visitors) -> String {
        "\"visitors\":\(visitors.all),\"visitors_error\":\(NumberText.plain(visitors.standardError)),"
            + "\"new\":\(visitors.new),\"returning\":\(visitors.returning)"
    }
}

/// The report as records.
struct CSVReport {
    let text: String

    init(_ report: Report) {
        var text =
            Self.field(report.list.dimension.name)
            + ",hits,visitors,visitors_error,new,returning\r\n"
        for row in report.list.rows {
            let visitors = row.visitors
            text +=
                "\(Self.field(Self.guarded(row.value))),\(row.hits),\(visitors.all),\(NumberText.plain(visitors.standardError)),"
                + "\(visitors.new),\(visitors.returning)\r\n"
        }
        self.text = text
    }

    /// A value that a spreadsheet would take for a formula, with an apostrophe in front of it; they
    /// are what strangers have sent (OWASP, "CSV Injection").
    private static func guarded(_ value: String) -> String {
        let signs = "=+-@\t\r".utf8
        return value.utf8.first.map { signs.contains($0) } == true ? "'\(value)" : value
    }

    private static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else {
            return text
        }
        return "\""
            + text.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
    }
}
