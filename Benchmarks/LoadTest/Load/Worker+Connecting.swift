import EventHTTP
import Glibc
import POSIX

// The life of a connection: made, broken, made again.
extension Worker {
    /// Time before a connection that failed is tried again.
    private static let retryNanoseconds: Int64 = 20_000_000

    /// Begins to connect; `planned` is set if it is for one request.
    func connect(_ connection: Connection.Pointer, _ now: Int64, planned: Int64? = nil) {
        connection.pointee.state = .connecting
        connection.pointee.connectStart = now
        connection.pointee.retryTime = 0
        connection.pointee.plannedForConnect = planned
        if planned != nil { inFlight += 1 }
        do throws(SystemError) {
            try connection.pointee.socket.connect(to: options.address)
        } catch {
            connectFailed(connection, error.code, now)
        }
    }

    /// Connects when there is something to do for it.
    func connectAgain(_ connection: Connection.Pointer, _ now: Int64) {
        connection.pointee.retryTime = 0
        guard phase == .waiting || phase == .running else { return }
        if options.keepsAlive {
            connect(connection, now)
        } else if hasSchedule {
            addFreePlaces(connection)
        } else {
            beginOrFill(connection, now)
        }
    }

    /// What the loop calls for each connection.
    func ready(_ connection: Connection.Pointer, _ readiness: ClientSocket.Readiness) {
        switch (readiness, connection.pointee.state) {
        case (.reading, _): read(connection)
        case (.writing, .connecting): connected(connection)
        case (.writing, _): sendRest(connection, Clock.monotonicNanoseconds())
        }
    }

    private func connected(_ connection: Connection.Pointer) {
        let now = Clock.monotonicNanoseconds()
        let code = connection.pointee.socket.connectionError
        guard code == 0 else { return connectFailed(connection, code, now) }
        connection.pointee.state = .open
        connection.pointee.parser.reset()
        connection.pointee.socket.startReading()
        settle(connection)
        if let planned = connection.pointee.plannedForConnect {
            connection.pointee.plannedForConnect = nil
            inFlight -= 1
            writer.removeAll()
            write(connection, planned: planned, sent: connection.pointee.connectStart)
            flush(connection, now)
        } else if phase == .running {
            if hasSchedule {
                addFreePlaces(connection)
            } else {
                fill(connection, now)
            }
        }
    }

    private func settle(_ connection: Connection.Pointer) {
        guard options.keepsAlive, !connection.pointee.isSettled else { return }
        connection.pointee.isSettled = true
        settled += 1
        if settled == connections.count { report(.ready) }
    }

    private func connectFailed(_ connection: Connection.Pointer, _ code: Int32, _ now: Int64) {
        summary.interval.count(.connect)
        close(connection, retryTime: now + Self.retryNanoseconds)
        settle(connection)
        if !options.reconnects, [ECONNREFUSED, ENOENT, ENETUNREACH, EHOSTUNREACH].contains(code) {
            report(.serverGone(reason: SystemError("connect", code: code).reason))
        }
    }

    /// Something ended a connection. Everything that was sent and not answered has failed.
    func failed(_ connection: Connection.Pointer, _ kind: ErrorKind, _ now: Int64) {
        let isConnecting = connection.pointee.state == .connecting
        let lost = connection.pointee.pendingCount
        for _ in 0..<lost { _ = connection.pointee.pop() }
        inFlight -= lost
        if now >= measuredStart || isConnecting {
            summary.interval.count(kind, max(lost, isConnecting ? 1 : 0))
        }
        close(connection, retryTime: 0)
        settle(connection)
        connectAgain(connection, now)
    }

    /// The server has announced that it closes after the reply that has just come: what was sent
    /// after its request it will never look at (RFC 9112, 9.6).
    func closedByServer(_ connection: Connection.Pointer, _ now: Int64) {
        let ignored = connection.pointee.pendingCount
        for _ in 0..<ignored {
            let request = connection.pointee.pop()
            resend.append(request)
            guard request.planned >= measuredStart else { continue }
            // Their second sending is counted.
            summary.interval.sent -= 1
            if remaining < .max { remaining += 1 }
        }
        inFlight -= ignored
        // They were the last ones: the end has to wait.
        if ignored > 0, phase == .draining, drainEnd == .max, now < end { phase = .running }
        close(connection, retryTime: 0)
        connectAgain(connection, now)
    }

    /// Closes a connection whose requests are dealt with.
    private func close(_ connection: Connection.Pointer, retryTime: Int64) {
        connection.pointee.socket.close()
        connection.pointee.state = .closed
        connection.pointee.generation &+= 1
        connection.pointee.retryTime = retryTime
        connection.pointee.received = []
        connection.pointee.unsent = []
        if connection.pointee.plannedForConnect != nil {
            connection.pointee.plannedForConnect = nil
            inFlight -= 1
        }
    }
}
