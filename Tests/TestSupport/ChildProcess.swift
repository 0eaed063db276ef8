public import CLinux
internal import Foundation
public import POSIX

/// A program that a test has started. It is killed with the object at the latest.
///
/// Its output goes to files, so that it never waits for the test to read.
public final class ChildProcess {
    /// Its process id.
    public let identifier: pid_t
    private let directory = TemporaryDirectory()
    private let lock = NSLock()
    private var status: Int32?

    /// How a program ended.
    public struct Result: Sendable {
        /// What it exited with; 128 and the signal's number if one ended it.
        public let status: Int32
        /// What it wrote to standard output.
        public let output: String
        /// What it wrote to standard error.
        public let errors: String
    }

    /// Starts the program called `arguments[0]`, looked up in `PATH`.
    public init(
        _ arguments: [String], environment: [String: String] = [:],
        in workingDirectory: String? = nil
    ) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, directory.file("out"), flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, directory.file("err"), flags, 0o600)
        // Other tests have sockets and files open at the same time; they are not the child's.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var variables = ProcessInfo.processInfo.environment
        variables.merge(environment) { $1 }
        // env(1) changes the directory and becomes the program.
        let command = workingDirectory.map { ["env", "-C", $0] + arguments } ?? arguments
        var argv = command.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for string in argv + envp { free(string) }
        }
        // The threads of a test runner block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var identifier: pid_t = 0
        let code = posix_spawnp(&identifier, command[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw SystemError("start", arguments[0], code: code) }
        self.identifier = identifier
    }

    deinit {
        if !hasEnded {
            kill(identifier, SIGKILL)
            _ = waitForEnd()
        }
    }

    /// What it has written to standard output so far.
    public var output: String { text("out") }
    /// What it has written to standard error so far.
    public var errors: String { text("err") }

    /// Sends it a signal.
    public func signal(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Whether it has ended.
    public var hasEnded: Bool { reap(WNOHANG) != nil }

    /// Waits for its end, for at most `seconds`; then kills it.
    public func waitForEnd(seconds: Double = 120) -> Result {
        let deadline = Date().addingTimeInterval(seconds)
        while reap(WNOHANG) == nil {
            if Date() > deadline { kill(identifier, SIGKILL) }
            usleep(2000)
        }
        return Result(status: reap(0) ?? -1, output: output, errors: errors)
    }

    /// Runs a program to its end.
    public static func run(
        _ arguments: [String], environment: [String: String] = [:],
        in workingDirectory: String? = nil, seconds: Double = 120
    ) throws(SystemError) -> Result {
        try ChildProcess(arguments, environment: environment, in: workingDirectory)
            .waitForEnd(seconds: seconds)
    }

    private func reap(_ options: Int32) -> Int32? {
        lock.lock()
        defer { lock.unlock() }
        if let status { return status }
        var raw: Int32 = 0
        guard waitpid(identifier, &raw, options) == identifier else { return nil }
        // wait(2): the low seven bits are the signal, the next byte is what it exited with.
        let signal = raw & 0x7f
        status = signal == 0 ? raw >> 8 & 0xff : 128 + signal
        return status
    }

    private func text(_ name: String) -> String {
        (try? directory.bytes(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

// The status is guarded by the lock; the rest never changes.
extension ChildProcess: @unchecked Sendable {}
