import POSIX
import TestSupport

@testable import EventLog
@testable import Forwarding

/// What a sink's far end has got, over all restarts, in the order of arrival.
final class FarEnd: Sendable {
    private let lines = Monitor<[(sequence: UInt64, line: String)]>([])

    func take(_ sequence: UInt64, _ line: String) {
        lines.withLock { $0.append((sequence, line)) }
    }

    var sequences: [UInt64] { lines.withLock { $0.map(\.sequence) } }

    /// The sequences in the order in which each came for the first time.
    var firstArrivals: [UInt64] {
        var seen: Set<UInt64> = []
        return sequences.filter { seen.insert($0).inserted }
    }

    /// The line of each event; nil if it came in two forms.
    var texts: [UInt64: String]? {
        var texts: [UInt64: String] = [:]
        for (sequence, line) in lines.withLock({ $0 }) {
            if let other = texts[sequence], other != line { return nil }
            texts[sequence] = line
        }
        return texts
    }
}

/// A sink that fails in every way, by chance: it has no room, reports late and in any order, loses
/// and refuses.
struct UnreliableSink: Sink {
    /// How likely each is, of a hundred.
    struct Odds {
        var full = 20
        var failed = 10
        var held = 50
    }

    let far: FarEnd
    let disk: SimulatedDisk
    var random: SeededRandom
    var odds = Odds()
    var lineBytesMax: Int?
    /// Events that are never taken.
    var isPoison: @Sendable (UInt64) -> Bool = { _ in false }
    /// Whether reports come in the order of the events, and failures end what follows them.
    var isOrdered = true
    var trouble: String?
    private(set) var pending: [(sequence: UInt64, line: String)] = []
    private(set) var offered: [UInt64] = []

    init(_ far: FarEnd, on disk: SimulatedDisk, random: SeededRandom) {
        self.far = far
        self.disk = disk
        self.random = random
    }

    private mutating func happens(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    mutating func send(_ sequence: UInt64, _ line: UnsafeRawBufferPointer) -> SendResult {
        offered.append(sequence)
        if happens(odds.full) { return .full }
        pending.append((sequence, String(decoding: line, as: UTF8.self)))
        return .taken
    }

    mutating func poll(seconds: Double, _ report: (DeliveryReport) -> Void) {
        disk.pass(seconds: seconds)
        if !isOrdered { pending.shuffle(using: &random) }
        while !pending.isEmpty, !happens(odds.held) {
            let (sequence, line) = pending.removeFirst()
            if isPoison(sequence) {
                report(DeliveryReport(sequence, .refused(reason: "poison \"\(sequence)\"")))
            } else if happens(odds.failed) {
                // Sometimes it arrives all the same.
                if happens(50) { far.take(sequence, line) }
                report(DeliveryReport(sequence, .failed(reason: "lost")))
                guard isOrdered else { continue }
                for (sequence, _) in pending {
                    report(DeliveryReport(sequence, .failed(reason: "lost")))
                }
                pending = []
            } else {
                far.take(sequence, line)
                report(DeliveryReport(sequence, .delivered))
            }
        }
    }
}

/// A log on a simulated disk, written by hand.
struct SimulatedLog {
    let disk: SimulatedDisk
    let writer: LogWriter<SimulatedDisk>
    var directory: LogDirectory { LogDirectory(path: "data", disk: disk) }

    init(_ disk: SimulatedDisk, segmentBytesMax: Int = 1024) throws(SystemError) {
        self.disk = disk
        var options = LogOptions(directory: "data")
        options.segmentBytesMax = segmentBytesMax
        options.preallocatedBytes = 0
        try disk.makeDirectories("data/events")
        writer = try LogWriter(options, on: disk, progress: { _ in }, notice: { _ in })
    }

    /// Appends so many events and syncs them; full segments are sealed. The last sequence that is
    /// acknowledged.
    @discardableResult
    func append(_ count: Int, textBytes: Int = 100) -> UInt64 {
        for _ in 0..<count {
            var batch = Batch()
            let bytes = Array(#"{"n":"\#(String(repeating: "x", count: textBytes))""#.utf8)
            _ = batch.append(bytesMax: bytes.count) { output in
                for byte in bytes { output.append(byte) }
            }
            _ = writer.append(batch)
        }
        _ = writer.work()
        return synced
    }

    var synced: UInt64 { writer.monitor.withLock { $0.syncedSequence } }
}

typealias TestForwarder = Forwarder<UnreliableSink, SeededRandom>

extension Forwarder where Destination == UnreliableSink, Random == SeededRandom {
    /// Takes turns until the sink has everything; false after too many.
    mutating func run(turns: Int = 20_000) -> Bool {
        for _ in 0..<turns {
            let seconds = turn()
            sink.disk.pass(seconds: seconds)
            if isCaughtUp { return true }
        }
        return false
    }
}
