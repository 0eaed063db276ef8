#!/usr/bin/env python3
"""Load, `kill -9` at random moments, start again, for a given time: no acknowledged hit is lost.

For each class of durability footfall-bench loads one collector with --reconnect, while this kills
it and starts it again, and then --reconcile compares what was acknowledged with what is stored, and
`footfall verify` checks every checksum and every sequence. Exits with 1 if anything is wrong.
"""
import argparse
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import time


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the collector")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--duration", default="60s", help="in all: 60s, 10m, 2h")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = arguments.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    seconds = parse_seconds(options.duration) / 2
    is_whole = True
    for durability in ["commit", "interval"]:
        with tempfile.TemporaryDirectory(prefix="footfall-torture-") as directory:
            is_whole = torture(options, durability, seconds, chance, directory) and is_whole
    raise SystemExit(0 if is_whole else 1)


def parse_seconds(text):
    found = re.fullmatch(r"(\d+)(s|m|h)?", text)
    if not found:
        raise SystemExit(f"'{text}': expected a time such as 60s, 10m or 2h")
    return int(found[1]) * {None: 1, "s": 1, "m": 60, "h": 3600}[found[2]]


class Collector:
    """A collector on one port, through all its lives."""

    def __init__(self, binary, durability, data):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [
            binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--admin", "off",
            "--print", "none", "--loops", "2", "--durability", durability,
            "--segment-bytes-max", "8MiB", "--compress-after", "1s", "--data", data]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(6000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.005)
        raise SystemExit("the collector did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60) == 0


def torture(options, durability, seconds, chance, directory):
    data = str(pathlib.Path(directory) / "data")
    collector = Collector(options.footfall, durability, data)
    result_file = pathlib.Path(directory) / "result.json"
    bench = subprocess.Popen(
        [options.bench, f"http://127.0.0.1:{collector.port}/track.js", "-q", "-o", "json",
         "--out", str(result_file), "-d", f"{seconds}s", "-c", str(chance.choice([8, 32, 100])),
         "-p", str(chance.choice([1, 1, 4])), "--seed", str(chance.getrandbits(32)),
         "--reconnect", "--reconcile", data])
    kills = 0
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end and bench.poll() is None:
            time.sleep(min(chance.uniform(0.05, 2), max(0.05, end - time.monotonic())))
            collector.kill()
            kills += 1
            time.sleep(chance.choice([0, 0, 0.1, 0.5]))
            collector.start()
        status = bench.wait(120)
    finally:
        if bench.poll() is None:
            bench.kill()
            bench.wait()
        stopped = collector.stop()
    if not result_file.exists():
        print(f"{durability}: footfall-bench exited with {status} and no result")
        return False
    result = json.loads(result_file.read_text())
    verified = subprocess.run(
        [options.footfall, "verify", "--data", data], capture_output=True, text=True)
    # 5: the tester was the bottleneck, which does not matter here.
    is_whole = status in (0, 5) and verified.returncode == 0 and stopped
    print(
        f"{durability}: {kills} kills, sent {result['sent']}, "
        f"acknowledged {result['acknowledged']}, stored {result['stored']}, "
        f"lost {result['lost']}, duplicated {result['duplicated']}, unacknowledged but stored "
        f"{result['unacknowledged_but_stored']}; {verified.stdout.strip().splitlines()[-1]}",
        flush=True)
    if not is_whole:
        print(f"{durability}: exit code {status}, verify {verified.returncode}:\n{verified.stdout}")
    return is_whole


if __name__ == "__main__":
    main()
