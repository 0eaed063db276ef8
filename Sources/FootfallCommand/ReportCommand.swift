public import ArgumentParser
internal import Glibc
public import Insight
internal import POSIX
internal import Tracking

/// `footfall report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Count hits and visitors, straight from the log.",
        discussion: """
            A dimension is one of \(Dimension.names.joined(separator: ", ")), or any parameter: \
            params.utm_source. page is the parameter u, else the referrer; search is s.
            """)

    @OptionGroup var location: DataOption

    @Option(help: "Hits from then on: RFC 3339, a day, or how long ago (90m, 1h, 7d).")
    var since: String?

    @Option(help: "Hits before then.")
    var until: String?

    @Option(help: "The dimension that hits are grouped by.")
    var by = "page"

    @Option(
        name: .customLong("where"),
        help: "Only hits with DIMENSION=VALUE or DIMENSION!=VALUE; can be repeated.")
    var filters: [String] = []

    @Option(help: "How many rows there are at most.")
    var top = 10

    @Option(help: "'text' for people, 'json', 'csv', or 'html' for one page with pictures.")
    var format = ReportFormat.text

    func validate() throws {
        if top < 1 { throw ValidationError("--top takes a number from 1") }
    }

    func run() throws {
        let query: ReportQuery
        do throws(ReportError) {
            query = try self.query()
        } catch {
            throw fail(error, code: .usage)
        }
        let report: Report
        let bar = ProgressBar()
        do throws(ReportError) {
            report = try ReportReader.run(query, directory: location.data) { bar.show($0) }
        } catch {
            bar.clear()
            throw fail(error, code: .failure)
        }
        bar.clear()
        FileOutput.standardOutput.write(format.text(of: report))
    }

    private func query() throws(ReportError) -> ReportQuery {
        let now = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        var query = ReportQuery(by: try Dimension(by))
        if let since { query.since = try ReportQuery.moment(since, now: now) }
        if let until { query.until = try ReportQuery.moment(until, now: now) }
        for filter in filters { query.filters.append(try ReportQuery.Filter(filter)) }
        query.top = top
        query.hasOverview = format == .html
        return query
    }
}

extension ReportFormat: ExpressibleByArgument {}

/// A line on a terminal that says how far a long pass is; nothing where standard error is none.
private final class ProgressBar {
    /// Seconds before it appears, and between two changes of it.
    private static let delay = (first: 1.0, next: 0.2)
    private static let width = 30

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = Clock.monotonicSeconds()
    private var next = delay.first
    private var isShown = false

    func show(_ progress: ReportReader.Progress) {
        guard isTerminal else { return }
        let seconds = Clock.monotonicSeconds() - start
        guard seconds >= next else { return }
        next = seconds + Self.delay.next
        isShown = true
        var line = "\r"
        if let part = progress.part {
            let full = Int(part * Double(Self.width))
            line += "[" + String(repeating: "#", count: full)
            line += String(repeating: ".", count: Self.width - full) + "] \(Int(part * 100)) %, "
        }
        FileOutput.standardError.write(line + "\(progress.events) events\u{1b}[K")
    }

    func clear() {
        if isShown { FileOutput.standardError.write("\r\u{1b}[K") }
    }
}
