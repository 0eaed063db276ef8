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
    private var batch: HitBatch
    private var scanner: EventScanner
    private var families = BrowserFamilies()
    private var retries = RetriedHits()
    private var timeline = Timeline()
    private var visitors = VisitorCounter()
    private var events = 0
    private var hits = 0
    private var retried = 0
    private var damagedSegments = 0

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
        batch = HitBatch(dimensions: dimensions.count)
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
            try reader.read(&log) { sequence, events in
                let part =
                    Double(sequence - min(first, sequence)) / Double(max(1, end - min(first, end)))
                progress(Progress(events: events, part: end > 0 ? min(1, part) : nil))
            }
        } catch {
            throw ReportError(description: "\(error)")
        }
        return reader.report()
    }

    /// Reads to the end, over damaged segments too.
    private mutating func read(
        _ log: inout LogReader, progress: (_ sequence: UInt64, _ events: Int) -> Void
    ) throws(SystemError) {
        while true {
            do throws(SystemError) {
                return try log.read { sequence, line in
                    add(line)
                    if events % Self.eventsPerProgress == 0 { progress(sequence, events) }
                }
            } catch {
                guard try log.pass(error) else { throw error }
                damagedSegments += 1
            }
        }
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
        let hash =
            identifier.isPresent ? RetriedHits.hash(of: identifier.bytes(in: line)) : nil
        let visitor = scanner[.visitor]
        for reader in readers { batch.append(reader.value(scanner, line, &families)) }
        batch.hits.append(
            HitBatch.Hit(
                identifier: hash, time: hash == nil ? 0 : byteHash(time),
                visitor: visitor.isPresent ? byteHash(visitor.bytes(in: line)) : nil,
                isNew: scanner.hasNewVisitor,
                hour: query.hasOverview ? timeline.hour(of: time) : 0))
        if batch.isFull { count() }
    }

    /// Counts the hits of the batch.
    private mutating func count() {
        retries.mark(&batch)
        for index in batch.hits.indices {
            guard let visitor = batch.hits[index].visitor else { continue }
            batch.hits[index].isKnown = visitors.knows(visitor, isNew: batch.hits[index].isNew)
        }
        for hit in batch.hits {
            if hit.isRetried {
                retried += 1
                continue
            }
            hits += 1
            if let visitor = hit.visitor, !hit.isKnown {
                visitors.add(visitor, isNew: hit.isNew, exactMax: Self.exactVisitorsMax)
            }
            if query.hasOverview { timeline.add(hit.hour) }
        }
        for index in tables.indices { tables[index].add(batch, dimension: index) }
        batch.removeAll()
    }

    /// What was counted.
    mutating func report() -> Report {
        count()
        let found = zip(dimensions, tables).map { dimension, groups in
            Report.List(
                dimension: dimension,
                rows: groups.rows(top: query.top, inOrder: dimension.isTime),
                values: groups.count, without: groups.without, cutHits: groups.cutHits,
                missingMax: groups.missingMax)
        }
        return Report(
            query: query, events: events, damagedSegments: damagedSegments, hits: hits,
            retried: retried, visitors: visitors.count, list: found[0],
            overview: Array(found.dropFirst()), hours: timeline.hours)
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
    /// The hour that was read last, as it is written: `2026-11-23T22` in two overlapping words.
    private var text: (UInt64, UInt64) = (0, 0)
    private var hour: Int64 = 0
    /// The hour of the hit that was counted last, and hits of it that are not yet in `counts`.
    private var counted: Int64 = 0
    private var count = 0

    /// The hour of a time of RFC 3339 in UTC, counted from 1970; 0 of what is none.
    mutating func hour(of time: UnsafeRawBufferPointer) -> Int64 {
        guard time.count >= 13 else { return 0 }
        let text = (
            time.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            time.loadUnaligned(fromByteOffset: 5, as: UInt64.self)
        )
        if text == self.text { return hour }
        func number(_ range: Range<Int>) -> Int64 {
            range.reduce(0) { 10 * $0 + Int64(time[$1] &- 0x30) }
        }
        self.text = text
        hour =
            24 * DateTime.days(year: number(0..<4), month: number(5..<7), day: number(8..<10))
            + number(11..<13)
        return hour
    }

    /// Counts a hit of that hour.
    mutating func add(_ hour: Int64) {
        if hour != counted {
            counts[counted, default: 0] += count
            (counted, count) = (hour, 0)
        }
        count += 1
    }

    var hours: [Report.Hour] {
        counts.merging([counted: count]) { $0 + $1 }.filter { $0.value > 0 }
            .map { Report.Hour(number: $0.key, hits: $0.value) }.sorted { $0.number < $1.number }
    }
}
