#!/usr/bin/env python3
"""CPU per hit of Footfall beside nginx with a JSON access log and a bare epoll loop, in one run.

One loop each and one nginx worker, pinned to core 0; wrk on core 1, with the headers of a browser.
The rounds are interleaved, and what counts is the ratio: the machine's mood is the same for both.
CPU is user and system time of the server's process with all its threads, from /proc.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
TARGET = (
    "/track.js?t=1795475738316&r=75799909354&s=my%20cool%20search"
    "&u=https%3A%2F%2Fshop.example.com%2Fsearch"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")


class Server:
    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(port)
        self.samples = []

    def worker(self):
        """The process that answers: nginx has it below its master."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return int((pathlib.Path(children).read_text().split() or [self.process.pid])[0])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.worker()}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, connections, seconds):
        before = self.cpu_seconds()
        wrk = subprocess.run(
            ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
             "-s", str(HERE / "browser.lua"), f"http://127.0.0.1:{self.port}{TARGET}"],
            check=True, capture_output=True, text=True).stdout
        used = self.cpu_seconds() - before
        if "Non-2xx" in wrk or "Socket errors" in wrk:
            raise SystemExit(f"{self.name} did not answer every request:\n{wrk}")
        requests = int(re.search(r"(\d+) requests in", wrk)[1])
        self.samples.append((used / requests * 1e6, requests / seconds))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the release binary")
    arguments.add_argument("--bare-loop", required=True, help="the bare epoll loop")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=4, help="of each measurement")
    arguments.add_argument("--connections", type=int, nargs="+", default=[64, 256])
    arguments.add_argument("--json", help="a file for the samples")
    options = arguments.parse_args()
    results = []
    for connections in options.connections:
        with tempfile.TemporaryDirectory() as directory:
            results += compare(options, connections, pathlib.Path(directory))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


def compare(options, connections, directory):
    port = free_port()
    configuration = (HERE / "nginx.conf").read_text()
    configuration = configuration.replace("DIRECTORY", str(directory)).replace("PORT", str(port))
    (directory / "nginx.conf").write_text(configuration)
    servers = []
    try:
        servers.append(
            Server("nginx", ["nginx", "-c", str(directory / "nginx.conf"), "-p", str(directory)],
                   port))
        port = free_port()
        servers.append(Server("bare loop", [options.bare_loop, str(port)], port))
        for durability in ["interval", "commit"]:
            port = free_port()
            servers.append(
                Server(f"footfall {durability}",
                       [options.footfall, "serve", "--listen", f"127.0.0.1:{port}",
                        "--admin", "off", "--loops", "1", "--print", "none",
                        "--durability", durability, "--data", str(directory / durability)], port))
        for _ in range(options.rounds):
            for server in servers:
                server.measure(connections, options.seconds)
    finally:
        for server in servers:
            server.stop()
    print(f"{connections} connections, medians (least to most) of {options.rounds} rounds")
    nginx, bare = ([cpu for cpu, _ in server.samples] for server in servers[:2])
    rows = []
    for server in servers:
        cpu = [sample[0] for sample in server.samples]
        rate = statistics.median(sample[1] for sample in server.samples)
        row = {"server": server.name, "connections": connections, "cpu_us_per_hit": cpu,
               "hits_per_second": rate}
        text = f"  {server.name:18} {summary(cpu)} us/hit"
        for name, base in [("nginx", nginx), ("bare loop", bare)]:
            ratios = [own / other for own, other in zip(cpu, base)]
            row[f"ratio_to_{name.replace(' ', '_')}"] = ratios
            text += f"  {summary(ratios)} of {name}"
        print(f"{text}  {rate:7.0f} hits/s")
        rows.append(row)
    return rows


def summary(samples):
    return f"{statistics.median(samples):5.2f} ({min(samples):.2f} to {max(samples):.2f})"


if __name__ == "__main__":
    main()
