import EventHTTP
import FoundationEssentials
import Glibc

/// Where a run was made, and with what.
struct Machine: Codable, Equatable {
    var processor: String
    var cores: Int
    var memoryBytes: Int
    var kernel: String
    var libevent: String
    var footfallBench: String

    /// This one.
    static func current() -> Machine {
        let cpu = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model =
            cpu.split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown"
        return Machine(
            processor: model, cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            memoryBytes: sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)),
            kernel: kernel(), libevent: LibeventLibrary.version,
            footfallBench: FootfallBench.version)
    }

    private static func kernel() -> String {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        return "Linux \((text ?? "").filter { !$0.isNewline })"
    }
}
