#!/usr/bin/env python3
"""How fast `footfall report` reads a log, beside DuckDB with the same question and the same files.

The log is made up and varied, the same for a seed: every line has its proof. Both use one thread,
and take turns; events per second are those of CPU time, user and system, of the whole process.
Before that they have to give the same answer.
"""
import argparse
import csv
import datetime
import io
import json
import os
import pathlib
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import urllib.parse
import uuid

import duckdb
import xxhash

EVENTS_A_SEGMENT = 250_000
# As the event's writer escapes what stands in JSON.
WORDS = ["shoes", "red", "winter", "größe 42", "sale", "boots", "cheap", "kids", "running", "\"xl\"",
         "wool", "coat", "blue", "gift", "size", "new", "leather", "men", "women", "returns"]
# Only what the question needs is read: DuckDB skips the rest of a line, as Footfall does.
QUESTION = """
    SELECT params.s AS search, count(*) AS hits, count(DISTINCT visitor) AS visitors
    FROM read_json(?, format = 'newline_delimited',
                   columns = {'params': 'STRUCT(s VARCHAR)', 'visitor': 'VARCHAR'})
    WHERE params.s IS NOT NULL GROUP BY search ORDER BY hits DESC, search LIMIT 10
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", default="footfall", help="the release binary")
    arguments.add_argument("--directory", type=pathlib.Path, required=True,
                           help="where the log is made; one that is there is used again")
    arguments.add_argument("--events", type=int, default=2_000_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--duckdb", metavar="FILES", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.duckdb:
        return ask_duckdb(options.duckdb)
    logs = make_logs(options)
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, DuckDB "
          f"{duckdb.__version__}, {options.events:,} events, best of {options.rounds} (median)")
    print("events a second of CPU".ljust(24) + "footfall report".rjust(24) + "DuckDB".rjust(24))
    for name, directory in logs.items():
        commands = {
            "footfall": [options.footfall, "report", "--by", "search", "--format", "csv",
                         "--data", str(directory)],
            "duckdb": [sys.executable, __file__, "--directory", str(options.directory),
                       "--duckdb", f"{directory}/events/*.ndjson*"],
        }
        compare(*[answer(command) for command in commands.values()])
        seconds = {reader: [] for reader in commands}
        for _ in range(options.rounds):
            for reader, command in commands.items():
                seconds[reader].append(cpu_seconds(command))
        print(name.ljust(24) + "".join(
            f"{options.events / min(times):,.0f} ({options.events / statistics.median(times):,.0f})"
            .rjust(24) for times in seconds.values()))


def ask_duckdb(files):
    connection = duckdb.connect(config={"threads": 1})
    writer = csv.writer(sys.stdout)
    writer.writerow(["search", "hits", "visitors"])
    writer.writerows(connection.execute(QUESTION, [files]).fetchall())


def answer(command):
    output = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return list(csv.DictReader(io.StringIO(output, newline="")))


def compare(footfall, exact):
    """The same values and hits, and visitors as near as Footfall says that it is."""
    for ours, theirs in zip(footfall, exact, strict=True):
        allowed = 4 * float(ours["visitors_error"]) * int(theirs["visitors"])
        if (ours["search"], ours["hits"]) != (theirs["search"], theirs["hits"]) \
                or abs(int(ours["visitors"]) - int(theirs["visitors"])) > allowed:
            sys.exit(f"two answers: {ours} and {theirs}")


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def make_logs(options):
    """The log, plain and compressed as Footfall does it. The directories by their names."""
    logs = {form: options.directory / form for form in ("plain", "compressed")}
    stamp = options.directory / "made-of"
    made_of = f"{options.events} events, seed {options.seed}"
    if stamp.exists() and stamp.read_text() == made_of:
        return logs
    shutil.rmtree(options.directory, ignore_errors=True)
    for directory in logs.values():
        (directory / "events").mkdir(parents=True)
    lines = made_lines(options.seed, options.events)
    for first in range(1, options.events + 1, EVENTS_A_SEGMENT):
        file = logs["plain"] / "events" / f"{first:020}.ndjson"
        with open(file, "wb") as segment:
            for _ in range(min(EVENTS_A_SEGMENT, options.events + 1 - first)):
                segment.write(next(lines))
        compressed = logs["compressed"] / "events" / f"{first:020}.ndjson.zst"
        subprocess.run(["zstd", "-q", "-1", "-o", compressed, file], check=True)
    stamp.write_text(made_of)
    return logs


def made_lines(seed, count):
    """Hits of a few shops, as the tag and the old script send them: 40,000 visitors for a million
    hits, a long tail of searches and pages, some without either, some bots."""
    made = random.Random(seed)
    bits = made.getrandbits
    visitors = [str(uuid.UUID(int=bits(128), version=4)) for _ in range(count // 25 + 1)]
    agents = [user_agent(made) for _ in range(200)]
    searches = [" ".join(made.sample(WORDS, made.randint(1, 3))) for _ in range(20_000)]
    pages = [f"https://shop{made.randint(1, 5)}.example/{made.choice(WORDS[:3])}/{number}"
             f"?page={made.randint(1, 9)}" for number in range(50_000)]
    referrers = [f"https://site{number}.example/" for number in range(500)]
    languages = ["en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.5", "fr-FR,fr;q=0.8", "ja", "pt-BR"]
    time = 1_795_000_000_000_000
    synced = 0
    for sequence in range(1, count + 1):
        time += int(made.expovariate(1 / 5_000)) + 1
        stamp = f"{datetime.datetime.fromtimestamp(time / 1e6, datetime.timezone.utc):%FT%T}"
        page = pages[int(len(pages) * made.random() ** 3)]
        params = {}
        if made.random() < 0.6:
            kind, path = "beacon", "/track"
            params["u"] = page
            if made.random() < 0.5:
                params["ref"] = made.choice(referrers)
            if made.random() < 0.7:
                params["s"] = searches[int(len(searches) * made.random() ** 3)]
            params["t"] = str(time // 1000)
            params["e"] = str(uuid.UUID(int=bits(128), version=4))
        else:
            kind, path = "track", "/track.js"
            params["t"] = str(time // 1000)
            params["r"] = str(bits(36))
            if made.random() < 0.7:
                params["s"] = searches[int(len(searches) * made.random() ** 3)]
        event = {
            "v": 1, "id": str(uuid.UUID(int=bits(128), version=4)),
            "time": f"{stamp}.{time % 1_000_000:06}Z", "kind": kind,
            "method": "POST" if kind == "beacon" else "GET", "path": path,
            "query": urllib.parse.urlencode(params, quote_via=urllib.parse.quote),
            "params": params, "visitor": visitors[int(len(visitors) * made.random() ** 2)],
            "new_visitor": made.random() < 0.1,
            "ip": f"{made.randint(1, 223)}.{bits(8)}.{bits(8)}.0", "user_agent": made.choice(agents),
            "referrer": page, "language": made.choice(languages), "host": "stats.example",
        }
        if made.random() < 0.05:
            event["bot"] = "Googlebot"
        if kind == "beacon":
            event["data"] = {}
        if made.random() < 0.2:
            event["synced"] = synced
            synced = sequence
        event["seq"] = sequence
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
        yield body + b',"sum":"' + xxhash.xxh3_64_hexdigest(body).encode() + b'"}\n'


def user_agent(made):
    system = made.choice(["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7",
                          "X11; Linux x86_64", "Linux; Android 10; K"])
    version = made.randint(120, 156)
    if made.random() < 0.3:
        return f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    return (f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{version}.0.0.0 Safari/537.36")


if __name__ == "__main__":
    main()
