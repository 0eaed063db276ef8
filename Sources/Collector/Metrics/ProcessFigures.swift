internal import Glibc
internal import POSIX

/// What the system says of this process (proc(5), getrusage(2), getrlimit(2)).
struct ProcessFigures {
    /// Seconds of processor time, in user space and in the kernel.
    let processorSeconds: Double
    let residentBytes: Int
    let virtualBytes: Int
    let openDescriptors: Int
    let descriptorsMax: Int
    /// Seconds since 1970 at which it was started; 0 if that is not known.
    let startedAt: Double

    /// Those of now.
    static func now() -> ProcessFigures {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Pages: of the address space, and resident.
        let pages = contents("/proc/self/statm").split(separator: " ").prefix(2)
            .compactMap { Int($0) }
        let page = sysconf(Int32(_SC_PAGESIZE))
        return ProcessFigures(
            processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            residentBytes: (pages.last ?? 0) * page, virtualBytes: (pages.first ?? 0) * page,
            openDescriptors: openDescriptors(), descriptorsMax: Int(clamping: limit.rlim_cur),
            startedAt: startedAt)
    }

    private static let startedAt: Double = {
        // The name, which is in parentheses, may have spaces; the start is field 22.
        let fields =
            contents("/proc/self/stat").split(separator: ")").last?
            .split(separator: " ") ?? []
        guard fields.count > 19, let ticks = Double(fields[19]) else { return 0 }
        // It is in ticks since the machine was started. /proc/stat has that time, but the unit's
        // ProcSubset=pid hides it.
        var sinceBoot = timespec()
        clock_gettime(CLOCK_BOOTTIME, &sinceBoot)
        let boot =
            Double(Clock.microsecondsSinceEpoch()) / 1e6
            - (Double(sinceBoot.tv_sec) + Double(sinceBoot.tv_nsec) / 1e9)
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    private static func openDescriptors() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Neither `.` and `..`, nor the descriptor of the directory itself.
        return count - 3
    }

    private static func contents(_ path: String) -> String {
        let bytes = try? SettingsFile.bytes(of: path, atMost: 64 << 10)
        return String(decoding: bytes ?? [], as: UTF8.self)
    }
}
