internal import CLibevent
internal import Glibc

/// One thread's event loop: an `event_base` run turn by turn.
///
/// Made and used on one thread only (it is not `Sendable`). Other threads reach it through a
/// `LoopMailbox`.
public final class EventLoop {
    let base: OpaquePointer
    private var isStopping = false
    /// What is done at the end of each turn, after the loop's owner; true if that brought more work.
    private var turnEnds: [() -> Bool] = []

    /// Makes a loop for the calling thread.
    public init() {
        // No locks: nobody else touches the base. The changelist folds the changes that evhttp
        // makes to one descriptor within a turn into at most one epoll_ctl.
        let configuration = event_config_new()
        event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        event_config_set_flag(
            configuration, Int32(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue))
        defer { event_config_free(configuration) }
        guard let base = event_base_new_with_config(configuration) else {
            preconditionFailure("libevent could not make an event base")
        }
        self.base = base
    }

    deinit {
        event_base_free(base)
    }

    /// Runs turn after turn until `stop()`. A turn waits for events and handles all that are due;
    /// then `endOfTurn` is called. It can be run again.
    public func run(endOfTurn: () -> Void) {
        isStopping = false
        while !isStopping {
            event_base_loop(base, EVLOOP_ONCE)
            var isUnfinished = true
            while isUnfinished {
                endOfTurn()
                isUnfinished = false
                for end in turnEnds where end() { isUnfinished = true }
            }
        }
    }

    /// Calls `body` at the end of each turn, for as long as the loop runs.
    func atTurnEnd(_ body: @escaping () -> Bool) {
        turnEnds.append(body)
    }

    /// Ends `run` after the present turn. On the loop's thread.
    public func stop() {
        isStopping = true
    }

    /// Calls `fire` every `seconds` for as long as the returned source lives.
    public func every(seconds: Double, _ fire: @escaping () -> Void) -> EventSource {
        let source = EventSource(loop: self, descriptor: -1, what: EV_PERSIST, fire)
        source.add(after: seconds)
        return source
    }

    /// Calls `fire` on the loop when the process receives `signal`. Only one loop of a process may
    /// take signals (libevent keeps them in a global).
    public func onSignal(_ signal: Int32, _ fire: @escaping () -> Void) -> EventSource {
        // Whoever started the process may have left it blocked.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, signal)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        let source = EventSource(
            loop: self, descriptor: signal, what: EV_SIGNAL | EV_PERSIST, fire)
        source.add()
        return source
    }

    /// Calls `fire` in each turn in which `descriptor` can be read. The caller keeps it open for
    /// as long as the source lives.
    func onReadable(_ descriptor: Int32, _ fire: @escaping () -> Void) -> EventSource {
        let source = EventSource(
            loop: self, descriptor: descriptor, what: EV_READ | EV_PERSIST, fire)
        source.add()
        return source
    }
}

/// Something that a loop waits for. It is waited for as long as the object lives.
public final class EventSource {
    private let loop: EventLoop
    private let fire: () -> Void
    private var event: OpaquePointer?

    fileprivate init(
        loop: EventLoop, descriptor: Int32, what: Int32, _ fire: @escaping () -> Void
    ) {
        self.loop = loop
        self.fire = fire
        event = event_new(
            loop.base, descriptor, Int16(what), eventFired, callbackContext(self))
        precondition(event != nil, "libevent could not make an event")
    }

    deinit {
        event_free(event)
    }

    fileprivate func add(after seconds: Double? = nil) {
        let added: Int32
        if let seconds {
            var time = timeval(seconds: seconds)
            added = event_add(event, &time)
        } else {
            added = event_add(event, nil)
        }
        precondition(added == 0, "libevent could not add an event")
    }

    func fired() {
        fire()
    }
}
