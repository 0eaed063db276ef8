#!/usr/bin/env python3
"""Many hits over many segments, with reconnects, reloads and rolls: memory and descriptors stay flat.

footfall-bench loads one collector with a number of hits, in rounds that keep their connections and
rounds that do not, while this reloads the configuration (SIGHUP), seals segments (SIGUSR1), asks the
admin side, and looks at the process's memory and descriptors. Segments are compressed and deleted on
the way. Every acknowledged hit has to be stored, no request may fail, and from a tenth of the hits on
neither memory nor descriptors may grow by more than is said below. Exits with 1 otherwise.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

# What may come on top of what is there after the first tenth: allocators keep some of what was freed,
# and the descriptors of the moment (a segment that is sealed, a scrape) come and go.
GROWTH_BYTES_MAX = 24 << 20
GROWTH_DESCRIPTORS_MAX = 16
ROUNDS = 20


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the collector")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--hits", type=int, default=10_000_000)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = arguments.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="footfall-soak-") as directory:
        raise SystemExit(0 if soak(options, pathlib.Path(directory)) else 1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(number):
    """Another configuration each time; nothing in it lets a hit fail."""
    return (
        f"durability: {'interval' if number % 3 else 'commit'}\n"
        f"cookie_names: [id{number % 5}, id]\n"
        f"segment_bytes_max: {16 + number % 4 * 16}MiB\n"
        f"compress_after: {'1s' if number % 2 else 'off'}\n"
        f"gpc_policy: {'drop' if number % 2 else 'anonymize'}\n"
        "retain_bytes: 4GiB\n")


class Watch(threading.Thread):
    """Disturbs a collector and looks at it until it is told to stop."""

    def __init__(self, process, admin, file, chance):
        super().__init__()
        self.process, self.admin, self.file, self.chance = process, admin, file, chance
        self.is_done = False
        self.samples = []
        self.failures = []
        self.reloads = self.rolls = 0

    def run(self):
        while not self.is_done:
            self.step()

    def step(self):
        time.sleep(self.chance.uniform(0.1, 0.6))
        try:
            action = self.chance.choice(["reload", "roll", "ask", "ask"])
            if action == "reload":
                self.reloads += 1
                self.file.write_text(settings(self.reloads))
                self.process.send_signal(signal.SIGHUP)
            elif action == "roll":
                self.rolls += 1
                self.process.send_signal(signal.SIGUSR1)
            else:
                for path in ["/ready", "/metrics"]:
                    url = f"http://127.0.0.1:{self.admin}{path}"
                    urllib.request.urlopen(url, timeout=30).read()
            self.sample()
        except OSError as error:
            self.failures.append(f"{action}: {error}")

    def sample(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) << 10
        self.samples.append((memory, len(os.listdir(f"/proc/{self.process.pid}/fd"))))


def soak(options, directory):
    port, admin = free_port(), free_port()
    data, file = str(directory / "data"), directory / "footfall.yaml"
    file.write_text(settings(0))
    process = subprocess.Popen(
        [options.footfall, "serve", "--listen", f"127.0.0.1:{port}", "--admin",
         f"127.0.0.1:{admin}", "--print", "none", "--data", data, "--config", str(file)],
        stdout=subprocess.DEVNULL, stderr=(directory / "errors").open("w"))
    watch = Watch(process, admin, file, random.Random(options.seed))
    totals = {"sent": 0, "acknowledged": 0, "lost": 0, "errors": 0}
    first = []
    try:
        for _ in range(6000):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.005)
        watch.start()
        for number in range(ROUNDS):
            run(options, port, number, totals)
            if number + 1 == max(1, ROUNDS // 10):
                watch.sample()
                first = list(watch.samples)
            print(
                f"round {number + 1}: {totals['acknowledged']} acknowledged, "
                f"{watch.samples[-1][0] >> 20} MiB, {watch.samples[-1][1]} descriptors", flush=True)
    finally:
        watch.is_done = True
        if watch.ident:
            watch.join()
        process.send_signal(signal.SIGTERM)
        stopped = process.wait(60) == 0
    verified = subprocess.run(
        [options.footfall, "verify", "--data", data], capture_output=True, text=True)
    print(verified.stdout.strip().splitlines()[-1])
    last = int(verified.stdout.split(" to ")[-1].split(",")[0].replace(" ", ""))
    return judge(watch, first, totals, stopped and verified.returncode == 0, last)


def run(options, port, number, totals):
    """One round of load. What was acknowledged is counted; the log is held against it at the end."""
    keeping = ["--no-keepalive"] if number % 4 == 3 else []
    hits = options.hits // ROUNDS
    done = subprocess.run(
        [options.bench, f"http://127.0.0.1:{port}/track.js", "-q", "-o", "json", "-c", "64",
         "-n", str(hits), "--seed", str(options.seed + number)] + keeping,
        capture_output=True, text=True)
    result = json.loads(done.stdout)
    totals["sent"] += result["sent"]
    totals["acknowledged"] += result["acknowledged"]
    totals["errors"] += result["errors"]["total"]


def judge(watch, first, totals, is_sound, last):
    memory = max(sample[0] for sample in watch.samples) - max(sample[0] for sample in first)
    descriptors = max(sample[1] for sample in watch.samples) - max(sample[1] for sample in first)
    print(
        f"{totals['acknowledged']} of {totals['sent']} hits acknowledged, {totals['errors']} errors, "
        f"{last} stored; {watch.reloads} reloads, {watch.rolls} rolls; since the first tenth "
        f"{memory / (1 << 20):+.1f} MiB and {descriptors:+d} descriptors")
    checks = {
        "the log is damaged, or the collector did not stop well": is_sound,
        "requests failed": totals["errors"] == 0 and totals["sent"] == totals["acknowledged"],
        "acknowledged hits are missing": last == totals["acknowledged"],
        "memory grows": memory <= GROWTH_BYTES_MAX,
        f"the admin side failed: {watch.failures[:3]}": not watch.failures,
        "descriptors grow": descriptors <= GROWTH_DESCRIPTORS_MAX,
    }
    for what, is_well in checks.items():
        if not is_well:
            print(f"soak: {what}")
    return all(checks.values())


if __name__ == "__main__":
    main()
