#!/usr/bin/env python3
"""Latency of normal traffic beside connections that send a byte of their request now and then.

The collector is pinned to core 0; the load, at a constant rate, and the slow clients share core 1.
Rounds with and without slow clients are interleaved. A slow client that is refused comes again.
"""
import argparse
import multiprocessing
import os
import resource
import select
import socket
import statistics
import tempfile
import time

from servers import bench, footfall

HEAD = b"GET /track.js?slow HTTP/1.1\r\nHost: slow.example\r\nX-Slow: " + b"x" * 4000


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

    while len(clients) < count:
        connect()
    opened.value = count
    while True:
        # A tenth of them at a time, so that there is no burst.
        for part in range(10):
            # A burst of them would take core 1 from the load.
            for _ in range(min(40, count - len(clients))):
                connect()
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
    for _ in range(options.rounds):
        for kind in samples:
            samples[kind].append(measure(options, kind == "beside"))
    for kind, rows in samples.items():
        print(f"{kind:7} p50 {summary(rows, 'p50')}  p99 {summary(rows, 'p99')} us")
    ratios = [
        beside["p99"] / alone["p99"] for alone, beside in zip(samples["alone"], samples["beside"])]
    print(f"p99 beside {options.slow} slow connections: {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f}) of that without them")


def measure(options, has_slow):
    with tempfile.TemporaryDirectory(dir=".build") as directory:
        server = footfall(options.footfall, "commit", directory)
        opened, refused = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
        slow = multiprocessing.Process(
            target=dribble, args=(server.port, options.slow, opened, refused))
        try:
            if has_slow:
                slow.start()
                os.sched_setaffinity(slow.pid, {1})
                while opened.value < options.slow:
                    time.sleep(0.01)
            result = bench(
                options.bench, server, options.seconds, "-c", "64", "-R", str(options.rate),
                "-w", "2s")
            if has_slow:
                print(f"{refused.value} slow connections were refused in this round", flush=True)
            return result["latency"]["percentiles"]
        finally:
            if has_slow:
                slow.kill()
            server.stop()


def summary(rows, key):
    values = [row[key] for row in rows]
    return f"{statistics.median(values):6.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    main()
