internal import Glibc

extension timeval {
    /// A span of time as libevent takes it.
    init(seconds: Double) {
        let whole = seconds.rounded(.down)
        self.init(tv_sec: Int(whole), tv_usec: Int((seconds - whole) * 1e6))
    }
}
