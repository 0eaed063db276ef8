public import EventLog
public import POSIX
public import Tracking

extension LogReader {
    /// Clocks are set, and events of several threads come together: a segment counts as begun so
    /// many microseconds earlier and later than its first event says.
    private static let clockToleranceMicroseconds: Int64 = 60_000_000

    /// Leaves out segments in which no event can be that is not before `since` and is before
    /// `until`; nil for any.
    public mutating func narrow(since: Timestamp?, until: Timestamp?) throws(SystemError) {
        guard since != nil || until != nil else { return }
        func moved(_ moment: Timestamp?, _ microseconds: Int64) -> [UInt8]? {
            moment.map {
                Array(Timestamp(microseconds: $0.microseconds + microseconds).description.utf8)
            }
        }
        let early = moved(since, -Self.clockToleranceMicroseconds)
        let late = moved(until, Self.clockToleranceMicroseconds)
        func time(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
            var scanner = EventScanner(upTo: .time, parameters: [])
            scanner.scan(line)
            return scanner[.time].isPresent ? scanner[.time].bytes(in: line) : nil
        }
        try narrow { line in
            guard let early, let time = time(line) else { return false }
            return time.lexicographicallyPrecedes(early)
        } isLate: { line in
            guard let late, let time = time(line) else { return false }
            return !time.lexicographicallyPrecedes(late)
        }
    }
}
