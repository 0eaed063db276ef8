internal import Glibc
internal import POSIX

/// The log's thread: syncs what is written, seals what is full, and brings what could not be
/// written into a new segment.
struct Committer: Sendable {
    let options: LogOptions
    let directory: LogDirectory
    let monitor: Monitor<EventLog.State>
    let progress: EventLog.ProgressHandler
    let notice: EventLog.NoticeHandler

    /// Seconds between two looks at the room on the disk when nothing happens.
    private static let measureSeconds = 1.0

    /// Works until the log is closed.
    func run(_ claim: DirectoryClaim) {
        var lastSync = Clock.monotonicSeconds()
        while true {
            let turn = waitForTurn(since: lastSync)
            lastSync = Clock.monotonicSeconds()
            measureSpace()
            if turn.isFailed {
                // A disk that fails at the end is tried once more, not for ever.
                if !takeOver(claim), turn.isClosing { return }
            } else if turn.needsSync {
                sync(turn, claim)
            } else if turn.isClosing {
                return seal(turn.segment)
            }
        }
    }

    /// What is to be done, as it stood when the lock was held.
    private struct Turn {
        var through: UInt64 = 0
        var segment: SegmentFile?
        var finished: [SegmentFile] = []
        var hasNewEntry = false
        var needsSync = false
        var isFailed = false
        var isClosing = false
    }

    private func waitForTurn(since lastSync: Double) -> Turn {
        monitor.withLock(
            waitingFor: { isDue($0) }, seconds: secondsToWait(since: lastSync)
        ) { state in
            if let segment = state.segment, segment.size > 0,
                Clock.monotonicSeconds() - segment.begunAt >= options.segmentSecondsMax
            {
                state.finishSegment()
            }
            return Turn(
                through: state.nextSequence - 1, segment: state.segment,
                finished: state.finished, hasNewEntry: state.hasNewEntry,
                needsSync: state.hasUnsynced || state.hasNewEntry || !state.finished.isEmpty,
                isFailed: state.writeFailure != nil || state.failure != nil,
                isClosing: state.isClosing)
        }
    }

    /// Whether the thread has something to do before its time is up.
    private func isDue(_ state: borrowing EventLog.State) -> Bool {
        if state.isClosing { return true }
        if state.failure != nil { return false }
        if state.mustSync || !state.finished.isEmpty { return true }
        if options.durability == .commit { return state.hasUnsynced }
        return state.retained.bytes > EventLog.unsyncedBytesMax
    }

    private func secondsToWait(since lastSync: Double) -> Double {
        let now = Clock.monotonicSeconds()
        return monitor.withLock { state in
            if state.failure != nil { return EventLog.retrySeconds }
            var deadline = now + Self.measureSeconds
            if let segment = state.segment {
                deadline = min(deadline, segment.begunAt + options.segmentSecondsMax)
            }
            if case .interval(let seconds) = options.durability {
                deadline = min(deadline, lastSync + seconds)
            }
            return deadline - now
        }
    }

    /// Looks how much room the disk has. If that cannot be told, the last word stands.
    private func measureSpace() {
        guard let measured = try? FreeSpace.measure(directory.events) else { return }
        let news: LogNotice? = monitor.withLock { state in
            guard state.space.update(measured.free) else { return nil }
            return state.space.isLow
                ? .full(freeBytes: measured.free, lowWaterBytes: state.space.lowWaterBytes)
                : .hasRoom(freeBytes: measured.free)
        }
        if let news { notice(news) }
    }

    /// Makes everything up to `turn.through` durable and says so.
    private func sync(_ turn: Turn, _ claim: DirectoryClaim) {
        do throws(SystemError) {
            for segment in turn.finished { try segment.sync() }
            try turn.segment?.sync()
            if turn.hasNewEntry { try Directory.sync(directory.events) }
        } catch {
            monitor.withLock { $0.writeFailure = error }
            return
        }
        let stored = monitor.withLock { state in
            state.syncedSequence = turn.through
            state.retained.release(through: turn.through)
            state.finished.removeFirst(turn.finished.count)
            // Another segment may have been begun meanwhile.
            let newest = state.segment ?? state.finished.last
            state.hasNewEntry = (newest?.name.first ?? 0) > turn.through
            if options.durability != .commit, !state.mustSync {
                // What was written during the sync waited only for the entry.
                state.acknowledgedSequence = state.nextSequence - 1
                return state.acknowledgedSequence
            }
            return turn.through
        }
        claim.mark.store(turn.through)
        progress(.stored(through: stored))
        for segment in turn.finished { seal(segment) }
    }

    /// Gives a whole and synced segment its final name.
    private func seal(_ segment: SegmentFile?) {
        guard let segment else { return }
        defer { segment.close() }
        do throws(SystemError) {
            try segment.trim()
            // The size has not changed, but what is sealed is synced in every respect.
            try segment.sync()
            try rename(segment.path, to: directory.path(of: segment.name.with(.sealed)))
            try Directory.sync(directory.events)
        } catch {
            notice(.unsealed(error))
        }
    }

    // MARK: - When the disk fails

    /// Writes all lines that are not yet synced to a new segment, under their old sequences. If
    /// that fails too, those that were not acknowledged are lost to their senders, and nothing is
    /// accepted until it succeeds. Whether it did.
    private func takeOver(_ claim: DirectoryClaim) -> Bool {
        let result = monitor.withLock { state -> EventLog.Progress in
            let abandoned = state.finished + (state.segment.map { [$0] } ?? [])
            if state.failure == nil, let error = state.writeFailure { notice(.failing(error)) }
            do throws(SystemError) {
                let segment = try writeRetained(state)
                state.segment = segment
                state.finished = []
                state.syncedSequence = state.nextSequence - 1
                state.retained.release(through: state.syncedSequence)
                state.hasNewEntry = false
                state.writeFailure = nil
                for old in abandoned { abandon(old, for: segment) }
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
        claim.mark.store(sequence)
        return true
    }

    /// Lets go of a segment whose disk failed. It is never synced again: what was synced in it is,
    /// and the rest stands in `successor`, which wins.
    private func abandon(_ segment: SegmentFile, for successor: SegmentFile) {
        segment.close()
        // One of the same name has been replaced.
        guard segment.name != successor.name else { return }
        do throws(SystemError) {
            try rename(segment.path, to: directory.path(of: segment.name.with(.sealed)))
        } catch {
            notice(.unsealed(error))
        }
    }

    /// The new segment, written and synced, with its final name.
    private func writeRetained(_ state: borrowing EventLog.State) throws(SystemError) -> SegmentFile
    {
        let name = SegmentName(first: state.syncedSequence + 1, state: .open)
        var file = try SegmentFile(
            name: name, path: directory.takeover, replacing: true)
        do throws(SystemError) {
            try state.retained.forEachRun(after: state.syncedSequence) {
                bytes throws(SystemError) in
                try file.append(bytes, preallocating: 0)
            }
            try file.sync()
            // It replaces a segment of the same name, none of whose lines are synced.
            try rename(file.path, to: directory.path(of: name))
            try Directory.sync(directory.events)
        } catch {
            file.close()
            // What it holds may be the room that is missing.
            unlink(file.path)
            throw error
        }
        return file.renamed(to: directory.path(of: name))
    }

    private func rename(_ path: String, to target: String) throws(SystemError) {
        guard Glibc.rename(path, target) == 0 else { throw SystemError("rename", path) }
    }
}
