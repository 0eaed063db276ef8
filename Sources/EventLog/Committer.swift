internal import POSIX

/// The log's thread: syncs what is written, seals what is full, and brings what could not be
/// written into a new segment.
extension LogWriter {
    /// Works until the log is closed.
    func run() {
        var gathering = Gathering()
        var lastTurn = disk.monotonicSeconds()
        var isOpen = true
        while isOpen {
            monitor.withLock(
                waitingFor: { isDue($0) }, seconds: secondsToWait(since: lastTurn)
            ) { _ in }
            let isGathering = monitor.withLock { $0.options.durability == .commit }
            if isGathering { Thread.sleep(seconds: gathering.seconds) }
            lastTurn = disk.monotonicSeconds()
            let synced = monitor.withLock { $0.syncedSequence }
            isOpen = work()
            gathering.note(
                lines: monitor.withLock { $0.syncedSequence } - synced,
                seconds: disk.monotonicSeconds() - lastTurn)
        }
    }

    /// Does what there is to do. False when the log is closed and nothing is left.
    func work() -> Bool {
        measureSpace()
        let turn = beginTurn()
        if turn.isFailed {
            // A disk that fails at the end is tried once more, not for ever.
            return takeOver() || !turn.isClosing
        }
        if turn.needsSync {
            sync(turn)
            return true
        }
        if !turn.isMarked { storeMark(turn.through) }
        if turn.isClosing, let segment = turn.segment { seal(segment, synced: turn.through) }
        return !turn.isClosing
    }

    /// What is to be done, as it stood when the lock was held.
    private struct Turn {
        var through: UInt64
        var segment: SegmentFile?
        var finished: [SegmentFile]
        var hasNewEntry: Bool
        var needsSync: Bool
        var isFailed: Bool
        var isMarked: Bool
        var isClosing: Bool
    }

    private func beginTurn() -> Turn {
        monitor.withLock { state in
            if let segment = state.segment, segment.size > 0,
                disk.monotonicSeconds() - segment.begunAt >= state.options.segmentSecondsMax
            {
                state.finishSegment()
            }
            return Turn(
                through: state.nextSequence - 1, segment: state.segment,
                finished: state.finished, hasNewEntry: state.hasNewEntry,
                needsSync: state.hasUnsynced || state.hasNewEntry || !state.finished.isEmpty,
                isFailed: state.writeFailure != nil || state.failure != nil,
                isMarked: state.isMarked, isClosing: state.isClosing)
        }
    }

    /// Whether the thread has something to do before its time is up.
    private func isDue(_ state: borrowing LogState) -> Bool {
        if state.isClosing { return true }
        if state.failure != nil { return false }
        if state.mustSync || !state.finished.isEmpty { return true }
        if state.options.durability == .commit { return state.hasUnsynced }
        return state.retained.bytes > LogState.unsyncedBytesMax
    }

    private func secondsToWait(since lastTurn: Double) -> Double {
        let now = disk.monotonicSeconds()
        return monitor.withLock { state in
            if state.failure != nil { return Pace.retrySeconds }
            var deadline = now + Pace.measureSeconds
            if let segment = state.segment {
                deadline = min(deadline, segment.begunAt + state.options.segmentSecondsMax)
            }
            if case .interval(let seconds) = state.options.durability {
                deadline = min(deadline, lastTurn + seconds)
            }
            return deadline - now
        }
    }

    /// Looks how much room the disk has, if it was not done just now. If that cannot be told, the
    /// last word stands.
    private func measureSpace() {
        let now = disk.monotonicSeconds()
        let isDue = monitor.withLock { state in
            if state.failure == nil, now < state.measuredAt + Pace.measureSeconds { return false }
            state.measuredAt = now
            return true
        }
        guard isDue, let measured = try? disk.freeSpace(directory.events) else { return }
        let news: LogNotice? = monitor.withLock { state in
            guard state.space.update(measured.free) else { return nil }
            return state.space.isLow
                ? .full(freeBytes: measured.free, lowWaterBytes: state.space.lowWaterBytes)
                : .hasRoom(freeBytes: measured.free)
        }
        if let news { notice(news) }
    }

    /// Makes everything up to `turn.through` durable and says so.
    private func sync(_ turn: Turn) {
        let begin = disk.monotonicSeconds()
        do throws(SystemError) {
            for segment in turn.finished { try disk.sync(segment.file) }
            if let segment = turn.segment { try disk.sync(segment.file) }
            if turn.hasNewEntry { try disk.syncDirectory(directory.events) }
        } catch {
            monitor.withLock { $0.writeFailure = error }
            return
        }
        let seconds = disk.monotonicSeconds() - begin
        let stored = monitor.withLock { state in
            state.measurements.addSync(
                lines: turn.through - state.syncedSequence, seconds: seconds)
            state.didSync(turn.finished, turn.segment, through: turn.through)
            if state.options.durability != .commit, !state.mustSync {
                // What was written during the sync waited only for the entry.
                state.acknowledgedSequence = state.nextSequence - 1
                return state.acknowledgedSequence
            }
            return turn.through
        }
        storeMark(turn.through)
        progress(.stored(through: stored))
        for segment in turn.finished { seal(segment, synced: turn.through) }
    }

    /// Tells readers how far they may go. If that fails, it is done again in a later turn.
    private func storeMark(_ sequence: UInt64) {
        let isMarked = mark.store(sequence)
        monitor.withLock { $0.isMarked = isMarked }
    }

    /// Gives a whole and synced segment its final name.
    private func seal(_ segment: SegmentFile, synced sequence: UInt64) {
        defer { disk.close(segment.file) }
        do throws(SystemError) {
            // One that took over may have had nothing to take. Another one will have its name.
            if segment.size == 0 { return try disk.delete(segment.path) }
            // Gives back the blocks that were allocated ahead.
            try disk.truncate(segment.file, to: segment.size)
            // The size has not changed, but what is sealed is synced in every respect.
            try disk.sync(segment.file)
            try SyncedMark.persist(sequence, in: directory)
            try disk.rename(segment.path, to: directory.path(of: segment.name.with(.sealed)))
            try disk.syncDirectory(directory.events)
        } catch {
            notice(.unsealed(error))
        }
    }

    // MARK: - When the disk fails

    /// Writes all lines that are not yet synced to a new segment, under their old sequences. If
    /// that fails too, those that were not acknowledged are lost to their senders, and nothing is
    /// accepted until it succeeds. Whether it did.
    private func takeOver() -> Bool {
        var abandoned: [SegmentFile] = []
        let result = monitor.withLock { state -> EventLog.Progress in
            abandoned = state.finished + (state.segment.map { [$0] } ?? [])
            state.measurements.failures += 1
            if state.failure == nil, let error = state.writeFailure { notice(.failing(error)) }
            do throws(SystemError) {
                let segment = try writeRetained(state, inPlaceOf: abandoned)
                state.didTakeOver(with: segment)
                notice(
                    state.failure == nil
                        ? .tookOver(file: "events/\(segment.name)") : .accepting)
                state.failure = nil
                return .stored(through: state.syncedSequence)
            } catch {
                if state.failure == nil { notice(.refusing(error)) }
                state.failure = error
                let kept = max(state.syncedSequence, state.acknowledgedSequence)
                state.retained.removeAll(after: kept)
                state.nextSequence = kept + 1
                return .lost(after: kept)
            }
        }
        progress(result)
        guard case .stored(let sequence) = result else { return false }
        storeMark(sequence)
        for segment in abandoned { abandon(segment, synced: sequence) }
        return true
    }

    /// The new segment, written and synced, with its final name.
    private func writeRetained(
        _ state: borrowing LogState, inPlaceOf abandoned: [SegmentFile]
    ) throws(SystemError) -> SegmentFile {
        let name = SegmentName(first: state.syncedSequence + 1, state: .open)
        var segment = try SegmentFile(
            name: name, path: directory.takeover, replacing: true, on: disk)
        do throws(SystemError) {
            try state.retained.forEachRun(after: state.syncedSequence) {
                bytes throws(SystemError) in
                try segment.append(bytes, preallocating: 0, on: disk)
            }
            try disk.sync(segment.file)
            // It replaces a segment of the same name, none of whose lines are synced.
            try disk.rename(segment.path, to: directory.path(of: name))
            // A later one, none of whose lines are synced either, would win over this one.
            for old in abandoned where old.name.first > name.first {
                try disk.deleteIfPresent(old.path)
            }
            try disk.syncDirectory(directory.events)
        } catch {
            disk.close(segment.file)
            // What it holds may be the room that is missing.
            _ = try? disk.deleteIfPresent(segment.path)
            throw error
        }
        segment.syncedSize = segment.size
        return segment.renamed(to: directory.path(of: name))
    }

    /// Lets go of a segment whose disk failed. Its descriptor is never synced again: what was synced
    /// is on disk, and the rest, which may end in half a line, stands in its successor.
    private func abandon(_ segment: SegmentFile, synced sequence: UInt64) {
        disk.close(segment.file)
        // One without a synced line has been replaced or removed.
        if segment.syncedSize == 0 { return }
        do throws(SystemError) {
            let file = try disk.open(segment.path, .changing)
            defer { disk.close(file) }
            try disk.truncate(file, to: segment.syncedSize)
            // Only the new size. Without it the rest would be back after a power loss.
            try disk.sync(file)
            try SyncedMark.persist(sequence, in: directory)
            try disk.rename(segment.path, to: directory.path(of: segment.name.with(.sealed)))
        } catch {
            notice(.unsealed(error))
        }
    }
}

/// How long a sync waits for more lines, so that it serves them all: while many are waiting, more
/// come at once, and each would need the next sync. One that comes alone is synced at once.
struct Gathering {
    /// Lines of the last sync from which on the next one waits.
    static let linesMin: UInt64 = 8
    /// The wait, as a part of the time that the last sync took. Longer waits save few more syncs
    /// and cost throughput.
    static let part = 0.5
    /// Seconds of the longest wait.
    static let secondsMax = 0.001

    /// Seconds that the next sync is to wait.
    private(set) var seconds = 0.0

    /// Takes note of a sync of so many lines.
    mutating func note(lines: UInt64, seconds: Double) {
        self.seconds = lines < Self.linesMin ? 0 : min(seconds * Self.part, Self.secondsMax)
    }
}

/// How often the log's thread wakes by itself.
private enum Pace {
    /// Seconds between two looks at the room on the disk. What is written meanwhile is counted.
    static let measureSeconds = 1.0
    /// Seconds between attempts to write again after the disk has failed.
    static let retrySeconds = 1.0
}

extension LogState {
    /// Takes note that the segments of a turn are synced, as they were at its beginning.
    fileprivate mutating func didSync(
        _ synced: [SegmentFile], _ current: SegmentFile?, through sequence: UInt64
    ) {
        syncedSequence = sequence
        retained.release(through: sequence)
        finished.removeFirst(synced.count)
        if let current {
            // It may have been finished meanwhile.
            if segment?.name == current.name { segment?.syncedSize = current.size }
            for index in finished.indices where finished[index].name == current.name {
                finished[index].syncedSize = current.size
            }
        }
        // Another segment may have been begun meanwhile.
        let newest = segment ?? finished.last
        hasNewEntry = (newest?.name.first ?? 0) > sequence
    }

    /// Takes note that all lines are synced, in a segment that has taken the place of the others.
    fileprivate mutating func didTakeOver(with successor: SegmentFile) {
        segment = successor
        finished = []
        syncedSequence = nextSequence - 1
        retained.release(through: syncedSequence)
        hasNewEntry = false
        writeFailure = nil
    }
}
