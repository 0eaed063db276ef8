internal import Tracking

/// What happened in the last hour, kept up with the log, in bounded memory whatever comes.
///
/// An event counts in the second and the minute of its `time`. One that is older than what is kept
/// of seconds or minutes does not count there; one from the future, which a clock that was set back
/// has left, counts as of now. A hit that was sent again counts once, as in a report. One thread.
public struct LiveRollup {
    /// Seconds that are told at a start.
    static let seconds = 300
    static let minutes = SlidingGroups.minutes
    /// Seconds that are told again, because hits of them may have been synced late.
    static let recentSeconds = 5
    /// Seconds that are kept: those, and the ones that have begun since.
    private static let secondsKept: Int64 = 1024
    /// The newest events that are kept.
    static let newestMax = 20
    /// Values of a dimension that are told.
    static let topMax = 10
    /// Identifiers of hits of which half are remembered, to know those that were sent again.
    private static let identifiersMax = 1 << 17
    /// Seconds by which an event may be ahead of the clock and still count in its own second.
    private static let aheadSecondsMax: Int64 = 5
    /// Bytes of a newest event's line that are looked at again.
    private static let lineBytesMax = 64 << 10
    /// What is listed.
    private static let dimensions = ["search", "page", "referrer", "browser", "bot", "privacy"]
    /// Parameters that are read, the identifier first. The last two only keep caches away.
    private static let parameters = ["e", "s", "u", "ref", "t", "r"]

    private struct Minute {
        var hits = 0
        var new = 0
        var bots = 0
        var optOut = 0
        var gpc = 0
        var dnt = 0
        /// Events that were passed over.
        var skipped = 0
    }

    private let readers: [DimensionReader]
    private var scanner: EventScanner
    private var families = BrowserFamilies()
    private var retries = RetriedHits(identifiersMax: Self.identifiersMax)
    private var clock = SecondText()
    /// Hits of each second, in the place of its number modulo their count.
    private var secondHits = [Int](repeating: 0, count: Int(secondsKept))
    private var minuteCounts = [Minute](repeating: Minute(), count: minutes)
    private var visitors: SlidingVisitors
    private var groups: [SlidingGroups]
    private var lastNew: UInt64 = 0
    /// The newest second that is kept, and what the clock said last.
    private var end: Int64
    private var now: Int64
    /// Lines of the newest events, as a ring, and how many there were at all.
    private var newest: [(sequence: UInt64, line: [UInt8])] = []
    private var newestCount = 0
    /// The newest event that was told.
    private var toldSequence: UInt64 = 0

    /// One that has seen nothing at `now`, in seconds since the epoch.
    public init(now: Int64) {
        self.init(
            now: now, valuesMax: SlidingGroups.valuesMax, visitorsMax: SlidingVisitors.exactMax)
    }

    init(now: Int64, valuesMax: Int, visitorsMax: Int) {
        (self.now, end) = (now, now)
        visitors = SlidingVisitors(exactMax: visitorsMax)
        groups = Self.dimensions.map { _ in SlidingGroups(valuesMax: valuesMax) }
        scanner = EventScanner(upTo: .privacy, parameters: Self.parameters.map { escaped($0) })
        readers = Self.dimensions.map { name in
            guard let dimension = try? Dimension(name) else {
                preconditionFailure("a report has all these dimensions")
            }
            return DimensionReader(dimension, parameters: Self.parameters)
        }
    }

    /// Lets time pass, up to `now`.
    public mutating func advance(to now: Int64) {
        self.now = max(self.now, now)
        moveEnd(to: self.now)
    }

    /// Counts an event of the log, given as its line without the newline.
    public mutating func add(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) {
        scanner.scan(line)
        // Every event has a time; what has none is none.
        guard scanner[.time].isPresent else { return }
        let time = scanner[.time].bytes(in: line)
        guard var second = clock.second(of: time) else { return }
        let identifier = scanner.parameter(0)
        if identifier.isPresent, let hash = RetriedHits.hash(of: identifier.bytes(in: line)),
            retries.isRetried(hash, time: byteHash(time))
        {
            return
        }
        if second > now + Self.aheadSecondsMax { second = now }
        moveEnd(to: second)
        keep(sequence, line)
        if second > end - Self.secondsKept {
            secondHits[Int(second % Self.secondsKept)] += 1
        }
        guard second / 60 > end / 60 - Int64(Self.minutes) else { return }
        count(line, minute: Self.place(of: second / 60))
    }

    /// Events that were not read, and will not be.
    public mutating func skip(_ count: Int) {
        minuteCounts[Self.place(of: end / 60)].skipped += count
    }

    private mutating func count(_ line: UnsafeRawBufferPointer, minute: Int) {
        minuteCounts[minute].hits += 1
        if scanner[.bot].isPresent { minuteCounts[minute].bots += 1 }
        if scanner[.privacy].isPresent {
            switch scanner[.privacy].bytes(in: line).first {
            case UInt8(ascii: "o"): minuteCounts[minute].optOut += 1
            case UInt8(ascii: "g"): minuteCounts[minute].gpc += 1
            case UInt8(ascii: "d"): minuteCounts[minute].dnt += 1
            default: break
            }
        }
        if scanner[.visitor].isPresent {
            let visitor = byteHash(scanner[.visitor].bytes(in: line))
            visitors.add(visitor, minute: minute)
            // The events of one request follow on one another, and have one new visitor.
            if scanner.hasNewVisitor, visitor != lastNew {
                minuteCounts[minute].new += 1
                lastNew = visitor
            }
        }
        for index in readers.indices {
            guard let value = readers[index].value(scanner, line, &families) else { continue }
            groups[index].add(value, minute: minute)
        }
    }

    /// The place of a minute, which is counted from the epoch.
    private static func place(of minute: Int64) -> Int { Int(minute % Int64(minutes)) }

    private mutating func moveEnd(to second: Int64) {
        guard second > end else { return }
        for second in max(end + 1, second - Self.secondsKept + 1)...second {
            secondHits[Int(second % Self.secondsKept)] = 0
        }
        let (last, next) = (end / 60, second / 60)
        end = second
        guard next > last else { return }
        for minute in max(last + 1, next - Int64(Self.minutes) + 1)...next {
            let place = Self.place(of: minute)
            minuteCounts[place] = Minute()
            visitors.clear(minute: place)
            for index in groups.indices { groups[index].clear(minute: place) }
        }
    }

    private mutating func keep(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) {
        let kept = UnsafeRawBufferPointer(rebasing: line.prefix(Self.lineBytesMax))
        if newest.count < Self.newestMax {
            newest.append((sequence, Array(kept)))
        } else {
            let index = newestCount % Self.newestMax
            newest[index].sequence = sequence
            newest[index].line.replaceSubrange(0..., with: kept)
        }
        newestCount += 1
    }

    // MARK: - Telling

    /// The members of a `tick`, as JSON without braces; `second` is the last one that is complete.
    /// `newest` has the events since the last time that this or `start` was called.
    public mutating func tick(second: Int64) -> String {
        members(second, newestAfter: toldSequence)
    }

    /// The members of a `start`, as JSON without braces: those of a tick, and what came before.
    public mutating func start(second: Int64) -> String {
        let first = second - Int64(Self.seconds) + 1
        let minute = end / 60
        let places = (minute - Int64(Self.minutes) + 1...minute).map { Self.place(of: $0) }
        let minuteHits = places.map { minuteCounts[$0].hits }
        let minuteVisitors = places.map { visitors.count(minute: $0) }
        return """
            "seconds":{"end":\(second),"hits":\(json((first...second).map { hits(of: $0) }))},\
            "minutes":{"end":\(minute * 60),"hits":\(json(minuteHits)),\
            "visitors":\(json(minuteVisitors))},\(members(second, newestAfter: 0))
            """
    }

    private func hits(of second: Int64) -> Int {
        second > end - Self.secondsKept && second <= end && second >= 0
            ? secondHits[Int(second % Self.secondsKept)] : 0
    }

    private mutating func members(_ second: Int64, newestAfter told: UInt64) -> String {
        let current = Self.place(of: end / 60)
        var sum = Minute()
        for minute in minuteCounts {
            sum.hits += minute.hits
            sum.new += minute.new
            sum.bots += minute.bots
            sum.optOut += minute.optOut
            sum.gpc += minute.gpc
            sum.dnt += minute.dnt
            sum.skipped += minute.skipped
        }
        let recent = (second - Int64(Self.recentSeconds) + 1...second).map { hits(of: $0) }
        let all = visitors.all
        let lists = zip(Self.dimensions, groups).map { name, group in
            let rows = group.top(Self.topMax).map {
                "[\(LiveText.string($0.value[...])),\($0.hits)]"
            }
            return "\"\(name)\":[\(rows.joined(separator: ","))]"
        }
        let skipped = sum.skipped > 0 ? ",\"skipped\":\(sum.skipped)" : ""
        return """
            "now":\(second),"hits":\(hits(of: second)),"recent":\(json(recent)),\
            "minute":{"start":\(end / 60 * 60),"hits":\(minuteCounts[current].hits),\
            "visitors":\(visitors.count(minute: current))},\
            "hour":{"hits":\(sum.hits),"visitors":\(all.count),\
            "visitors_error":\(all.standardError),"new":\(sum.new),"bots":\(sum.bots),\
            "opt_out":\(sum.optOut),"gpc":\(sum.gpc),"dnt":\(sum.dnt)}\(skipped),\
            "top":{\(lists.joined(separator: ","))},"newest":[\(newestEvents(after: told))]
            """
    }

    private mutating func newestEvents(after told: UInt64) -> String {
        let first = newest.count < Self.newestMax ? 0 : newestCount % Self.newestMax
        var events: [String] = []
        for offset in newest.indices {
            let (sequence, line) = newest[(first + offset) % newest.count]
            if sequence <= told { continue }
            events.append(line.withUnsafeBytes { event(sequence, $0) })
            toldSequence = max(toldSequence, sequence)
        }
        return events.joined(separator: ",")
    }

    /// An event of the list of the newest.
    private mutating func event(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> String {
        scanner.scan(line)
        var members = ["\"seq\":\(sequence)"]
        func add(_ name: String, _ value: UnsafeRawBufferPointer?) {
            guard let value else { return }
            members.append("\"\(name)\":\(LiveText.string(value))")
        }
        func bytes(_ key: Key) -> UnsafeRawBufferPointer? {
            scanner[key].isPresent ? scanner[key].bytes(in: line) : nil
        }
        add("time", bytes(.time))
        add("kind", bytes(.kind))
        add("visitor", bytes(.visitor))
        if scanner.hasNewVisitor { members.append("\"new\":true") }
        for (index, name) in Self.dimensions.enumerated() {
            add(name, readers[index].value(scanner, line, &families))
        }
        add("ip", bytes(.address))
        add("host", bytes(.host))
        let known = Self.parameters.indices.reduce(0) {
            scanner.parameter($1).isPresent ? $0 + 1 : $0
        }
        let more = scanner.parameterCount - known
        if more > 0 { members.append("\"params_more\":\(more)") }
        return "{\(members.joined(separator: ","))}"
    }

    private func json(_ numbers: [Int]) -> String {
        "[\(numbers.map { String($0) }.joined(separator: ","))]"
    }
}

/// Reads the second of times that follow on one another.
private struct SecondText {
    /// The time before up to its minutes, and the seconds since the epoch at which they began.
    private var text: (UInt64, UInt64) = (0, 0)
    private var minute: Int64 = 0

    /// The second of a time of RFC 3339 in UTC; nil if it is none.
    mutating func second(of time: UnsafeRawBufferPointer) -> Int64? {
        guard time.count >= 20, time[time.count - 1] == UInt8(ascii: "Z") else { return nil }
        let text = (
            time.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            time.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        )
        if text != self.text {
            let whole = Array(time.prefix(17)) + Array("00Z".utf8)
            guard let moment = DateTime.parse(whole) else { return nil }
            self.text = text
            minute = moment.microseconds / 1_000_000
        }
        let (tens, ones) = (time[17] &- 0x30, time[18] &- 0x30)
        guard tens < 7, ones < 10 else { return nil }
        return minute + Int64(10 * tens + ones)
    }
}

/// Strings of events for the dashboard.
enum LiveText {
    /// Bytes of a text beyond which it is cut.
    static let bytesMax = 300

    /// A JSON string of the text that an event has, which is escaped and has no quotes.
    static func string(_ escaped: some Sequence<UInt8>) -> String {
        let bytes = Array(escaped)
        guard bytes.count > bytesMax else {
            return "\"" + String(decoding: bytes, as: UTF8.self) + "\""
        }
        return "\"" + String(decoding: bytes[..<cut(bytes)], as: UTF8.self) + "…\""
    }

    /// The last place up to `bytesMax` at which no character and no escape is broken.
    private static func cut(_ bytes: [UInt8]) -> Int {
        var position = 0
        var end = 0
        while position <= bytesMax {
            end = position
            switch bytes[position] {
            case UInt8(ascii: "\\"):
                position += bytes[position + 1] == UInt8(ascii: "u") ? 6 : 2
            case 0xf0...: position += 4
            case 0xe0...: position += 3
            case 0xc0...: position += 2
            default: position += 1
            }
        }
        return end
    }
}
