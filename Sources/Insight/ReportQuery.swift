public import Tracking

/// What a report is to tell.
public struct ReportQuery: Sendable {
    /// A condition on a hit.
    public struct Filter: Sendable, CustomStringConvertible {
        let dimension: Dimension
        let value: String
        let isEqual: Bool

        /// Reads `NAME=VALUE` or `NAME!=VALUE`. An empty value is that of hits without one, too.
        public init(_ text: String) throws(ReportError) {
            guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
                throw ReportError(
                    description: "'\(text)': expected NAME=VALUE or NAME!=VALUE, as in path=/x")
            }
            let before = text.index(before: sign)
            isEqual = text[before] != "!"
            dimension = try Dimension(String(text[..<(isEqual ? sign : before)]))
            value = String(text[text.index(after: sign)...])
        }

        /// As it is written on the command line.
        public var description: String { "\(dimension.name)\(isEqual ? "=" : "!=")\(value)" }
    }

    /// Hits from this moment on; nil for all.
    public var since: Timestamp?
    /// Hits before this moment; nil for all.
    public var until: Timestamp?
    /// What they are grouped by.
    public var dimension: Dimension
    /// Conditions that all have to hold.
    public var filters: [Filter] = []
    /// How many rows there are at most.
    public var top = 10
    /// Whether there is to be an overview besides: hits in the course of time, and the most
    /// frequent values of several dimensions.
    public var hasOverview = false

    /// Every hit, by `dimension`.
    public init(by dimension: Dimension) {
        self.dimension = dimension
    }

    /// Reads a moment: RFC 3339, a date of it alone, or how long it is before `now`, such as `90m`,
    /// `1h` or `7d`.
    public static func moment(
        _ text: String, now: Timestamp
    ) throws(ReportError) -> Timestamp {
        if let moment = DateTime.parse(Array(text.utf8)) { return moment }
        let secondsPerUnit: [Character: Int64] = [
            "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400,
        ]
        if let unit = text.last.flatMap({ secondsPerUnit[$0] }),
            let number = Int64(text.dropLast()),
            number > 0, number < 1_000_000_000
        {
            return Timestamp(microseconds: now.microseconds - number * unit * 1_000_000)
        }
        throw ReportError(
            description: "'\(text)': expected a time such as 2026-11-23T22:00:00Z, a day such as "
                + "2026-11-23, or how long ago, such as 90m, 1h or 7d")
    }
}

/// Dates and times of RFC 3339, section 5.6.
enum DateTime {
    /// A date and time, or a date alone for its beginning in UTC; nil for anything else.
    static func parse(_ text: [UInt8]) -> Timestamp? {
        var reader = Reader(text: text)
        guard let year = reader.number(digits: 4), year >= 1970, reader.take("-"),
            let month = reader.number(digits: 2), 1...12 ~= month, reader.take("-"),
            let day = reader.number(digits: 2), day >= 1,
            case let days = days(year: year, month: month, day: day),
            case let date = CivilDate(daysSinceEpoch: days), date.day == day, date.month == month
        else { return nil }
        if reader.isAtEnd { return Timestamp(microseconds: days * 86_400_000_000) }
        guard reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(digits: 2), hour < 24, reader.take(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.take(":"),
            let second = reader.number(digits: 2), second <= 60
        else { return nil }
        var microseconds: Int64 = 0
        if reader.take(".") {
            guard let fraction = reader.fraction() else { return nil }
            microseconds = fraction
        }
        guard let offset = reader.offset(), reader.isAtEnd else { return nil }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Timestamp(microseconds: seconds * 1_000_000 + microseconds)
    }

    /// The day of a date, counted from 1970-01-01: the inverse of `CivilDate`, whose years begin in
    /// March too.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private struct Reader {
        let text: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == text.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard position < text.count, text[position] == UInt8(ascii: character) else {
                return false
            }
            position += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard position < text.count, 0x30...0x39 ~= text[position] else { return nil }
            position += 1
            return Int64(text[position - 1] - 0x30)
        }

        mutating func number(digits: Int) -> Int64? {
            var number: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                number = 10 * number + digit
            }
            return number
        }

        /// The digits behind the point, in microseconds.
        mutating func fraction() -> Int64? {
            guard var number = digit() else { return nil }
            var scale: Int64 = 100_000
            number *= scale
            while let digit = digit() {
                scale /= 10
                number += digit * scale
            }
            return number
        }

        /// How far the local time is ahead of UTC, in seconds.
        mutating func offset() -> Int64? {
            if take("Z") || take("z") { return 0 }
            let isAhead = take("+")
            guard isAhead || take("-"), let hours = number(digits: 2), hours < 24, take(":"),
                let minutes = number(digits: 2), minutes < 60
            else { return nil }
            return (isAhead ? 1 : -1) * (hours * 3600 + minutes * 60)
        }
    }
}
