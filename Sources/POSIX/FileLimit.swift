internal import Glibc

/// The number of descriptors that this process may have open (`RLIMIT_NOFILE`, getrlimit(2)).
public enum FileLimit {
    /// Raises the limit as far as the system lets it, and answers with it.
    public static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        if limit.rlim_cur < limit.rlim_max {
            let soft = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
                limit.rlim_cur = soft
            }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
