package import EventLog
internal import POSIX

/// Reads a log from a sink's checkpoint on and gives each event to the sink until it is delivered.
///
/// Each event is delivered at least once, and for the first time in order; one whose delivery
/// failed is sent again when the sink has reported on all others that it has. The checkpoint moves
/// only past events that were delivered, or put into `DATA/rejected`. It works in turns; one thread.
package struct Forwarder<Destination: Sink, Random: RandomNumberGenerator>: ~Copyable {
    private let name: String
    private let log: LogDirectory
    private let options: ForwardingOptions
    private let notice: (ForwardingNotice) -> Void
    /// The sink.
    package var sink: Destination
    private var random: Random
    private var reader: LogReader
    private var window = Window()
    private var rejectedFile: RejectedFile
    /// What was dealt with; nil before it is known where the sink is.
    private var checkpoint: Checkpoint?
    /// What is on disk of that.
    private var stored: Checkpoint?
    private var storedAt = -Double.infinity
    /// The highest sequence that may be read.
    private var synced: UInt64 = 0
    /// What failed of the sink's.
    private var sinkBackoff = Backoff()
    /// What failed of the data directory's.
    private var diskBackoff = Backoff()
    /// Whether something failed, and nothing new is sent before the sink has reported on the rest.
    private var isRetrying = false
    private var deliveredSinceFailure = 0
    /// When the sink last delivered something, or had nothing to deliver.
    private var troubledSince: Double
    /// When the sink had everything.
    private var caughtUpAt: Double
    private var lookedAt: Double
    private var doneAtLook: UInt64 = 0
    /// How far it is.
    package private(set) var status = ForwardingStatus()

    /// Deliveries after a failure from which on a sink counts as working again.
    private static var recoveredDeliveries: Int { 100 }
    /// Seconds without a delivery after which what a sink complains of counts as a failure.
    private static var troubleSeconds: Double { 5 }
    /// Seconds between two looks at the lag in bytes and the rate.
    private static var lookSeconds: Double { 1 }

    /// One for the sink that is called `name`: a word that can be a file name.
    package init(
        _ name: String, _ sink: Destination, log: LogDirectory, _ options: ForwardingOptions,
        random: Random, notice: @escaping (ForwardingNotice) -> Void
    ) {
        self.name = name
        self.sink = sink
        self.log = log
        self.options = options
        self.random = random
        self.notice = notice
        reader = LogReader(log, from: 1)
        rejectedFile = RejectedFile(name, in: log)
        caughtUpAt = log.disk.monotonicSeconds()
        lookedAt = caughtUpAt
        troubledSince = caughtUpAt
    }

    /// Does what can be done now. The seconds after which there may be more to do; 0 for at once.
    package mutating func turn() -> Double {
        let now = log.disk.monotonicSeconds()
        let before = (window.count, checkpoint?.sequence)
        if diskBackoff.isOver(now) { readOn(now) }
        let isFull = sendWaiting(now)
        var reports: [DeliveryReport] = []
        // Whoever waits for the sink waits there.
        let mustWait = isFull || window.outstanding > 0
        sink.poll(seconds: mustWait ? options.pollSeconds : 0) { reports.append($0) }
        for report in reports { settle(report, now) }
        if window.outstanding == 0 || reports.contains(where: { $0.outcome == .delivered }) {
            troubledSince = now
        } else if now - troubledSince >= Self.troubleSeconds, let trouble = sink.trouble {
            noteTrouble(trouble)
        }
        advance(now)
        if let checkpoint, checkpoint != stored, diskBackoff.isOver(now),
            now - storedAt >= options.checkpointSeconds
        {
            store(checkpoint, now)
        }
        updateStatus(now)
        // With a report there is room again, and more to send.
        guard reports.isEmpty else { return 0 }
        let isIdle = !mustWait && before == (window.count, checkpoint?.sequence)
        return isIdle || (isFull && window.outstanding == 0) ? options.pollSeconds : 0
    }

    /// Whether the sink has everything that is synced.
    package var isCaughtUp: Bool {
        checkpoint != nil && window.count == 0 && reader.next > synced
    }

    /// Whether nothing is on its way, and what is left waits for a failure to pass.
    package var isHeldUp: Bool { window.outstanding == 0 && status.isFailing }

    /// Makes the last checkpoint. False if that failed.
    package mutating func finish() -> Bool {
        guard let checkpoint, checkpoint != stored else { return true }
        store(checkpoint, log.disk.monotonicSeconds())
        return checkpoint == stored
    }

    // MARK: - From the log

    private mutating func readOn(_ now: Double) {
        do throws(SystemError) {
            synced = try LogReader.synced(in: log)
            guard let checkpoint = try begin() else { return }
            guard checkpoint.sequence <= synced else {
                return fail(
                    "the checkpoint is at event \(checkpoint.sequence) and the log ends at "
                        + "\(synced): it is that of another log", now)
            }
            // In large pieces, for each of which a file is opened.
            guard reader.next <= synced, window.bytes <= options.windowBytesMax / 2,
                window.count <= options.windowEventsMax / 2
            else { return }
            var window = window
            self.window = Window()
            defer { self.window = window }
            try reader.readSome { sequence, line in
                window.append(sequence, line)
                return window.bytes < options.windowBytesMax
                    && window.count < options.windowEventsMax
            }
            // Otherwise it is a checkpoint that failed.
            if checkpoint == stored { diskBackoff.reset() }
        } catch {
            fail("\(error)", now)
        }
    }

    /// Where the sink is, which a new one learns from the log.
    private mutating func begin() throws(SystemError) -> Checkpoint? {
        if let checkpoint { return checkpoint }
        if let found = try Checkpoint.read(name, in: log) {
            (checkpoint, stored) = (found, found)
        } else {
            let first = try LogReader.first(in: log) ?? synced + 1
            let new = Checkpoint(origin: first - 1)
            try new.store(name, in: log)
            (checkpoint, stored) = (new, new)
        }
        let sequence = checkpoint?.sequence ?? 0
        reader = LogReader(log, from: sequence + 1)
        doneAtLook = sequence
        return checkpoint
    }

    // MARK: - To the sink

    /// Whether the sink had no room for all that waits.
    private mutating func sendWaiting(_ now: Double) -> Bool {
        guard sinkBackoff.isOver(now), !isRetrying || window.outstanding == 0 else { return false }
        isRetrying = false
        while let entry = window.nextWaiting {
            if let most = sink.lineBytesMax, entry.line.count > most {
                window.setNextWaiting(
                    .refused(
                        reason: "its \(entry.line.count) bytes are more than \(most), "
                            + "the most that \(name) takes"))
                continue
            }
            switch entry.line.withUnsafeBytes({ sink.send(entry.sequence, $0) }) {
            case .taken: window.setNextWaiting(.sent)
            case .full: return true
            }
        }
        return false
    }

    private mutating func settle(_ report: DeliveryReport, _ now: Double) {
        switch report.outcome {
        case .delivered:
            guard window.settle(report.sequence, .delivered) else { return }
            deliveredSinceFailure += 1
            sinkBackoff.reset()
        case .refused(let reason):
            _ = window.settle(report.sequence, .refused(reason: reason))
        case .failed(let reason):
            guard window.settle(report.sequence, .waiting) else { return }
            status.failures += 1
            deliveredSinceFailure = 0
            // Many fail together; that is one failure.
            if !isRetrying { sinkBackoff.fail(now, options, &random) }
            isRetrying = true
            noteFailure(reason)
        }
    }

    /// Moves past the events at the front that were dealt with.
    private mutating func advance(_ now: Double) {
        guard var checkpoint else { return }
        while let entry = window.first {
            if case .refused = entry.state {
                guard diskBackoff.isOver(now), let next = reject(checkpoint, now) else { break }
                checkpoint = next
                continue
            }
            guard entry.state == .delivered else { break }
            noteMissing(&checkpoint, before: entry.sequence)
            checkpoint.delivered += 1
            checkpoint.sequence = entry.sequence
            window.removeFirst()
        }
        self.checkpoint = checkpoint
        let isWell = deliveredSinceFailure >= Self.recoveredDeliveries || window.count == 0
        if status.isFailing, isWell, diskBackoff.isOver(now), !diskBackoff.isFailing {
            status.isFailing = false
            notice(.delivering(sink: name))
        }
    }

    /// Puts the refused events at the front aside, and is past them; nil if that failed.
    private mutating func reject(_ checkpoint: Checkpoint, _ now: Double) -> Checkpoint? {
        var checkpoint = checkpoint
        var entries: [(sequence: UInt64, reason: String)] = []
        var lines: [UInt8] = []
        // Looked at before any is taken away: if the disk fails they stay.
        for entry in window.prefix(bytes: options.windowBytesMax) {
            guard case .refused(let reason) = entry.state else { break }
            entries.append((entry.sequence, reason))
            lines += RejectedFile.line(entry.sequence, reason: reason, entry.line)
        }
        do throws(SystemError) {
            try rejectedFile.append(lines)
            diskBackoff.reset()
        } catch {
            fail("\(error)", now)
            return nil
        }
        for entry in entries {
            noteMissing(&checkpoint, before: entry.sequence)
            checkpoint.rejected += 1
            checkpoint.sequence = entry.sequence
            window.removeFirst()
        }
        if let first = entries.first {
            status.lastError = first.reason
            notice(
                .rejected(
                    sink: name, count: entries.count, first: first.sequence, reason: first.reason))
        }
        return checkpoint
    }

    private func noteMissing(_ checkpoint: inout Checkpoint, before sequence: UInt64) {
        guard checkpoint.sequence + 1 < sequence else { return }
        notice(.missing(sink: name, first: checkpoint.sequence + 1, last: sequence - 1))
        checkpoint.missing += sequence - 1 - checkpoint.sequence
        checkpoint.sequence = sequence - 1
    }

    // MARK: - What is known of it

    private mutating func store(_ checkpoint: Checkpoint, _ now: Double) {
        do throws(SystemError) {
            try checkpoint.store(name, in: log)
            stored = checkpoint
            storedAt = now
            diskBackoff.reset()
        } catch {
            fail("\(error)", now)
        }
    }

    /// The data directory fails: reading and checkpoints wait, what is in memory is still sent.
    private mutating func fail(_ reason: String, _ now: Double) {
        diskBackoff.fail(now, options, &random)
        noteFailure(reason)
    }

    private mutating func noteFailure(_ reason: String) {
        if !status.isFailing || status.lastError != reason {
            notice(.failing(sink: name, reason: reason))
        }
        status.isFailing = true
        status.lastError = reason
    }

    /// The sink gives up nothing, and delivers nothing either.
    private mutating func noteTrouble(_ reason: String) {
        // Its words change while it tries again.
        guard !status.isFailing else { return status.lastError = reason }
        deliveredSinceFailure = 0
        noteFailure(reason)
    }

    private mutating func updateStatus(_ now: Double) {
        let done = checkpoint?.sequence ?? 0
        status.checkpoint = stored?.sequence ?? 0
        status.delivered = checkpoint?.delivered ?? 0
        status.rejected = checkpoint?.rejected ?? 0
        status.missing = checkpoint?.missing ?? 0
        status.lagEvents = synced > done ? synced - done : 0
        if status.lagEvents == 0 { caughtUpAt = now }
        status.lagSeconds = now - caughtUpAt
        status.windowBytes = window.bytes
        guard now - lookedAt >= Self.lookSeconds || status.lagEvents == 0 else { return }
        let left = status.lagEvents == 0 ? 0 : (try? reader.bytesLeft()) ?? 0
        status.lagBytes = left + window.bytes
        if now - lookedAt >= Self.lookSeconds {
            status.eventsPerSecond = Double(done - min(done, doneAtLook)) / (now - lookedAt)
            (lookedAt, doneAtLook) = (now, done)
        }
    }
}

/// When something that failed is tried again: each time after twice as long, less a random part.
private struct Backoff {
    private var until = -Double.infinity
    private var failures = 0

    var isFailing: Bool { failures > 0 }

    func isOver(_ now: Double) -> Bool { now >= until }

    mutating func reset() { self = Backoff() }

    mutating func fail(
        _ now: Double, _ options: ForwardingOptions, _ random: inout some RandomNumberGenerator
    ) {
        var seconds = options.retrySeconds
        for _ in 0..<failures where seconds < options.retrySecondsMax { seconds *= 2 }
        failures += 1
        until =
            now + min(seconds, options.retrySecondsMax) * Double.random(in: 0.5...1, using: &random)
    }
}
