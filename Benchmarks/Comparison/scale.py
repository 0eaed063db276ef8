#!/usr/bin/env python3
"""How the cost of a hit grows with loops, connections and the length of the query.

The rounds are interleaved. CPU is user and system time of the server's process, from /proc. The
tester shares the machine with the server: with as many loops as there are cores, they compete.
"""
import argparse
import datetime
import json
import os
import pathlib
import tempfile

import chart
from servers import bench, footfall, machine, summary

DURABILITIES = ["interval", "commit"]
# Longer than the longest query with what the tester adds.
LONG_LINES = ["--request-line-bytes-max", "16KiB", "--head-bytes-max", "32KiB"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the release binary")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=2, help="of each measurement")
    arguments.add_argument("--connections", type=int, nargs="+",
                           default=[64, 256, 1000, 4000, 10000])
    arguments.add_argument("--queries", type=int, nargs="+", default=[100, 1024, 4096, 8192])
    arguments.add_argument("--json", help="a file for all samples")
    arguments.add_argument("--svg", help="a file for the chart")
    options = arguments.parse_args()
    loops = range(1, (os.cpu_count() or 1) + 1)
    axes = {
        "loops": [(str(count), count, 256, 100) for count in loops],
        "connections": [(f"{count:,}", 1, count, 100) for count in options.connections],
        "query": [
            (f"{size} B" if size < 1024 else f"{size // 1024} KiB", 1, 64, size)
            for size in options.queries],
    }
    rows = []
    with tempfile.TemporaryDirectory(dir=".build") as directory:
        for axis, points in axes.items():
            rows += measure(axis, points, options, pathlib.Path(directory))
    report = {
        "date": datetime.date.today().isoformat(), "machine": rows[0].pop("machine"),
        "rounds": options.rounds, "seconds": options.seconds, "rows": rows}
    print(table(report))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.svg:
        pathlib.Path(options.svg).write_text(picture(report))


def measure(axis, points, options, directory):
    rows = []
    # A server for each number of loops and each durability, all at the same time.
    servers = {}
    try:
        for label, loops, connections, query in points:
            for durability in DURABILITIES:
                key = (loops, durability)
                if key not in servers:
                    servers[key] = footfall(
                        options.footfall, durability, directory, *LONG_LINES, loops=loops,
                        name=f"{axis} {loops} {durability}",
                        cores="0" if loops == 1 else f"0-{loops - 1}")
                rows.append({
                    "axis": axis, "label": label, "durability": durability, "loops": loops,
                    "connections": connections, "query_bytes": query, "cpu": [], "rate": []})
        for number in range(options.rounds):
            for row in rows:
                load(servers[row["loops"], row["durability"]], row, options)
            print(f"# round {number + 1} of {axis}", flush=True)
    finally:
        for server in servers.values():
            server.stop()
    for row in rows:
        row["cpu_us"] = summary(row.pop("cpu"))
        row["hits_per_second"] = summary(row.pop("rate"))
    return rows


def load(server, row, options):
    # t, r and s are part of the query: about 60 bytes.
    filler = "u=" + "x" * (row["query_bytes"] - 62)
    before = server.cpu_seconds()
    result = bench(
        options.bench, server, options.seconds, "-c", str(row["connections"]), query=filler,
        core="1")
    row["cpu"].append((server.cpu_seconds() - before) / result["sent"] * 1e6)
    row["rate"].append(result["hits_per_second"])
    row["machine"] = machine(result)


def table(report):
    lines = [
        f"{report['date']}, {report['machine']}; medians (least to most) of {report['rounds']} "
        f"rounds of {report['seconds']} s", "",
        "| loops | connections | query | durability | CPU per hit, us | hits/s |",
        "|---|---|---|---|---|---|"]
    for row in report["rows"]:
        def span(key, digits):
            of = row[key]
            return f"{of['median']:,.{digits}f} ({of['least']:,.{digits}f} to {of['most']:,.{digits}f})"

        lines.append(
            f"| {row['loops']} | {row['connections']:,} | {row['query_bytes']:,} B "
            f"| {row['durability']} | {span('cpu_us', 1)} | {span('hits_per_second', 0)} |")
    return "\n".join(lines)


def picture(report):
    titles = {"loops": "Loops (256 connections)", "connections": "Connections (1 loop)",
              "query": "Length of the query (1 loop)"}
    parts = [chart.text(20, 32, "CPU time for each hit, in microseconds", "title")]
    parts += chart.legend(360, 32, DURABILITIES)
    width = (chart.WIDTH - 40) / 3
    for place, (axis, title) in enumerate(titles.items()):
        rows = [row for row in report["rows"] if row["axis"] == axis]
        labels = [row["label"] for row in rows if row["durability"] == "interval"]
        series = [
            (durability, [row["cpu_us"] for row in rows if row["durability"] == durability])
            for durability in DURABILITIES]
        parts += chart.lines(20 + place * width, 48, width, 240, title, labels, series)
    note = f"{report['date']}, {report['machine']}; medians and ranges of {report['rounds']} rounds"
    return chart.document(parts + [chart.text(20, 312, note, "soft")], 330)


if __name__ == "__main__":
    main()
