internal import Glibc
internal import POSIX

/// What the service manager that started the process has given it and is to be told (sd_notify(3),
/// sd_listen_fds(3), sd_watchdog_enabled(3)). A process that nobody manages has none of this.
struct ServiceManager: Sendable {
    /// A listening socket that the manager opened, and its name there (`FileDescriptorName=`).
    struct Socket: Equatable, Sendable {
        let name: String
        let descriptor: Int32
    }

    /// The sockets to listen on.
    let sockets: [Socket]
    /// Seconds within which the manager wants to hear that all is well; nil if it does not.
    let watchdogSeconds: Double?
    private let notifySocket: NotifySocket?

    /// Where inherited descriptors begin (`SD_LISTEN_FDS_START`).
    private static let firstDescriptor: Int32 = 3
    /// The most of them that are taken.
    private static let socketsMax: Int32 = 64

    /// What the variables say, read with `variable`. Those that are for another process are not
    /// heeded.
    init(processID: Int32, variable: (String) -> String?) {
        func isForUs(_ name: String) -> Bool {
            variable(name).map { Int32($0) == processID } ?? true
        }
        notifySocket = variable("NOTIFY_SOCKET").flatMap { NotifySocket(path: $0) }
        watchdogSeconds =
            isForUs("WATCHDOG_PID")
            ? variable("WATCHDOG_USEC").flatMap { UInt32($0) }.flatMap {
                $0 > 0 ? Double($0) / 1e6 : nil
            }
            : nil
        let isListening = variable("LISTEN_PID") != nil && isForUs("LISTEN_PID")
        let count = isListening ? variable("LISTEN_FDS").flatMap { Int32($0) } ?? 0 : 0
        let names = (variable("LISTEN_FDNAMES") ?? "").split(
            separator: ":", omittingEmptySubsequences: false)
        sockets = (0..<max(0, min(count, Self.socketsMax))).map { index in
            Socket(
                name: Int(index) < names.count ? String(names[Int(index)]) : "",
                descriptor: Self.firstDescriptor + index)
        }
    }

    /// What the process's variables say, which are taken away: they are not for its children.
    static func ofProcess() -> ServiceManager {
        let manager = ServiceManager(processID: getpid()) { name in
            getenv(name).map { String(cString: $0) }
        }
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        return manager
    }

    /// The service takes hits.
    func ready() { notify("READY=1") }

    /// It is about to read its configuration again; `ready()` ends that.
    func reloading() {
        // systemd.service(5), `notify-reload`, asks for the time.
        notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicNanoseconds() / 1000)")
    }

    /// It is about to end.
    func stopping() { notify("STOPPING=1") }

    /// All is well.
    func isAlive() { notify("WATCHDOG=1") }

    /// Shows a text to who asks for the service's state.
    func status(_ text: String) { notify("STATUS=\(text)") }

    private func notify(_ text: String) {
        // A manager that does not listen has nothing to be told.
        try? notifySocket?.send(text)
    }
}
