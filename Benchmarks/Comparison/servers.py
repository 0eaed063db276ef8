"""The servers of a comparison, and what is measured of them and of the loads."""
import json
import os
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).parent
QUERY = "u=https%3A%2F%2Fshop.example.com%2Fsearch"
# What a cache buster makes once; wrk sends it again and again.
FIXED = f"/track.js?{QUERY}&t=1795475738316&r=0123456789abcdef&s=my%20cool%20search"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on core 0 (or where it is told), with a directory that it writes to."""

    def __init__(self, name, command, directory, cores="0", configuration=None):
        self.name, self.port = name, free_port()
        self.directory = pathlib.Path(directory).resolve() / re.sub(r"\W+", "-", name)
        self.directory.mkdir()
        command = [self._filled(part) for part in command]
        if configuration:
            path = self.directory / configuration.name
            path.write_text(self._filled(configuration.read_text()))
        with open(self.directory / "out", "w") as out, open(self.directory / "err", "w") as err:
            self.process = subprocess.Popen(
                ["taskset", "-c", cores, *command], stdout=out, stderr=err)
        self._wait()

    def _filled(self, text):
        return text.replace("PORT", str(self.port)).replace("DIRECTORY", str(self.directory))

    def _wait(self):
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        raise SystemExit(f"{self.name} did not start:\n{(self.directory / 'err').read_text()}")

    def processes(self):
        """Itself and its children: nginx answers in one of them."""
        own = self.process.pid
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own] + [int(child) for child in children]

    def cpu_seconds(self):
        """User and system time of all its threads."""
        total = 0
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_mib(self):
        """What it has in memory now."""
        total = 0
        for pid in self.processes():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        return total / 1024

    def written_bytes(self):
        """What it caused to be sent to the disk."""
        total = 0
        for pid in self.processes():
            io = pathlib.Path(f"/proc/{pid}/io").read_text()
            total += int(re.search(r"^write_bytes: (\d+)", io, re.M)[1])
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def footfall(binary, durability, directory, *more, name=None, loops=1, cores="0"):
    return Server(
        name or f"Footfall, {durability}",
        [binary, "serve", "--listen", "127.0.0.1:PORT", "--admin", "off", "--print", "none",
         "--loops", str(loops), "--durability", durability, "--data", "DIRECTORY/data", *more],
        directory, cores)


def nginx(directory):
    return Server(
        "nginx, JSON access log", ["nginx", "-c", "DIRECTORY/nginx.conf", "-p", "DIRECTORY"],
        directory, configuration=HERE / "nginx.conf")


def spent():
    """CPU seconds of the testers so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def wrk(server, connections, seconds, core="1"):
    """Hits and seconds of a load of one fixed URL with the headers of a browser."""
    output = subprocess.run(
        ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
         "-s", str(HERE / "browser.lua"), f"http://127.0.0.1:{server.port}{FIXED}"],
        check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"{server.name} did not answer every request:\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1]), float(seconds)


def bench(binary, server, seconds, *more, core="1", query=QUERY, threads=1):
    """The JSON of a load in which every URL is another one."""
    run = subprocess.run(
        ["taskset", "-c", core, binary, f"http://127.0.0.1:{server.port}/track.js?{query}",
         "-q", "-o", "json", "-t", str(threads), "-d", f"{seconds}s", *more],
        capture_output=True, text=True)
    # 5: the tester was the bottleneck, which the result says too.
    if run.returncode not in (0, 5):
        raise SystemExit(f"{server.name}: {run.stderr}")
    result = json.loads(run.stdout)
    if result["errors"]["total"]:
        raise SystemExit(f"{server.name} did not answer every request: {result['errors']}")
    return result


def summary(samples):
    """The median with the least and the most."""
    return {"median": statistics.median(samples), "least": min(samples), "most": max(samples)}


def machine(result):
    """Where a run of footfall-bench was made, in words."""
    of = result["machine"]
    return f"{of['processor']}, {of['cores']} cores, {of['kernel']}, libevent {of['libevent']}"
