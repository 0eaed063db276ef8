import Foundation
import Testing
import Tracking

@testable import Insight

@Suite struct FormatTests {
    private static let now = Timestamp(microseconds: 1_795_000_000_000_000)

    @Test(
        "a moment is RFC 3339, a day, or how long ago",
        arguments: [
            ("2026-11-18T11:06:40Z", 0), ("2026-11-18T12:06:40+01:00", 0),
            ("2026-11-18t05:36:40.25-05:30", 250_000), ("1h", -3_600_000_000),
            ("90m", -5_400_000_000), ("7d", -604_800_000_000), ("2w", -1_209_600_000_000),
            ("2026-11-18", -40_000_000_000), ("2024-02-29", -85_835_200_000_000),
        ])
    func moments(_ text: String, _ distance: Int64) throws {
        let moment = try ReportQuery.moment(text, now: Self.now)
        #expect(moment.microseconds - Self.now.microseconds == distance)
    }

    @Test(
        "what is no moment is said to be none",
        arguments: [
            "", "h", "-1h", "0d", "1y", "2026-02-29", "2026-13-01", "2026-11-18T11:46:40",
            "2026-11-18T24:00:00Z", "2026-11-18T11:46:40Zx", "1 h", "99999999999d", "1969-01-01",
        ])
    func noMoments(_ text: String) {
        #expect(throws: ReportError.self) { try ReportQuery.moment(text, now: Self.now) }
    }

    @Test("each day has its number", arguments: [Int64](0...60) + [10_957, 11_016, 20_776, 59_999])
    func days(_ day: Int64) {
        let date = CivilDate(daysSinceEpoch: day)
        #expect(DateTime.days(year: date.year, month: date.month, day: date.day) == day)
    }

    @Test(
        "a filter has a dimension, a sign and a value",
        arguments: [
            ("path=/x", "path", "/x", true), ("path!=/x", "path", "/x", false),
            ("bot=", "bot", "", true), ("params.a=b=c", "params.a", "b=c", true),
            ("search!=", "search", "", false),
        ])
    func filters(_ text: String, _ name: String, _ value: String, _ isEqual: Bool) throws {
        let filter = try ReportQuery.Filter(text)
        #expect(filter.dimension.name == name)
        #expect((filter.value, filter.isEqual) == (value, isEqual))
        #expect(filter.description == text)
    }

    @Test("what is no filter is said to be none", arguments: ["", "path", "=x", "pat=x", "!=x"])
    func noFilters(_ text: String) {
        #expect(throws: ReportError.self) { try ReportQuery.Filter(text) }
    }

    @Test(
        "numbers are easy to read",
        arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")])
    func grouped(_ number: Int, _ text: String) {
        #expect(NumberText.grouped(number) == text)
    }

    @Test(
        "an estimate has no more digits than it is worth",
        arguments: [
            (12_345, 0.01625, "~12,300 ±1.6 %"), (12_355, 0, "12,355"),
            (999, 0.01625, "~999 ±1.6 %"),
            (1_999_999, 0.01625, "~2,000,000 ±1.6 %"),
        ])
    func estimated(_ all: Int, _ error: Double, _ text: String) {
        let visitors = Report.Visitors(all: all, new: 0, returning: all, standardError: error)
        #expect(NumberText.visitors(visitors) == text)
    }

    @Test(
        "escapes become what they stand for",
        arguments: [
            (#"plain é"#, "plain é"), (#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (#"\b\t\n\f\r"#, "\u{8}\t\n\u{c}\r"),
            (#"\u001b\u2028"#, "\u{1b}\u{2028}"), (#"\ud83d\ude00!"#, "😀!"),
        ])
    func escapes(_ text: String, _ expected: String) {
        #expect(unescaped(Array(text.utf8)) == expected)
    }

    /// A report of hits with these searches, an hour apart.
    private func report(_ searches: [String], hoursApart: Int64 = 1) throws -> Report {
        var query = ReportQuery(by: try Dimension("search"))
        query.hasOverview = true
        var reader = ReportReader(query)
        for (index, search) in searches.enumerated() {
            var event = MadeEvent(
                query: "s=\(search)", visitor: UInt64(index % 2), isNew: index < 2)
            event.time += Int64(index) * hoursApart * 3_600_000_000
            event.line.withUnsafeBytes { reader.add($0) }
        }
        return reader.report()
    }

    @Test("text has columns, and what could act on a terminal is escaped")
    func text() throws {
        let report = try report(["a", "%1B%5B31m", "a", "", "%E2%80%AE"])
        #expect(
            ReportFormat.text.text(of: report) == """
                hits  visitors  new  returning  search
                   2         1    1          0  a
                   1         1    0          1  (empty)
                   1         1    1          0  \\u{1b}[31m
                   1         1    0          1  \\u{202e}

                5 events read: 5 hits counted, 0 retried; 2 visitors (2 new, 0 returning)

                """)
    }

    @Test("CSV has quotes where RFC 4180 wants them")
    func csv() throws {
        let report = try report(["a,b", "%22q%22", "l%0Am"])
        #expect(
            ReportFormat.csv.text(of: report).split(separator: "\r\n").sorted()
                == [
                    "\"\"\"q\"\"\",1,1,0,1,0", "\"a,b\",1,1,0,1,0", "\"l\nm\",1,1,0,0,1",
                    "search,hits,visitors,visitors_error,new,returning",
                ].sorted())
    }

    @Test(
        "a value of CSV that a spreadsheet would compute has an apostrophe in front",
        arguments: [
            ("%3D1%2B1", "'=1+1"), ("%2B1", "'+1"), ("-1", "'-1"), ("@a", "'@a"),
            ("%09x", "'\tx"), ("%0Dx", "\"'\rx\""), ("1-1", "1-1"),
        ])
    func formulas(_ search: String, _ field: String) throws {
        let text = ReportFormat.csv.text(of: try report([search]))
        #expect(text.hasSuffix("\r\n\(field),1,1,0,1,0\r\n"), "\(text)")
    }

    @Test("nothing of a value is markup in the page, nor out of its attribute")
    func html() throws {
        let page = ReportFormat.html.text(of: try report(["%3Cb%3E%22x%27%26", "y"]))
        #expect(page.contains("&lt;b&gt;&quot;x&#39;&amp;"))
        #expect(!page.contains("<b>\"x") && !page.contains("\"x'"))
    }

    @Test(
        "the course of time is in hours, in days or in several days, never in too many bars",
        arguments: [(1, "hour", 20), (24, "day", 20), (24 * 200, "11 days", 20)])
    func timeline(_ hoursApart: Int64, _ unit: String, _ bars: Int) throws {
        let report = try report([String](repeating: "a", count: 20), hoursApart: hoursApart)
        let page = ReportFormat.html.text(of: report)
        #expect(page.contains("Hits per \(unit), UTC"))
        #expect(page.components(separatedBy: "<rect").count - 1 == bars)
    }

    @Test("a log without a hit makes a report of every format", arguments: ReportFormat.allCases)
    func empty(_ format: ReportFormat) throws {
        #expect(!format.text(of: try report([])).isEmpty)
    }
}
