/// Whether a program is in `PATH`.
public func isInstalled(_ program: String) -> Bool {
    (try? ChildProcess.run(["which", program]).status) == 0
}

/// Whether strace(1) may trace a process here; containers can forbid it.
public let canTrace: Bool =
    (try? ChildProcess.run(["strace", "-D", "-o", "/dev/null", "true"]).status) == 0
