public import Glibc

/// A value that several threads share, guarded by one pthread mutex, with a condition to wait on.
///
/// A pthread mutex and not `Synchronization.Mutex`, under which ThreadSanitizer reports races that
/// are none, and which has no condition.
public final class Monitor<State: ~Copyable> {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline let condition: UnsafeMutablePointer<pthread_cond_t>
    @usableFromInline let state: UnsafeMutablePointer<State>

    /// Guards `initial`.
    public init(_ initial: consuming sending State) {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        state = .allocate(capacity: 1)
        state.initialize(to: initial)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits are measured on a clock that nobody sets.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let created =
            pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(condition, &attributes) == 0
        precondition(created, "no memory for a mutex")
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        state.deinitialize(count: 1)
        state.deallocate()
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the value, alone. Any thread; not reentrant.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state.pointee)
    }

    /// Waits until `ready` holds or `seconds` have passed, then runs `body`, all under the lock.
    /// `ready` is asked again after each `notify()`. A negative time is none at all.
    public func withLock<Result>(
        waitingFor ready: (borrowing State) -> Bool, seconds: Double,
        _ body: (inout State) -> Result
    ) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds =
            deadline.tv_nsec + Int(max(0, seconds).truncatingRemainder(dividingBy: 1) * 1e9)
        deadline.tv_sec += Int(max(0, seconds)) + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        while !ready(state.pointee) {
            if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
        }
        return body(&state.pointee)
    }

    /// Wakes every thread that waits, to ask its condition again. Any thread.
    @inlinable
    public func notify() {
        pthread_cond_broadcast(condition)
    }
}

// `state` is reached only while `mutex` is held.
extension Monitor: @unchecked Sendable where State: ~Copyable {}
