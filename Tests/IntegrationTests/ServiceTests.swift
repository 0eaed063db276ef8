import Foundation
import TestSupport
import Testing

/// The collector under a service manager.
@Suite struct ServiceTests {
    private let directory = TemporaryDirectory()

    @Test(
        "sockets of the manager outlive a restart: no request fails under load",
        .enabled(
            if: isInstalled("systemd-socket-activate"), "systemd-socket-activate is not installed"),
        arguments: [["-c", "32"], ["-c", "16", "--no-keepalive"]])
    func socketActivation(_ connections: [String]) throws {
        let port = try freePort()
        let data = directory.file("data")
        // One collector after another, each with the socket that the manager holds.
        let restarts = """
            for run in 1 2 3 4; do
                bash -c 'LISTEN_PID=$$ exec "$0" "$@"' "$0" serve --data "$1" --admin off &
                echo $! > "$2"; wait $!
            done
            """
        let manager = try ChildProcess([
            "systemd-socket-activate", "--listen=127.0.0.1:\(port)", "bash", "-c", restarts,
            FootfallBinary.path, data, directory.file("pid"),
        ])
        defer { endLast() }
        while !manager.errors.contains("Listening on") { usleep(5000) }
        // The first connection starts the first one.
        #expect(try HTTPConnection(port: port).request("/track.js")?.status == 200)
        let load = try ChildProcess(
            [
                BenchBinary.path, "http://127.0.0.1:\(port)/track.js", "-q", "-o", "json",
                "-n", "30k", "-T", "30s", "--reconcile", data,
            ] + connections)
        var restarted = 0
        while !load.hasEnded, restarted < 3 {
            usleep(400_000)
            let ready = manager.errors.components(separatedBy: ": listening on").count - 1
            guard ready > restarted, !load.hasEnded, let pid = collector() else { continue }
            kill(pid, SIGTERM)
            restarted += 1
        }
        let end = load.waitForEnd()
        #expect(end.status == 0, "\(end.errors) \(manager.errors)")
        let result = try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [String: Any]
        #expect((result?["errors"] as? [String: Int])?["total"] == 0)
        #expect(result?["acknowledged"] as? Int == 30_000)
        #expect(result?["lost"] as? Int == 0)
        #expect(restarted > 0, "it was restarted under load")
        #expect(manager.errors.contains("listening on http://127.0.0.1:\(port)"))
    }

    private func collector() -> pid_t? {
        (try? directory.bytes("pid")).flatMap {
            pid_t(
                String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// Ends the collectors that follow each other.
    private func endLast() {
        for _ in 0..<4 {
            guard let pid = collector(), kill(pid, SIGTERM) == 0 else { return }
            let deadline = Date().addingTimeInterval(10)
            while collector() == pid, kill(pid, 0) == 0, Date() < deadline { usleep(5000) }
        }
    }

    @Test(
        "the manager hears of readiness, of a reload and of the end, and of life only from all loops",
        .enabled(if: canTrace, "no thread can be stopped here"))
    func notifications() throws {
        try directory.write(Array(script.utf8), to: "manager.py")
        try directory.write(Array("cookie_names: [a]\n".utf8), to: "footfall.yaml")
        let run = try ChildProcess.run(
            [
                Python.path, directory.file("manager.py"), directory.path, FootfallBinary.path,
                "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--loops", "2", "--data",
                directory.file("data"), "--config", directory.file("footfall.yaml"),
            ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(
            run.output
                == "ready\nalive\nno sign of life while a loop stands still\nalive\n"
                + "reloading, then ready\nstopping\nended with 0\n")
    }

    /// A service manager: hears what a service says, and stops one of its threads for a while.
    private let script = """
        import ctypes, os, signal, socket, subprocess, sys, time

        directory, command = sys.argv[1], sys.argv[2:]
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(directory + "/notify")
        environment = dict(os.environ, NOTIFY_SOCKET=directory + "/notify", WATCHDOG_USEC="2000000")
        service = subprocess.Popen(command, env=environment)

        def heard(seconds):
            listener.settimeout(seconds)
            try:
                return listener.recv(4096).decode()
            except TimeoutError:
                return None

        def wait(text):
            for _ in range(60):
                message = heard(1)
                if message and text in message:
                    return message
            service.kill()
            sys.exit("never heard " + text)

        def thread(name):
            tasks = f"/proc/{service.pid}/task"
            for task in os.listdir(tasks):
                if open(f"{tasks}/{task}/comm").read().strip() == name:
                    return int(task)

        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

        def ptrace(request, task):
            if libc.ptrace(request, task, None, None) != 0:
                sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))

        wait("READY=1"); print("ready")
        wait("WATCHDOG=1"); print("alive")
        loop = thread("loop-1")
        ptrace(0x4206, loop)  # PTRACE_SEIZE
        ptrace(0x4207, loop)  # PTRACE_INTERRUPT
        os.waitpid(loop, 0x40000000)  # __WALL
        while heard(0.1):
            pass
        print("no sign of life while a loop stands still" if heard(3) is None else "it lies")
        ptrace(17, loop)  # PTRACE_DETACH
        wait("WATCHDOG=1"); print("alive")
        service.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in wait("RELOADING=1")
        wait("READY=1"); print("reloading, then ready")
        service.send_signal(signal.SIGTERM)
        wait("STOPPING=1"); print("stopping")
        print("ended with", service.wait(60))
        """

    @Test("a descriptor that is no listening socket ends the start with one line")
    func noSocket() throws {
        let run = try ChildProcess.run([
            "bash", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\" 3< /dev/null",
            FootfallBinary.path, "serve", "--admin", "off", "--data", directory.file("data"),
        ])
        #expect(run.status == 1)
        #expect(run.errors == "footfall: inherit descriptor 3: Socket operation on non-socket\n")
    }
}
