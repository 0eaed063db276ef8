#!/usr/bin/env python3
"""Latency of normal traffic beside connections that send a byte of their request now and then.

The collector is pinned to core 0; the load, at a constant rate, and the slow clients share core 1.
Rounds with and without slow clients are interleaved. A slow client that is refused comes again.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import select
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HEAD = b"GET /track.js?slow HTTP/1.1\r\nHost: slow.example\r\nX-Slow: " + b"x" * 4000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dribble(port, count, opened, refused):
    """Keeps `count` connections open, each of which sends a byte a second, until it is killed."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    os.nice(5)
    poll = select.epoll()
    clients = {}

    def connect():
        client = socket.create_connection(("127.0.0.1", port))
        client.setblocking(False)
        poll.register(client, select.EPOLLIN)
        clients[client.fileno()] = [client, 0]

    def end(number):
        client, _ = clients.pop(number)
        poll.unregister(client)
        client.close()
        refused.value += 1

    while True:
        while len(clients) < count:
            connect()
        opened.value = len(clients)
        # A tenth of them at a time, so that there is no burst.
        for part in range(10):
            for number in [number for number in clients if number % 10 == part]:
                client, sent = clients[number]
                try:
                    client.send(HEAD[sent:sent + 1])
                    clients[number][1] += 1
                except OSError:
                    end(number)
            for number, _ in poll.poll(0.1):
                if number in clients:
                    end(number)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the release binary")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=10, help="of each measurement")
    arguments.add_argument("--slow", type=int, default=4000, help="slow connections")
    arguments.add_argument("--rate", type=int, default=5000, help="hits a second")
    options = arguments.parse_args()
    samples = {"alone": [], "beside": []}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(options.rounds):
            for kind in samples:
                samples[kind].append(measure(options, pathlib.Path(directory), kind == "beside"))
    for kind, rows in samples.items():
        print(f"{kind:7} p50 {summary(rows, 'p50')}  p99 {summary(rows, 'p99')} us")
    ratios = [
        beside["p99"] / alone["p99"] for alone, beside in zip(samples["alone"], samples["beside"])]
    print(f"p99 beside {options.slow} slow connections: {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f}) of that without them")


def measure(options, directory, has_slow):
    port = free_port()
    server = subprocess.Popen(
        ["taskset", "-c", "0", options.footfall, "serve", "--listen", f"127.0.0.1:{port}",
         "--admin", "off", "--loops", "1", "--print", "none", "--data", str(directory / "data")],
        stderr=subprocess.DEVNULL)
    opened, refused = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
    slow = multiprocessing.Process(target=dribble, args=(port, options.slow, opened, refused))
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        if has_slow:
            slow.start()
            os.sched_setaffinity(slow.pid, {1})
            while opened.value < options.slow:
                time.sleep(0.01)
        result = subprocess.run(
            ["taskset", "-c", "1", options.bench, f"http://127.0.0.1:{port}/track.js", "-c", "64",
             "-t", "1", "-R", str(options.rate), "-w", "2s", "-d", f"{options.seconds}s", "-q",
             "-o", "json"], capture_output=True, text=True)
        if result.returncode not in (0, 5):
            raise SystemExit(result.stderr)
        if has_slow:
            print(f"{refused.value} slow connections were refused in this round", flush=True)
        return json.loads(result.stdout)["latency"]["percentiles"]
    finally:
        if slow.is_alive():
            slow.kill()
        server.send_signal(signal.SIGTERM)
        server.wait(40)


def summary(rows, key):
    values = [row[key] for row in rows]
    return f"{statistics.median(values):6.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    main()
