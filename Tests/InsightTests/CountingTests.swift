import Foundation
import TestSupport
import Testing
import Tracking

@testable import Insight

/// Reports held against plain counting of the same events, parsed by JSONSerialization.
@Suite struct CountingTests {
    /// What a report has to say, counted without a care for time or memory.
    private struct Plain {
        var hits = 0
        var retried = 0
        var without = 0
        var visitors: [String: Bool] = [:]
        var rows: [String: (hits: Int, visitors: [String: Bool])] = [:]

        init(_ lines: [[UInt8]], _ query: ReportQuery) throws {
            var identifiers: Set<String> = []
            var last = ("", "")
            for line in lines {
                let parsed = try JSONSerialization.jsonObject(with: Data(line))
                let event = try #require(parsed as? [String: Any])
                let time = try #require(event["time"] as? String)
                if let since = query.since, time < since.description { continue }
                if let until = query.until, time >= until.description { continue }
                let isWanted = query.filters.allSatisfy { filter in
                    let value = Self.value(filter.dimension.name, event) ?? ""
                    return (value == filter.value) == filter.isEqual
                }
                if !isWanted { continue }
                if let e = (event["params"] as? [String: String])?["e"], e.utf8.count >= 20 {
                    if identifiers.contains(e), last != (e, time) {
                        retried += 1
                        continue
                    }
                    identifiers.insert(e)
                    last = (e, time)
                }
                hits += 1
                let isNew = event["new_visitor"] as? Bool ?? false
                func note(_ visitors: inout [String: Bool]) {
                    guard let visitor = event["visitor"] as? String else { return }
                    visitors[visitor] = visitors[visitor] ?? false || isNew
                }
                note(&visitors)
                guard let value = Self.value(query.dimension.name, event) else {
                    without += 1
                    continue
                }
                rows[value, default: (0, [:])].hits += 1
                note(&rows[value, default: (0, [:])].visitors)
            }
        }

        static func value(_ name: String, _ event: [String: Any]) -> String? {
            let params = event["params"] as? [String: String] ?? [:]
            let referrer = event["referrer"] as? String
            switch name {
            case "search": return params["s"]
            case "page": return params["u"] ?? referrer
            case "referrer":
                if let ref = params["ref"] { return ref }
                let isClick = event["kind"] as? String == "click"
                return params["u"] != nil && !isClick ? nil : referrer
            case "language":
                return (event["language"] as? String).map { text in
                    String(text.prefix { $0 != "," && $0 != ";" })
                }
            case "browser":
                guard let agent = event["user_agent"] as? String else { return nil }
                if event["privacy"] != nil { return agent }
                let words = [
                    ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("MSIE ", "Internet Explorer"),
                ]
                return words.first { agent.contains($0.0) }?.1 ?? "Other"
            case "hour": return (event["time"] as? String).map { String($0.prefix(13)) }
            case "day": return (event["time"] as? String).map { String($0.prefix(10)) }
            case "new_visitor": return (event["new_visitor"] as? Bool).map { "\($0)" }
            case _ where name.hasPrefix("params."): return params[String(name.dropFirst(7))]
            default: return event[name] as? String
            }
        }
    }

    private static func report(_ lines: [[UInt8]], _ query: ReportQuery) -> Report {
        var reader = ReportReader(query)
        for line in lines { line.withUnsafeBytes { reader.add($0) } }
        return reader.report()
    }

    private static func hold(_ lines: [[UInt8]], _ query: ReportQuery) throws {
        let report = report(lines, query)
        let plain = try Plain(lines, query)
        #expect(report.events == lines.count)
        #expect(report.hits == plain.hits)
        #expect(report.retried == plain.retried)
        #expect(report.list.without == plain.without)
        #expect(report.list.values == plain.rows.count)
        func isEqual(_ counted: Report.Visitors, _ visitors: [String: Bool]) -> Bool {
            counted
                == Report.Visitors(
                    all: visitors.count, new: visitors.values.count { $0 },
                    returning: visitors.values.count { !$0 }, standardError: 0)
        }
        #expect(isEqual(report.visitors, plain.visitors))
        #expect(Set(report.list.rows.map(\.value)) == Set(plain.rows.keys))
        for row in report.list.rows {
            let expected = try #require(plain.rows[row.value], "\(row.value)")
            #expect(row.hits == expected.hits, "\(row.value)")
            #expect(isEqual(row.visitors, expected.visitors), "\(row.value)")
        }
        let hits = report.list.rows.map(\.hits)
        if !query.dimension.isTime { #expect(hits == hits.sorted(by: >)) }
    }

    private static let dimensions = [
        "search", "page", "referrer", "host", "language", "visitor", "bot", "path", "kind",
        "privacy", "browser", "hour", "day", "user_agent", "query", "ip", "new_visitor",
        "params.utm_source", "params.na\"me", "params.nobody",
    ]

    @Test("a report counts as one does by hand", arguments: dimensions)
    func counts(_ name: String) throws {
        let seed = SeededRandom.newSeed()
        var random = SeededRandom(seed: seed)
        let lines = (0..<3000).map { _ in MadeEvent.random(&random).line }
        var query = ReportQuery(by: try Dimension(name))
        query.top = .max
        query.hasOverview = random.next() % 2 == 0
        print("seed \(seed)")
        try Self.hold(lines, query)
        let start = MadeEvent().time
        query.since = Timestamp(microseconds: start + 86_400_000_000)
        try Self.hold(lines, query)
        query.until = Timestamp(microseconds: start + 2 * 86_400_000_000)
        try Self.hold(lines, query)
        query.filters = [try ReportQuery.Filter("bot="), try ReportQuery.Filter("kind!=pixel")]
        try Self.hold(lines, query)
        query.filters = [try ReportQuery.Filter("params.s=café"), try ReportQuery.Filter("host!=")]
        try Self.hold(lines, query)
    }

    @Test("the top is cut, and what is left out is said; times stay in order, the last ones")
    func top() throws {
        let lines = (0..<30).map { number in
            MadeEvent(
                time: 1_795_000_000_000_000 + Int64(number / 5) * 3_600_000_000,
                query: "s=\(number % 10 < 5 ? 0 : number % 10)"
            ).line
        }
        var query = ReportQuery(by: try Dimension("search"))
        query.top = 3
        let report = Self.report(lines, query)
        #expect(report.list.rows.map(\.value) == ["0", "5", "6"])
        #expect(report.list.rows.map(\.hits) == [15, 3, 3])
        #expect(report.list.values == 6)
        query.dimension = try Dimension("hour")
        query.top = 2
        #expect(
            Self.report(lines, query).list.rows.map(\.value) == ["2026-11-18T15", "2026-11-18T16"])
    }

    @Test("a hit that was sent again counts once; the events of one request have one identifier")
    func retried() throws {
        let identifier = "0b2d9ea4-29a6-4c6e-8a30-0d3ae8a8f9d8"
        func line(_ time: Int64, _ e: String) -> [UInt8] {
            MadeEvent(time: 1_795_000_000_000_000 + time, query: "e=\(e)").line
        }
        let query = ReportQuery(by: try Dimension("kind"))
        let batch = [line(1, identifier), line(1, identifier), line(1, identifier)]
        let again = [line(2, identifier), line(2, identifier), line(2, identifier)]
        let own = [line(3, "click"), line(4, "click")]
        let report = Self.report(batch + [line(2, "x")] + again + own, query)
        #expect((report.hits, report.retried) == (6, 3))
    }

    @Test("identifiers are remembered for as long as is said")
    func remembered() {
        var retries = RetriedHits(identifiersMax: 100)
        func isRetried(_ number: Int, at time: UInt64) -> Bool {
            var batch = HitBatch(dimensions: 0)
            let hash = Array("identifier-of-a-hit-\(number)".utf8).withUnsafeBytes {
                RetriedHits.hash(of: $0)
            }
            batch.hits.append(
                HitBatch.Hit(identifier: hash, time: time, visitor: nil, isNew: false, hour: 0))
            retries.mark(&batch)
            return batch.hits[0].isRetried
        }
        for number in 0..<1000 {
            #expect(!isRetried(number, at: 1))
            if number >= 99 { #expect(isRetried(number - 99, at: 2)) }
        }
        #expect(!isRetried(0, at: 3))
    }

    @Test("a line with bytes that are no event's is passed over or read, and does no harm")
    func mutated() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var query = ReportQuery(by: try Dimension("page"))
        query.hasOverview = true
        var reader = ReportReader(query)
        // Lines end where memory does, so that a look beyond one is fatal.
        let bytes = 64 << 10
        let memory = try #require(
            mmap(nil, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, 2 * bytes) }
        let end = memory + bytes
        try #require(mprotect(end, bytes, PROT_NONE) == 0)
        for _ in 0..<5000 {
            var line = MadeEvent.random(&random).line
            for _ in 0..<(1 + random.next() % 4) {
                line[Int(random.next() % UInt64(line.count))] =
                    Array("\"\\{}[],:\u{0}a".utf8)[Int(random.next() % 10)]
            }
            line.removeLast(Int(random.next() % UInt64(line.count)) / 4)
            let place = end - line.count
            place.copyMemory(from: line, byteCount: line.count)
            reader.add(UnsafeRawBufferPointer(start: place, count: line.count))
        }
        #expect(reader.report().events == 5000)
    }
}
