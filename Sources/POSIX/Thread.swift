internal import CLinux
internal import Glibc

/// A joinable POSIX thread.
public struct Thread: Sendable {
    private let handle: pthread_t

    /// Starts `body` on a thread of its own with all signals blocked, so that they reach the
    /// control loop. `name` shows in `top -H` (at most 15 bytes, pthread_setname_np(3)).
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var everySignal = sigset_t()
        var previous = sigset_t()
        sigfillset(&everySignal)
        pthread_sigmask(SIG_BLOCK, &everySignal, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var handle = pthread_t()
        let code = pthread_create(&handle, nil, threadMain, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError("start a thread", name, code: code)
        }
        self.handle = handle
    }

    /// Lets the calling thread do nothing for so long; not at all if that is no time.
    public static func sleep(seconds: Double) {
        guard seconds > 0 else { return }
        var time = timespec(
            tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        nanosleep(&time, nil)
    }

    /// Waits for the thread's end. Once, from any other thread.
    public func join() {
        let code = pthread_join(handle, nil)
        precondition(code == 0, "a thread is joined once, by another one")
    }
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
    pthread_setname_np(pthread_self(), start.name)
    start.body()
    return nil
}
