import Glibc
import POSIX
import TestSupport

@testable import EventLog

/// A log on a simulated disk, driven step by step without threads, and held against a model.
final class LogHistory {
    let disk: SimulatedDisk
    var options = LogOptions(directory: "data")
    private(set) var model = LogModel()
    private(set) var writer: LogWriter<SimulatedDisk>?
    /// What was done, line by line.
    private(set) var trace: [String] = []
    /// How often something came about.
    private(set) var coverage: [String: Int] = [:]

    private let progress = Monitor<[EventLog.Progress]>([])
    private let notices = Monitor<[LogNotice]>([])
    private var shownThrough: UInt64 = 0
    /// Whether the power went since the log was opened.
    private var hasLostPower = false
    /// Whether each turn of the log's thread is followed by a look at what a power cut would leave.
    var checksDurability = false
    private var hasUnsyncedDeletion = false

    init(seed: UInt64) {
        disk = SimulatedDisk(seed: seed)
        options.preallocatedBytes = 4096
        options.lowWaterBytes = 0
        options.highWaterBytes = 0
    }

    /// The same disk and expectations once more, without the writer.
    private init(copying other: LogHistory) {
        disk = SimulatedDisk(copying: other.disk)
        disk.heal()
        options = other.options
        model = other.model
    }

    var log: LogDirectory { LogDirectory(path: options.directory, disk: disk) }

    func note(_ text: String) { trace.append(text) }
    private func count(_ name: String) { coverage[name, default: 0] += 1 }

    // MARK: - The writer

    /// Opens the log, if the disk lets it. False if not.
    func tryOpen() -> Bool {
        do throws(SystemError) {
            try disk.makeDirectories(log.events)
            let (progress, notices) = (progress, notices)
            writer = try LogWriter(options, on: disk) { news in
                progress.withLock { $0.append(news) }
            } notice: { notice in
                notices.withLock { $0.append(notice) }
            }
            return !disk.isCut
        } catch {
            note("open: \(error)")
            return false
        }
    }

    /// Opens the log after the end of a process, and looks whether everything is there.
    func open() throws {
        guard tryOpen() else { throw LogModel.Failure(description: trace.last ?? "") }
        try didOpen()
    }

    private func didOpen() throws {
        let found = try disk.unharmed { try readAll() }
        let next = writer?.monitor.withLock { $0.nextSequence } ?? 0
        note("open: \(found.count) lines, next \(next)")
        note("    \(disk.paths.joined(separator: " "))")
        for notice in notices.withLock({ $0 }) {
            note("    \(notice)")
            if case .movedAside = notice { count("moved aside") }
        }
        notices.withLock { $0 = [] }
        try model.restart(afterPowerLoss: hasLostPower, found: found, next: next)
        hasLostPower = false
        if model.rotten.isEmpty { try disk.unharmed { try verify() } }
    }

    /// Opens the log, in the end, on a disk that may fail at first.
    func openInTheEnd() throws {
        if tryOpen() { return try didOpen() }
        disk.heal()
        endProcess(nil)
        try open()
    }

    /// Ends the process, alone or with the power.
    func endProcess(_ loss: SimulatedDisk.Loss?) {
        let loss = disk.isCut ? loss ?? .anything : loss
        hasLostPower = hasLostPower || loss != nil
        note(loss.map { "the power goes, and with it \($0)" } ?? "killed")
        writer = nil
        if let loss { disk.cutPower(loss) } else { disk.kill() }
        count(loss == nil ? "killed" : "power cut")
    }

    /// Stops the log properly, on a disk that works.
    func close() throws {
        writer?.beginClosing()
        while writer?.work() == true { try hear() }
        try hear()
        note("closed")
        let synced = synced()
        try LogModel.require(
            synced == model.next - 1, "\(model.next - 1) lines, and \(synced) are synced")
        writer = nil
        try LogModel.require(disk.openFiles == 0, "\(disk.openFiles) files are left open")
        disk.kill()
        count("closed")
    }

    func append(_ lines: [String]) throws {
        guard let writer else { return }
        try take(lines, Self.append(lines, to: writer))
    }

    private static func append(
        _ lines: [String], to writer: LogWriter<SimulatedDisk>
    ) -> EventLog.Appended {
        var batch = Batch()
        for text in lines {
            let bytes = Array(#"{"n":"\#(text)""#.utf8)
            _ = batch.append(bytesMax: bytes.count) { output in
                for byte in bytes { output.append(byte) }
            }
        }
        return writer.append(batch)
    }

    private func take(_ lines: [String], _ result: EventLog.Appended) throws {
        note("append \(lines.map { $0.prefix { $0 != "-" } }): \(result)")
        switch result {
        case .pending(let last): try model.append(lines, through: last)
        case .stored(let last):
            try model.append(lines, through: last)
            model.acknowledge(through: last, survivesPowerLoss: options.durability == .commit)
        case .refused: count("refused")
        }
    }

    /// Lets the log's thread do what is due; `meanwhile` is appended during its first sync.
    func work(meanwhile lines: [String] = []) throws {
        guard let writer else { return }
        let strikes = disk.strikes
        let due = model.next - 1
        let appended = Monitor<EventLog.Appended?>(nil)
        if !lines.isEmpty {
            disk.duringSync { path in
                // A take-over holds the lock that an append needs.
                if path.hasSuffix(".tmp") { return }
                let isFirst = appended.withLock { $0 == nil }
                if isFirst {
                    let result = Self.append(lines, to: writer)
                    appended.withLock { $0 = result }
                }
            }
        }
        _ = writer.work()
        disk.duringSync { _ in }
        note("work\(disk.strikes > strikes ? ", the disk fails" : "")")
        if let result = appended.withLock({ $0 }) {
            count("appended during a sync")
            try take(lines, result)
        }
        try hear()
        if options.durability == .commit, !disk.isCut { try checkDurability() }
        if disk.strikes == strikes, !disk.isCut {
            try LogModel.require(
                writer.refusal == nil, "refuses on a disk that works: \(writer.refusal as Any)")
            try LogModel.require(synced() >= due, "\(due) lines, and \(synced()) are synced")
            try LogModel.require(
                (model.acknowledged.keys.max() ?? due) >= due, "\(due) is not acknowledged")
        }
    }

    /// Takes in what the log has told.
    private func hear() throws {
        for news in progress.withLock({ $0 }) {
            note("    \(news)")
            switch news {
            case .stored(let last):
                model.acknowledge(
                    through: last, survivesPowerLoss: options.durability == .commit)
            case .lost(let last):
                try model.lose(after: last)
                count("lost")
            }
        }
        progress.withLock { $0 = [] }
        for notice in notices.withLock({ $0 }) {
            note("    \(notice)")
            switch notice {
            case .tookOver: count("took over")
            case .accepting: count("accepting again")
            default: break
            }
        }
        notices.withLock { $0 = [] }
        if !disk.isCut { model.sync(through: synced()) }
    }

    /// Everything promised would be there if the power went now, with all that is not synced.
    private func checkDurability() throws {
        if !checksDurability { return }
        let twin = LogHistory(copying: self)
        twin.endProcess(.everything)
        try twin.open()
    }

    private func synced() -> UInt64 {
        (try? disk.unharmed { try SyncedMark.read(log) }) ?? 0
    }

    // MARK: - Readers and other processes

    /// The events that a reader sees.
    private func readAll(from sequence: UInt64 = 1) throws -> [(sequence: UInt64, text: String)] {
        var reader = LogReader(log, from: sequence)
        var found: [(sequence: UInt64, text: String)] = []
        try reader.read { sequence, line in
            found.append((sequence, StoredText(String(decoding: line, as: UTF8.self)).text))
        }
        return found
    }

    /// A reader goes on where it was.
    func read() throws {
        for (sequence, text) in try disk.unharmed({ try readAll(from: shownThrough + 1) }) {
            try model.show(sequence, text)
            shownThrough = sequence
        }
        note("read up to \(shownThrough)")
    }

    /// Every line is as it was written, and no sequence is missing.
    func verify() throws {
        let problems = Monitor<[String]>([])
        let summary = try Verification.run(log) { problem in
            problems.withLock { $0.append("\(problem)") }
        }
        let found = problems.withLock { $0 }
        try LogModel.require(found.isEmpty, "\(found)")
        try LogModel.require(
            summary.events == 0 || summary.last + 1 == model.next, "\(summary)")
    }

    func compress(_ random: inout SeededRandom) throws {
        if disk.isCut { return }
        let sealed = try disk.unharmed { try log.segments().filter { $0.state == .sealed } }
        guard let segment = sealed.randomElement(using: &random) else { return }
        let strikes = disk.strikes
        do throws(SystemError) {
            try Compressor(directory: log, afterSeconds: 0, notice: { _ in }).compress(segment)
            note("compress \(segment)")
            count("compressed")
        } catch {
            note("compress \(segment): \(error)")
            if disk.strikes == strikes, !disk.isCut { throw error }
        }
    }

    /// Deletes the oldest segment, if it is sealed and not the last one.
    func deleteOldest() throws {
        let segments = try disk.unharmed { try log.segments() }
        do throws(SystemError) {
            if !hasUnsyncedDeletion {
                guard segments.count > 1, segments[0].state != .open else { return }
                note("delete \(segments[0])")
                model.delete(through: segments[1].first - 1)
                shownThrough = max(shownThrough, model.deletedThrough)
                hasUnsyncedDeletion = true
                for state in [SegmentName.State.compressed, .sealed] {
                    try disk.deleteIfPresent(log.path(of: segments[0].with(state)))
                }
            }
            try disk.syncDirectory(log.events)
            hasUnsyncedDeletion = false
            count("deleted")
        } catch {
            note("    \(error)")
        }
    }

    /// Flips a bit of a line that was promised, on the disk itself; `verify` has to find it.
    func rot(_ random: inout SeededRandom) throws {
        let segments = try log.segments()
        let synced = synced()
        let promised = model.durable.keys.filter { $0 <= synced }.sorted()
        guard let sequence = promised.randomElement(using: &random),
            let segment = segments.last(where: { $0.first <= sequence }),
            segment.state != .compressed
        else { return }
        let path = log.path(of: segment)
        let bytes = disk.bytes(path)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
            let verdict = bytes[start..<end].withUnsafeBytes { LineProof.check($0) }
            if case .valid(sequence, _) = verdict {
                let place = Int.random(in: start..<end, using: &random)
                let bit = UInt8.random(in: 0...7, using: &random)
                note("flip bit \(bit) of byte \(place), in event \(sequence)")
                disk.rot(path) { $0[place] ^= 1 << bit }
                model.rotten.insert(sequence)
                let found = Monitor(0)
                _ = try Verification.run(log) { _ in found.withLock { $0 += 1 } }
                try LogModel.require(found.withLock { $0 } > 0, "the flipped bit is not found")
                count("rotten")
                return
            }
            start = end + 1
        }
        throw LogModel.Failure(description: "event \(sequence) is not in \(segment)")
    }
}
