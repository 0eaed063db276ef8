internal import EventLog
internal import Glibc
internal import POSIX
internal import Tracking

/// Makes a report of a log, in one pass over its events.
public struct ReportReader {
    /// How far the pass is.
    public struct Progress: Sendable {
        /// Events that were read.
        public let events: Int
        /// The part of the log that was read, up to 1; nil if its end is not known.
        public let part: Double?
    }

    /// Visitors of all hits that are counted exactly.
    static let exactVisitorsMax = 1 << 18
    /// Events between two reports of the progress.
    private static let eventsPerProgress = 1 << 16
    /// What an overview lists.
    static let overview = [
        "search", "page", "referrer", "browser", "language", "host", "kind", "bot",
    ]

    private struct Filter {
        let reader: DimensionReader
        let value: [UInt8]
        let isEqual: Bool
    }

    private let query: ReportQuery
    private let since: [UInt8]?
    private let until: [UInt8]?
    private let filters: [Filter]
    private let dimensions: [Dimension]
    private let readers: [DimensionReader]
    private var tables: [GroupTable]
    private var scanner: EventScanner
    private var families = BrowserFamilies()
    private var retries = RetriedHits()
    private var timeline = Timeline()
    private var visitors = VisitorCounter()
    private var events = 0
    private var hits = 0
    private var retried = 0

    /// The tag's identifier of a hit is the first of the parameters.
    private static let identifier = "e"

    init(_ query: ReportQuery) {
        self.query = query
        since = query.since.map { Array($0.description.utf8) }
        until = query.until.map { Array($0.description.utf8) }
        var dimensions = [query.dimension]
        if query.hasOverview {
            dimensions += Self.overview.compactMap { try? Dimension($0) }
        }
        var names = [Self.identifier]
        var last = Key.newVisitor
        for dimension in dimensions + query.filters.map(\.dimension) {
            for name in dimension.parameters where !names.contains(name) { names.append(name) }
            last = dimension.lastKey.rawValue > last.rawValue ? dimension.lastKey : last
        }
        scanner = EventScanner(upTo: last, parameters: names.map { escaped($0) })
        filters = query.filters.map { filter in
            Filter(
                reader: DimensionReader(filter.dimension, parameters: names),
                value: escaped(filter.value), isEqual: filter.isEqual)
        }
        self.dimensions = dimensions
        readers = dimensions.map { DimensionReader($0, parameters: names) }
        tables = dimensions.map { _ in GroupTable() }
    }

    /// Reads the log in `directory` and answers `query`. `progress` is called now and then.
    public static func run(
        _ query: ReportQuery, directory: String, progress: (Progress) -> Void = { _ in }
    ) throws(ReportError) -> Report {
        guard LogReader.exists(in: directory) else {
            throw ReportError(description: "there is no log in \(directory)")
        }
        var reader = ReportReader(query)
        do throws(SystemError) {
            let end = try LogReader.synced(in: directory)
            var log = LogReader(directory: directory, from: 1)
            try log.narrow(since: query.since, until: query.until)
            let first = log.next
            try log.read { sequence, line in
                reader.add(line)
                if reader.events % eventsPerProgress == 0 {
                    let part =
                        Double(sequence - min(first, sequence))
                        / Double(max(1, end - min(first, end)))
                    progress(
                        Progress(events: reader.events, part: end > 0 ? min(1, part) : nil))
                }
            }
        } catch {
            throw ReportError(description: "\(error)")
        }
        return reader.report()
    }

    /// Counts an event, given as its line without the newline.
    mutating func add(_ line: UnsafeRawBufferPointer) {
        events += 1
        scanner.scan(line)
        // Every event has a time; what has none is none.
        guard scanner[.time].isPresent else { return }
        let time = scanner[.time].bytes(in: line)
        if let since, Self.isBefore(time, since) { return }
        if let until, !Self.isBefore(time, until) { return }
        for filter in filters {
            let value = filter.reader.value(scanner, line, &families)
            if Self.isEqual(value, filter.value) != filter.isEqual { return }
        }
        let identifier = scanner.parameter(0)
        if identifier.isPresent,
            retries.isRetried(identifier.bytes(in: line), time: { byteHash(time) })
        {
            retried += 1
            return
        }
        hits += 1
        var visitor: UInt64?
        let isNew = scanner.hasNewVisitor
        if scanner[.visitor].isPresent {
            let hash = byteHash(scanner[.visitor].bytes(in: line))
            visitors.add(hash, isNew: isNew, exactMax: Self.exactVisitorsMax)
            visitor = hash
        }
        if query.hasOverview { timeline.add(time) }
        for index in readers.indices {
            let value = readers[index].value(scanner, line, &families)
            tables[index].add(value, visitor: visitor, isNew: isNew)
        }
    }

    /// What was counted.
    func report() -> Report {
        let found = zip(dimensions, tables).map { dimension, groups in
            Report.List(
                dimension: dimension,
                rows: groups.rows(top: query.top, inOrder: dimension.isTime),
                values: groups.count, without: groups.without, cutHits: groups.cutHits,
                missingMax: groups.missingMax)
        }
        return Report(
            query: query, events: events, hits: hits, retried: retried, visitors: visitors.count,
            list: found[0], overview: Array(found.dropFirst()), hours: timeline.hours)
    }

    /// Whether a time is before another one; both have the same length.
    @inline(__always)
    private static func isBefore(_ time: UnsafeRawBufferPointer, _ other: [UInt8]) -> Bool {
        guard let start = time.baseAddress else { return true }
        return memcmp(start, other, min(time.count, other.count)) < 0
    }

    private static func isEqual(_ value: UnsafeRawBufferPointer?, _ wanted: [UInt8]) -> Bool {
        guard let value, let start = value.baseAddress else { return wanted.isEmpty }
        return value.count == wanted.count && memcmp(start, wanted, wanted.count) == 0
    }
}

/// Hits in the course of time.
private struct Timeline {
    private var counts: [Int64: Int] = [:]
    /// The hour of the event before, as it is written: `2026-11-23T22` in two overlapping words.
    private var text: (UInt64, UInt64) = (0, 0)
    private var hour: Int64 = 0
    private var count = 0

    /// Counts a hit with a time of RFC 3339 in UTC.
    mutating func add(_ time: UnsafeRawBufferPointer) {
        guard time.count >= 13 else { return }
        let text = (
            time.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            time.loadUnaligned(fromByteOffset: 5, as: UInt64.self)
        )
        if text != self.text {
            counts[hour, default: 0] += count
            count = 0
            self.text = text
            func number(_ range: Range<Int>) -> Int64 {
                range.reduce(0) { 10 * $0 + Int64(time[$1] &- 0x30) }
            }
            hour =
                24
                * DateTime.days(
                    year: number(0..<4), month: number(5..<7), day: number(8..<10))
                + number(11..<13)
        }
        count += 1
    }

    var hours: [Report.Hour] {
        counts.merging([hour: count]) { $0 + $1 }.filter { $0.value > 0 }
            .map { Report.Hour(number: $0.key, hits: $0.value) }.sorted { $0.number < $1.number }
    }
}
