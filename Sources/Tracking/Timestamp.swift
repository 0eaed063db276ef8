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
        let seconds = microseconds / 1_000_000 % 86_400
        var text = InlineArray<27, UInt8>(repeating: UInt8(ascii: "T"))
        func put(_ value: Int64, digits: Int, at start: Int, then separator: Unicode.Scalar) {
            var rest = value
            for index in stride(from: start + digits - 1, through: start, by: -1) {
                text[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            text[start + digits] = UInt8(ascii: separator)
        }
        put(date.year, digits: 4, at: 0, then: "-")
        put(date.month, digits: 2, at: 5, then: "-")
        put(date.day, digits: 2, at: 8, then: "T")
        put(seconds / 3600, digits: 2, at: 11, then: ":")
        put(seconds / 60 % 60, digits: 2, at: 14, then: ":")
        put(seconds % 60, digits: 2, at: 17, then: ".")
        put(microseconds % 1_000_000, digits: 6, at: 20, then: "Z")
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
