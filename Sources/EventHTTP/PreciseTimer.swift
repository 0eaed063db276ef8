internal import CLinux
internal import Glibc
public import POSIX

/// A timer of a loop as precise as the kernel's (timerfd_create(2)); libevent's own count in
/// milliseconds, because epoll_wait(2) does.
///
/// For the loop's thread only.
public final class PreciseTimer {
    private let descriptor: Int32
    private var source: EventSource?

    /// A timer that is not set. `fire` is called on the loop. Throws when the process has no
    /// descriptor left.
    public init(loop: EventLoop, _ fire: @escaping () -> Void) throws(SystemError) {
        descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        if descriptor < 0 { throw SystemError("timerfd_create") }
        source = loop.onReadable(descriptor) { [descriptor] in
            var expirations: UInt64 = 0
            _ = read(descriptor, &expirations, MemoryLayout<UInt64>.size)
            fire()
        }
    }

    deinit {
        source = nil
        close(descriptor)
    }

    /// Fires once at a time of `CLOCK_MONOTONIC`, in nanoseconds above 0; at once if that has
    /// passed. Replaces the time set before.
    public func set(at nanoseconds: Int64) {
        var setting = itimerspec()
        setting.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
        setting.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        let code = timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        precondition(code == 0, "timerfd_settime takes every time from 1 ns on")
    }
}
