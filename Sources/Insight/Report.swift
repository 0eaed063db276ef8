/// What was found in a log.
public struct Report: Sendable {
    /// Different visitors.
    public struct Visitors: Equatable, Sendable {
        /// How many there are.
        public let all: Int
        /// Those that have got their identifier by one of the hits.
        public let new: Int
        /// All others.
        public let returning: Int
        /// The standard error of `all`, as a part of it; 0 if it is exact.
        public let standardError: Double
    }

    /// A value of the dimension, and what it has.
    public struct Row: Equatable, Sendable {
        /// The value, escaped as a JSON string.
        let escapedValue: [UInt8]
        /// Hits that have it.
        public let hits: Int
        /// The visitors of these hits.
        public let visitors: Visitors

        /// The value.
        public var value: String { unescaped(escapedValue) }
    }

    /// The values of a dimension with the most hits.
    public struct List: Sendable {
        /// The dimension.
        public let dimension: Dimension
        /// The rows: the most hits first, or in order if they are times.
        public let rows: [Row]
        /// Values that were counted.
        public let values: Int
        /// Hits without a value.
        public let without: Int
        /// Hits of values that were let go of, because there were too many.
        public let cutHits: Int
        /// The most hits that a row lacks for that reason.
        public let missingMax: Int
    }

    /// Hits of an hour of UTC.
    public struct Hour: Equatable, Sendable {
        /// The hour, counted from 1970.
        public let number: Int64
        /// How many there are.
        public let hits: Int
    }

    /// What was asked for.
    public let query: ReportQuery
    /// Events that were read, in the segments that were looked at.
    public let events: Int
    /// Compressed segments whose rest could not be read, because they are damaged.
    public let damagedSegments: Int
    /// Hits that are counted.
    public let hits: Int
    /// Hits that are not counted, because they were sent again.
    public let retried: Int
    /// The visitors of the hits that are counted.
    public let visitors: Visitors
    /// What was asked for, by its dimension.
    public let list: List
    /// The overview's lists, if it was asked for.
    public let overview: [List]
    /// Hits in the course of time, for the overview; hours without hits are absent.
    public let hours: [Hour]
}

/// The text of a string in an event, which is given without its quotes.
func unescaped(_ bytes: [UInt8]) -> String {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    var units: [UInt16] = []
    var rest = Array(String(decoding: bytes, as: UTF8.self).utf16)[...]
    let letters: [UInt8: UInt8] = [
        UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10, UInt8(ascii: "f"): 12,
        UInt8(ascii: "r"): 13,
    ]
    while let unit = rest.popFirst() {
        guard unit == 0x5c, let next = rest.popFirst() else {
            units.append(unit)
            continue
        }
        if next == UInt16(UInt8(ascii: "u")),
            let code = UInt16(String(decoding: rest.prefix(4), as: UTF16.self), radix: 16)
        {
            units.append(code)
            rest = rest.dropFirst(4)
        } else {
            units.append(UInt8(exactly: next).flatMap { letters[$0] }.map { UInt16($0) } ?? next)
        }
    }
    return String(decoding: units, as: UTF16.self)
}
