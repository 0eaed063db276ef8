import Foundation
import TestSupport
import Testing
import Tracking

@testable import Insight

/// The dashboard's figures held against plain counting of the same events, parsed by
/// JSONSerialization.
@Suite struct LiveTests {
    private static let begin: Int64 = 1_795_000_000

    /// The last hour, counted without a care for time or memory.
    private struct Plain {
        /// The second and the event of each hit.
        var hits: [(second: Int64, sequence: UInt64, event: [String: Any])] = []
        private var identifiers: Set<String> = []
        private var last = ("", "")

        mutating func add(_ sequence: UInt64, _ line: [UInt8], second: Int64) throws {
            let parsed = try JSONSerialization.jsonObject(with: Data(line))
            let event = try #require(parsed as? [String: Any])
            let time = try #require(event["time"] as? String)
            if let e = (event["params"] as? [String: String])?["e"], e.utf8.count >= 20 {
                if identifiers.contains(e), last != (e, time) { return }
                identifiers.insert(e)
                last = (e, time)
            }
            hits.append((second, sequence, event))
        }

        func inMinute(_ minute: Int64) -> [[String: Any]] {
            hits.filter { $0.second / 60 == minute }.map(\.event)
        }

        func inHour(ending minute: Int64) -> [[String: Any]] {
            hits.filter { (minute - 59...minute).contains($0.second / 60) }.map(\.event)
        }

        static func visitors(_ events: [[String: Any]]) -> Int {
            Set(events.compactMap { $0["visitor"] as? String }).count
        }

        static func top(_ name: String, _ events: [[String: Any]]) -> [String: Int] {
            events.reduce(into: [:]) { counts, event in
                if let value = value(name, event) { counts[value, default: 0] += 1 }
            }
        }

        static func value(_ name: String, _ event: [String: Any]) -> String? {
            let params = event["params"] as? [String: String] ?? [:]
            let referrer = event["referrer"] as? String
            switch name {
            case "search": return params["s"]
            case "page": return params["u"] ?? referrer
            case "referrer":
                let isClick = event["kind"] as? String == "click"
                return params["ref"] ?? (params["u"] != nil && !isClick ? nil : referrer)
            case "browser":
                // That of an anonymous event is a family already.
                return (event["user_agent"] as? String).map { agent in
                    BrowserFamily.names.map(\.description).first { $0 == agent }
                        ?? BrowserFamily.name(of: Array(agent.utf8).span).description
                }
            default: return event[name] as? String
            }
        }
    }

    private static func object(_ members: String) throws -> [String: Any] {
        let parsed = try JSONSerialization.jsonObject(with: Data("{\(members)}".utf8))
        return try #require(parsed as? [String: Any])
    }

    private func expectEqual(
        _ told: [String: Any], _ plain: Plain, second: Int64, end: Int64
    ) throws {
        let hour = plain.inHour(ending: end / 60)
        let figures = try #require(told["hour"] as? [String: Double])
        func count(_ isWanted: ([String: Any]) -> Bool) -> Double {
            Double(hour.filter(isWanted).count)
        }
        #expect(
            figures == [
                "hits": Double(hour.count), "visitors": Double(Plain.visitors(hour)),
                "visitors_error": 0, "new": count { $0["new_visitor"] as? Bool == true },
                "bots": count { $0["bot"] != nil },
                "opt_out": count { $0["privacy"] as? String == "opt_out" },
                "gpc": count { $0["privacy"] as? String == "gpc" },
                "dnt": count { $0["privacy"] as? String == "dnt" },
            ])
        let current = plain.inMinute(end / 60)
        #expect(
            told["minute"] as? [String: Int64] == [
                "start": end / 60 * 60, "hits": Int64(current.count),
                "visitors": Int64(Plain.visitors(current)),
            ])
        func hits(_ second: Int64) -> Int { plain.hits.filter { $0.second == second }.count }
        #expect(told["now"] as? Int64 == second)
        #expect(told["hits"] as? Int == hits(second))
        #expect(told["recent"] as? [Int] == (second - 4...second).map(hits))
        let top = try #require(told["top"] as? [String: [[Any]]])
        for name in ["search", "page", "referrer", "browser", "bot", "privacy"] {
            let expected = Plain.top(name, hour)
            let rows = try #require(top[name])
            #expect(rows.count == min(10, expected.count), "\(name)")
            #expect(
                rows.map { $0[1] as? Int } == expected.values.sorted(by: >).prefix(10).map { $0 })
            for row in rows { #expect(expected[row[0] as? String ?? ""] == row[1] as? Int) }
        }
        guard let seconds = told["seconds"] as? [String: Any] else { return }
        #expect(seconds["end"] as? Int64 == second)
        #expect(seconds["hits"] as? [Int] == (second - 299...second).map(hits))
        let minutes = try #require(told["minutes"] as? [String: Any])
        let span = end / 60 - 59...end / 60
        #expect(minutes["end"] as? Int64 == end / 60 * 60)
        #expect(minutes["hits"] as? [Int] == span.map { plain.inMinute($0).count })
        #expect(
            minutes["visitors"] as? [Int] == span.map { Plain.visitors(plain.inMinute($0)) })
    }

    @Test func `random events are counted as plain counting does, as time passes`() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var now = Self.begin
        var rollup = LiveRollup(now: now)
        var plain = Plain()
        var sequence: UInt64 = 0
        for round in 0..<40 {
            for _ in 0..<random.next() % 100 {
                var event = MadeEvent.random(&random)
                // Mostly of these seconds; some late, some by far.
                let late = random.next() % 10 == 0 ? Int64(random.next() % 4500) : 0
                event.time =
                    (now - late) * 1_000_000 - Int64(random.next() % 2_000_000)
                // A new visitor for each event that says so, as in a log.
                if event.isNew { event.visitor = 1000 + sequence }
                sequence += 1
                let line = event.line
                line.withUnsafeBytes { rollup.add(sequence, $0) }
                try plain.add(sequence, line, second: event.time / 1_000_000)
            }
            let told =
                round % 4 == 0
                ? rollup.start(second: now - 1) : rollup.tick(second: now - 1)
            try expectEqual(Self.object(told), plain, second: now - 1, end: now)
            now += [1, 1, 1, 30, 400, 3000][Int(random.next() % 6)]
            rollup.advance(to: now)
        }
    }

    @Test func `the newest events are told once, with what people want to see of them`() throws {
        var rollup = LiveRollup(now: Self.begin)
        func add(_ sequences: ClosedRange<UInt64>, _ event: MadeEvent) {
            for sequence in sequences {
                event.line.withUnsafeBytes { rollup.add(sequence, $0) }
            }
        }
        func newest(_ members: String) throws -> [[String: Any]] {
            try #require(try Self.object(members)["newest"] as? [[String: Any]])
        }
        var event = MadeEvent()
        event.time = Self.begin * 1_000_000
        add(1...15, event)
        #expect(try newest(rollup.tick(second: 1)).map { $0["seq"] as? Int } == Array(1...15))
        #expect(try newest(rollup.tick(second: 1)).isEmpty)
        event.query = "u=p&s=a%22b&e=1&t=2&r=3&x=4&y=5"
        event.isNew = true
        event.userAgent = "Firefox/1"
        event.host = "h"
        add(16...40, event)
        let told = try newest(rollup.tick(second: 1))
        #expect(told.map { $0["seq"] as? Int } == Array(21...40))
        let last = try #require(told.last)
        #expect(last["search"] as? String == "a\"b")
        #expect(last["page"] as? String == "p")
        #expect(last["browser"] as? String == "Firefox")
        #expect(last["new"] as? Bool == true)
        #expect(last["host"] as? String == "h")
        #expect(last["ip"] as? String == "::")
        #expect(last["kind"] as? String == "track")
        #expect(last["params_more"] as? Int == 2)
        #expect(try newest(rollup.start(second: 1)).count == 20)
    }

    @Test func `what was passed over is said for an hour`() throws {
        var rollup = LiveRollup(now: Self.begin)
        rollup.skip(7)
        #expect(try Self.object(rollup.tick(second: Self.begin))["skipped"] as? Int == 7)
        rollup.advance(to: Self.begin + 3600)
        #expect(try Self.object(rollup.tick(second: Self.begin))["skipped"] == nil)
    }

    @Test func `an event of the future counts as of now`() throws {
        var rollup = LiveRollup(now: Self.begin)
        var event = MadeEvent()
        event.time = (Self.begin + 100_000) * 1_000_000
        event.line.withUnsafeBytes { rollup.add(1, $0) }
        #expect(try Self.object(rollup.tick(second: Self.begin))["hits"] as? Int == 1)
    }

    @Test func `beyond its bounds it forgets what is rare, and estimates visitors`() throws {
        var rollup = LiveRollup(now: Self.begin, valuesMax: 50, visitorsMax: 1000)
        var sequence: UInt64 = 0
        for visitor in 0..<20_000 as Range<UInt64> {
            var event = MadeEvent()
            event.time = (Self.begin - Int64(visitor % 600)) * 1_000_000
            event.visitor = visitor
            event.query = visitor % 3 == 0 ? "s=often" : "s=rare\(visitor)"
            sequence += 1
            event.line.withUnsafeBytes { rollup.add(sequence, $0) }
        }
        let told = try Self.object(rollup.tick(second: Self.begin))
        let hour = try #require(told["hour"] as? [String: Double])
        let error = try #require(hour["visitors_error"])
        #expect(error > 0.01 && error < 0.02)
        #expect(abs((hour["visitors"] ?? 0) / 20_000 - 1) < 5 * error)
        let top = try #require((told["top"] as? [String: [[Any]]])?["search"])
        #expect(top[0][0] as? String == "often" && top[0][1] as? Int == 6667)
        // An hour later it is exact again.
        rollup.advance(to: Self.begin + 3600)
        var event = MadeEvent()
        event.time = (Self.begin + 3600) * 1_000_000
        event.line.withUnsafeBytes { rollup.add(sequence + 1, $0) }
        let later = try Self.object(rollup.tick(second: Self.begin + 3600))
        let exact = try #require(later["hour"] as? [String: Double])
        #expect(exact["visitors"] == 1 && exact["visitors_error"] == 0)
    }

    @Test func `a long text is cut where no character and no escape breaks`() throws {
        for text in ["é", "\\u2028", "\\\"", "😀", "a", "€"] {
            for start in 0..<8 {
                let escaped =
                    String(repeating: "x", count: start)
                    + String(repeating: text, count: 400)
                let told = LiveText.string(escaped.utf8)
                #expect(told.utf8.count <= LiveText.bytesMax + 5)
                let parsed = try JSONSerialization.jsonObject(
                    with: Data(told.utf8), options: .fragmentsAllowed)
                #expect((parsed as? String)?.hasSuffix("…") == true)
                #expect((parsed as? String)?.contains("\u{fffd}") == false)
            }
        }
        #expect(LiveText.string("short".utf8) == "\"short\"")
    }
}
