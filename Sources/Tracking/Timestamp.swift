/// A moment, in microseconds since 1970-01-01 UTC.
public struct Timestamp: Hashable, Sendable, CustomStringConvertible {
    /// Microseconds since the epoch, not before it.
    public let microseconds: Int64

    /// A moment from 1970 to 9999, the years that RFC 3339 can write.
    public init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, 0), 253_402_300_799_999_999)
    }

    /// RFC 3339 in UTC with microseconds: `2026-11-23T22:17:00.123456Z`.
    public var description: String {
        let bytes = text
        return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }

    /// The text form.
    var text: InlineArray<27, UInt8> {
        let date = CivilDate(daysSinceEpoch: microseconds / 86_400_000_000)
        let seconds = Int(microseconds / 1_000_000 % 86_400)
        let fraction = Int(microseconds % 1_000_000)
        var text = InlineArray<27, UInt8>(repeating: UInt8(ascii: ":"))
        func put(_ value: Int, at start: Int) {
            text[start] = UInt8(truncatingIfNeeded: value / 10) &+ UInt8(ascii: "0")
            text[start + 1] = UInt8(truncatingIfNeeded: value % 10) &+ UInt8(ascii: "0")
        }
        put(Int(date.year) / 100, at: 0)
        put(Int(date.year) % 100, at: 2)
        put(Int(date.month), at: 5)
        put(Int(date.day), at: 8)
        put(seconds / 3600, at: 11)
        put(seconds / 60 % 60, at: 14)
        put(seconds % 60, at: 17)
        put(fraction / 10_000, at: 20)
        put(fraction / 100 % 100, at: 22)
        put(fraction % 100, at: 24)
        text[4] = UInt8(ascii: "-")
        text[7] = UInt8(ascii: "-")
        text[10] = UInt8(ascii: "T")
        text[19] = UInt8(ascii: ".")
        text[26] = UInt8(ascii: "Z")
        return text
    }
}

/// A date of the proleptic Gregorian calendar.
public struct CivilDate: Equatable, Sendable {
    /// The year, 1970 or later.
    public let year: Int64
    /// The month, from 1.
    public let month: Int64
    /// The day of the month, from 1.
    public let day: Int64

    /// The date of a day counted from 1970-01-01, which is day 0.
    ///
    /// Years are counted from March, so that the leap day is the last of its year; an era is the
    /// 400 years after which the calendar repeats.
    public init(daysSinceEpoch days: Int64) {
        let daysPerEra: Int64 = 146_097
        let shifted = days + 719_468
        let era = shifted / daysPerEra
        let dayOfEra = shifted % daysPerEra
        let leapDays = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchBased = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchBased + 2) / 5 + 1
        month = marchBased < 10 ? marchBased + 3 : marchBased - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
