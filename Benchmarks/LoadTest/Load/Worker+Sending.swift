import DequeModule
import EventHTTP
import Glibc
import POSIX

// The way of a request: whenever a connection has room, and the mode allows it.
extension Worker {
    /// Closed mode: as many requests as the connection has room for, in one send.
    func fill(_ connection: Connection.Pointer, _ now: Int64) {
        writer.removeAll()
        while connection.pointee.hasRoom, mayStart(now) {
            write(connection, planned: now, sent: now)
        }
        flush(connection, now)
    }

    /// Takes up the work of a connection that has nothing to do.
    func beginOrFill(_ connection: Connection.Pointer, _ now: Int64) {
        guard options.keepsAlive else {
            if mayStart(now) { connect(connection, now, planned: now) }
            return
        }
        if connection.pointee.state == .open { fill(connection, now) }
    }

    /// Constant rate: everything that is due, as far as connections are free.
    func pace(_ now: Int64) {
        guard let schedule else { return }
        var now = now
        var isFirst = true
        while remaining > 0 {
            let planned = resend.last?.planned ?? schedule.time(of: nextPlanned)
            guard planned <= now, planned < end else {
                if planned < end { wake(at: planned) }
                lacksPlaces = false
                return
            }
            // Nothing but the tester itself was in the way of what is late now.
            if isFirst, !lacksPlaces { ownLateEnd = now - Schedule.ownLateNanoseconds }
            isFirst = false
            guard let connection = takeFreePlace() else {
                lacksPlaces = true
                return
            }
            if resend.isEmpty { nextPlanned += 1 }
            if planned >= measuredStart { countMeasured(planned, now) }
            if options.keepsAlive {
                writer.removeAll()
                write(connection, planned: planned, sent: now)
                flush(connection, now)
            } else {
                connect(connection, now, planned: planned)
            }
            now = Clock.monotonicNanoseconds()
        }
    }

    private func countMeasured(_ planned: Int64, _ now: Int64) {
        remaining -= 1
        if now - planned > Schedule.lateNanoseconds { summary.interval.behindSchedule += 1 }
        if planned < ownLateEnd { summary.interval.lateThroughTester += 1 }
    }

    private func wake(at time: Int64) {
        guard time != timerTime else { return }
        timerTime = time
        timer?.set(at: time)
    }

    /// Makes it known that a connection has nothing to do.
    func addFreePlaces(_ connection: Connection.Pointer) {
        for _ in 0..<options.pipelineDepth { addFreePlace(connection) }
    }

    /// Makes it known that a connection has room for one request more.
    func addFreePlace(_ connection: Connection.Pointer) {
        free.append(
            FreePlace(connection: connection, generation: connection.pointee.generation))
    }

    /// A connection that still has the room that it once had.
    private func takeFreePlace() -> Connection.Pointer? {
        while let place = free.popFirst() {
            if place.generation == place.connection.pointee.generation { return place.connection }
        }
        return nil
    }

    /// Whether another request may be sent in closed mode, and counts it.
    private func mayStart(_ now: Int64) -> Bool {
        guard phase == .running, now < end else { return false }
        if now >= measuredStart {
            guard remaining > 0 else { return false }
            remaining -= 1
        }
        return true
    }

    /// Writes one request to the buffer.
    func write(_ connection: Connection.Pointer, planned: Int64, sent: Int64) {
        var request: PendingRequest
        if let again = resend.popLast() {
            request = again
            request.sent = sent
        } else {
            request = PendingRequest(hit: nextHit, visitor: -1, planned: planned, sent: sent)
            nextHit += 1
        }
        let hit = UInt64(request.hit) * UInt64(share.threads) + UInt64(share.thread)
        let number = numbers.number(of: hit)
        let choice = HitNumbers.mixed(~number)
        var cookie = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        if visitors.count > 0 {
            request.visitor = Int(((choice & 0xffff_ffff) &* UInt64(visitors.count)) >> 32)
            cookie = visitors.cookie(of: request.visitor)
        }
        // A visitor always has the same browser.
        let person = request.visitor >= 0 ? request.visitor : Int(choice >> 40)
        let words = writer.wordCount
        writer.append(
            RequestWriter.Variation(
                milliseconds: (sent &+ epochOffset) / 1_000_000, number: number,
                target: Int(hit % UInt64(writer.targetCount)),
                word: words > 0 ? Int(choice >> 32) % words : 0,
                userAgent: person % writer.userAgentCount),
            cookie: cookie)
        connection.pointee.push(request)
        inFlight += 1
        if request.planned >= measuredStart { summary.interval.sent += 1 }
    }

    /// Sends the buffer, or keeps what there is no room for.
    func flush(_ connection: Connection.Pointer, _ now: Int64) {
        let bytes = writer.bytes
        guard !bytes.isEmpty else { return }
        summary.interval.bytesSent += bytes.count
        guard connection.pointee.unsent.isEmpty else {
            connection.pointee.unsent += bytes
            return
        }
        switch connection.pointee.socket.send(bytes) {
        case .bytes(let count) where count == bytes.count: break
        case .bytes(let count): keep(connection, bytes.dropFirst(count))
        case .wouldBlock: keep(connection, bytes[...])
        case .failed: failed(connection, .write, now)
        }
    }

    /// There is room again.
    func sendRest(_ connection: Connection.Pointer, _ now: Int64) {
        let rest = connection.pointee.unsent
        connection.pointee.unsent = []
        let outcome = rest.withUnsafeBytes { connection.pointee.socket.send($0) }
        switch outcome {
        case .bytes(let count) where count == rest.count: break
        case .bytes(let count): rest.withUnsafeBytes { keep(connection, $0.dropFirst(count)) }
        case .wouldBlock: rest.withUnsafeBytes { keep(connection, $0[...]) }
        case .failed: failed(connection, .write, now)
        }
    }

    private func keep(_ connection: Connection.Pointer, _ rest: Slice<UnsafeRawBufferPointer>) {
        connection.pointee.unsent = Array(rest)
        connection.pointee.socket.waitForWriting()
    }
}
