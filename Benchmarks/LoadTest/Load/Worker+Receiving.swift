import EventHTTP
import Glibc
import Histogram
import POSIX

// The way of a reply.
extension Worker {
    /// Receives what is there and takes the replies from it.
    func read(_ connection: Connection.Pointer) {
        // What a head began with goes in front.
        var held = 0
        if !connection.pointee.received.isEmpty {
            held = connection.pointee.received.count
            buffer.copyBytes(from: connection.pointee.received)
            connection.pointee.received.removeAll(keepingCapacity: true)
        }
        let outcome = connection.pointee.socket.receive(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[held...]))
        let now = Clock.monotonicNanoseconds()
        switch outcome {
        case .bytes(0): ended(connection, now)
        case .bytes(let count):
            summary.interval.bytesReceived += count
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<(held + count)])
            replies(connection, bytes.assumingMemoryBound(to: UInt8.self), now)
        case .wouldBlock:
            connection.pointee.received += buffer[..<held]
        case .failed: failed(connection, .read, now)
        }
    }

    private func replies(
        _ connection: Connection.Pointer, _ bytes: UnsafeBufferPointer<UInt8>, _ now: Int64
    ) {
        var offset = 0
        while true {
            // Nothing may come that was not asked for.
            guard connection.pointee.pendingCount > 0 || offset == bytes.count else {
                return failed(connection, .read, now)
            }
            switch connection.pointee.parser.next(in: bytes, at: &offset, isHead: isHead) {
            case .head(let cookie):
                if !cookie.isEmpty { keep(cookie, connection.pointee.firstPending.visitor) }
            case .end:
                answered(connection, now)
                if connection.pointee.parser.closes || !options.keepsAlive {
                    return closedByServer(connection, now)
                }
                if hasSchedule { addFreePlace(connection) }
            case .needsMore:
                if offset < bytes.count { connection.pointee.received += bytes[offset...] }
                if !hasSchedule { fill(connection, now) }
                return
            case .malformed: return failed(connection, .read, now)
            }
        }
    }

    /// The server has closed the connection.
    private func ended(_ connection: Connection.Pointer, _ now: Int64) {
        if connection.pointee.parser.endsWithConnection, connection.pointee.pendingCount > 0 {
            answered(connection, now)
            closedByServer(connection, now)
        } else {
            failed(connection, .read, now)
        }
    }

    private func answered(_ connection: Connection.Pointer, _ now: Int64) {
        let request = connection.pointee.pop()
        inFlight -= 1
        let status = connection.pointee.parser.status
        if (200...299).contains(status) {
            summary.acknowledged += 1
            if options.remembersHits { summary.acknowledgedHits.insert(request.hit) }
        }
        guard request.planned >= measuredStart else { return }
        summary.interval.replies += 1
        summary.interval.lastReply = now
        summary.interval.statuses[min(status / 100, 5)] += 1
        guard status < 400 else { return summary.interval.count(.status) }
        summary.interval.latencies.record(Interval.microseconds(now - request.planned))
        if hasSchedule {
            summary.interval.uncorrected?.record(Interval.microseconds(now - request.sent))
        }
    }

    private func keep(_ cookie: UnsafeBufferPointer<UInt8>, _ visitor: Int) {
        guard visitor >= 0 else { return }
        let known = visitors.cookie(of: visitor)
        // Most replies repeat the cookie that the visitor has sent.
        if known.count == cookie.count, let old = known.baseAddress, let new = cookie.baseAddress,
            memcmp(old, new, known.count) == 0
        {
            return
        }
        if !visitors.keep(cookie, for: visitor) { summary.interval.cookiesDropped += 1 }
    }
}
