#!/usr/bin/env python3
"""What forwarding costs the collecting, and what it costs itself.

Rounds are interleaved: without a sink, with standard output that a reader throws away, and with Kafka
(librdkafka's mock of a cluster, within the collector). The same load at a constant rate runs in each.
For a hit counts the CPU of the threads that collect, `loop-*` and `log-sync`; for an event that of
`forward-*` and of librdkafka's threads, which for Kafka has the mock's share in it. Then `replay` sends
all of the log again, on one core, and its CPU counts whole.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import time

from processes import Collector, wait, work_directory

TICKS = os.sysconf("SC_CLK_TCK")
MOCK = ["--kafka-brokers", "127.0.0.1:1", "--kafka-options", "test.mock.num.brokers=1"]
KINDS = {
    "alone": [], "stdout": ["--forward", "stdout"], "kafka": ["--forward", "kafka", *MOCK]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the release binary")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=10, help="of each measurement")
    arguments.add_argument("--rate", type=int, default=20_000, help="hits a second")
    arguments.add_argument("--json", help="where the samples go")
    options = arguments.parse_args()
    samples = {kind: [] for kind in KINDS}
    for number in range(options.rounds):
        for kind, flags in KINDS.items():
            with work_directory() as directory:
                samples[kind].append(measure(options, kind, flags, directory))
        print(f"round {number + 1} of {options.rounds}", flush=True)
    report(samples)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(samples, indent=1) + "\n")


def measure(options, kind, flags, directory):
    null = open(os.devnull, "w")
    reader = None
    if kind == "stdout":
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=null)
    collector = Collector(
        options.footfall, directory, "--loops", "1", "--compress-after", "off", *flags,
        stdout=reader.stdin if reader else null)
    try:
        before = threads(collector)
        bench = subprocess.run(
            [options.bench, f"http://127.0.0.1:{collector.port}/track.js", "-q", "-o", "json",
             "-t", "1", "-R", str(options.rate), "-d", f"{options.seconds}s"],
            capture_output=True, text=True)
        # 5: the tester was the bottleneck, which the rate shows.
        if bench.returncode not in (0, 5):
            raise SystemExit(f"{kind}: {bench.stderr}")
        lag = collector.synced() - collector.checkpoint(kind) if flags else 0
        if flags:
            wait(120, "not everything is delivered",
                 lambda: collector.checkpoint(kind) >= collector.synced())
        used = difference(before, threads(collector))
        events = collector.synced()
    finally:
        collector.stop()
        if reader:
            reader.stdin.close()
            reader.wait()
    collecting = sum(
        seconds for name, seconds in used.items() if name.startswith(("loop-", "log-sync")))
    forwarding = sum(
        seconds for name, seconds in used.items() if name.startswith(("forward-", "rdk:")))
    sample = {
        "events": events, "collecting": collecting, "forwarding": forwarding, "lag": lag,
        "threads": used}
    if flags:
        sample["replay"] = replay(options, kind, collector.data)
    return sample


def threads(collector):
    """CPU seconds of the collector's threads, by name."""
    found = {}
    for path in pathlib.Path(f"/proc/{collector.process.pid}/task").iterdir():
        head, _, fields = (path / "stat").read_text().rpartition(")")
        fields = fields.split()
        name = head.partition("(")[2]
        found[path.name, name] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def difference(before, after):
    """What was used since, by name alone."""
    used = {}
    for (thread, name), seconds in after.items():
        spent = seconds - before.get((thread, name), 0)
        used[name] = used.get(name, 0) + spent
    return used


def replay(options, kind, data):
    """CPU seconds and seconds of sending everything again on one core."""
    with open(os.devnull, "w") as null:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [options.footfall, "replay", "--data", data, "--from", "1", "--to-sink", kind,
             *(MOCK if kind == "kafka" else [])], check=True, stdout=null, stderr=null,
            preexec_fn=lambda: os.sched_setaffinity(0, {0}))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": used, "seconds": time.monotonic() - start}


def report(samples):
    def line(values, form):
        return (f"{format(statistics.median(values), form)} "
                f"({format(min(values), form)} to {format(max(values), form)})")

    alone = [1e6 * row["collecting"] / row["events"] for row in samples["alone"]]
    for kind, rows in samples.items():
        each = [1e6 * row["collecting"] / row["events"] for row in rows]
        print(f"{kind:7} {line(each, '.2f')} us of CPU to collect a hit", end="")
        if kind == "alone":
            print()
            continue
        ratios = [one / other for one, other in zip(each, alone)]
        print(f", {line(ratios, '.2f')} of that alone; at most "
              f"{max(row['lag'] for row in rows)} events behind at the end")
        # Ticks are coarse: no CPU at all is less than one of them.
        rates = [row["events"] / max(row["forwarding"], 1 / TICKS) for row in rows]
        print(f"{'':7} {line(rates, ',.0f')} events forwarded for a second of CPU")
        rates = [row["events"] / row["replay"]["cpu"] for row in rows]
        times = [row["events"] / row["replay"]["seconds"] for row in rows]
        print(f"{'':7} {line(rates, ',.0f')} replayed, {line(times, ',.0f')} in a second")


if __name__ == "__main__":
    main()
