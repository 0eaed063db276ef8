#!/usr/bin/env python3
"""What a hit costs, and how long it takes, in Footfall and in what else could take it.

Each server has one loop, pinned to core 0; the load comes from core 1, from wrk and from
footfall-bench. The rounds are interleaved, so that the machine's mood is the same for all; figures
of different runs are not compared. CPU is user and system time of the server's processes, from
/proc.
"""
import argparse
import datetime
import json
import pathlib
import tempfile

import chart
from servers import HERE, Server, bench, footfall, machine, nginx, spent, summary, wrk

PEERS = HERE.parent / "Peers"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--footfall", required=True, help="the release binary")
    arguments.add_argument("--bench", required=True, help="footfall-bench")
    arguments.add_argument("--bare-loop", required=True, help="the bare epoll loop")
    arguments.add_argument("--evhttp", required=True, help="the bare evhttp")
    arguments.add_argument("--hummingbird", help="the Hummingbird peer")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3, help="of each measurement")
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--json", help="a file for all samples")
    arguments.add_argument("--svg", help="a file for the chart")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=".build") as directory:
        servers = []
        try:
            start(servers, options, directory)
            report = measure(servers, options)
        finally:
            for server in servers:
                server.stop()
    print(table(report))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.svg:
        pathlib.Path(options.svg).write_text(picture(report))


def start(servers, options, directory):
    for durability in ["interval", "commit"]:
        servers.append(footfall(options.footfall, durability, directory))
    servers.append(nginx(directory))
    servers.append(Server("evhttp in C, no log", [options.evhttp, "PORT"], directory))
    if options.hummingbird:
        servers.append(Server("Hummingbird, no log", [options.hummingbird, "PORT"], directory))
    servers.append(
        Server("the article's, Python 3", ["python3", str(PEERS / "article.py"), "PORT"], directory))
    servers.append(Server("bare epoll loop, no log", [options.bare_loop, "PORT"], directory))


def measure(servers, options):
    rows = [{"server": server.name, "samples": []} for server in servers]
    for number in range(options.rounds):
        for server, row in zip(servers, rows):
            row["samples"].append(closed(server, options))
            print(f"# round {number + 1}: {server.name}", flush=True)
    for row in rows:
        for key in row["samples"][0]:
            row[key] = summary([sample[key] for sample in row["samples"]])
    # Half of what the slowest one can do, and of what the slowest one but the article's can.
    capacities = sorted(row["capacity"]["median"] for row in rows)
    rates = [max(1, int(capacity / 2)) for capacity in capacities[:2]]
    for rate in rates:
        fitting = [
            (server, row) for server, row in zip(servers, rows)
            if row["capacity"]["median"] >= rate * 1.9]
        samples = {row["server"]: [] for _, row in fitting}
        for _ in range(options.rounds):
            for server, row in fitting:
                samples[row["server"]].append(
                    bench(options.bench, server, options.seconds, "-R", str(rate),
                          "-c", str(options.connections), "-w", "300ms"))
        for _, row in fitting:
            results = samples[row["server"]]
            row.setdefault("at_rate", {})[str(rate)] = {
                "tester_was_bottleneck": sum(
                    "bottleneck" in result["tester"] for result in results),
                **{name: summary([result["latency"]["percentiles"][name] for result in results])
                   for name in ["p50", "p99", "p99.9"]}}
    for server, row in zip(servers, rows):
        row["memory_mib"] = server.memory_mib()
    return {
        "date": datetime.date.today().isoformat(), "machine": machine(last_result(options, servers)),
        "connections": options.connections, "rounds": options.rounds,
        "seconds": options.seconds, "rates": rates, "servers": rows}


def last_result(options, servers):
    return bench(options.bench, servers[0], 1, "-n", "1", "-c", "1")


def closed(server, options):
    """As fast as it can, from both testers."""
    before, written = server.cpu_seconds(), server.written_bytes()
    own = [spent()]
    hits, seconds = wrk(server, options.connections, options.seconds)
    middle = server.cpu_seconds()
    own.append(spent())
    result = bench(options.bench, server, options.seconds, "-c", str(options.connections))
    after = server.cpu_seconds()
    own.append(spent())
    return {
        "cpu_us_wrk": (middle - before) / hits * 1e6, "hits_per_second_wrk": hits / seconds,
        "cpu_us": (after - middle) / result["sent"] * 1e6,
        "capacity": result["hits_per_second"],
        "written_per_hit": (server.written_bytes() - written) / (hits + result["sent"]),
        "tester_cpu_us": (own[2] - own[1]) / result["sent"] * 1e6,
        "tester_cpu_us_wrk": (own[1] - own[0]) / hits * 1e6}


def table(report):
    rates = [str(rate) for rate in report["rates"]]
    lines = [
        f"{report['date']}, {report['machine']}; {report['connections']} connections, medians "
        f"(least to most) of {report['rounds']} rounds of {report['seconds']} s", "",
        "| server | CPU per hit, us | the same from wrk | hits/s | the same from wrk | MiB "
        "| bytes written per hit | " + " | ".join(
            f"p50, p99, p99.9 at {int(rate):,}/s, ms" for rate in rates) + " |",
        "|---" * (7 + len(rates)) + "|"]
    for row in report["servers"]:
        def span(key, digits):
            of = row[key]
            return f"{of['median']:,.{digits}f} ({of['least']:,.{digits}f} to {of['most']:,.{digits}f})"

        def latencies(rate):
            of = row.get("at_rate", {}).get(rate)
            if not of:
                return "cannot"
            return ", ".join(f"{of[name]['median'] / 1000:.2f}" for name in ["p50", "p99", "p99.9"])

        lines.append(
            f"| {row['server']} | {span('cpu_us', 1)} | {span('cpu_us_wrk', 1)} "
            f"| {span('capacity', 0)} | {span('hits_per_second_wrk', 0)} | {row['memory_mib']:.0f} "
            f"| {row['written_per_hit']['median']:,.0f} | "
            + " | ".join(latencies(rate) for rate in rates) + " |")
    ratios = [
        own / other for row in report["servers"]
        for own, other in [[row[key]["median"] for key in ("tester_cpu_us", "tester_cpu_us_wrk")]]]
    lines += ["", (
        "CPU per request of the testers, us (footfall-bench with every URL another one, wrk with one "
        "fixed URL): " + "; ".join(
            f"{row['server']} {row['tester_cpu_us']['median']:.2f} and "
            f"{row['tester_cpu_us_wrk']['median']:.2f}" for row in report["servers"])
        + f"; footfall-bench takes {min(ratios):.2f} to {max(ratios):.2f} of wrk")]
    return "\n".join(lines)


def picture(report):
    """Without the article's server, beside which all others would be dots."""
    rows = [row for row in report["servers"] if "article" not in row["server"]]

    def bars(top, title, subtitle, values):
        return chart.bars(
            top, title, subtitle,
            [(row["server"], value, row["server"].startswith("Footfall"))
             for row, value in zip(rows, values) if value])

    parts, end = bars(
        16, "CPU time for each hit, in microseconds",
        f"{report['connections']} connections as fast as they are answered, every URL another one",
        [row["cpu_us"] for row in rows])
    rate = str(report["rates"][-1])
    more, end = bars(
        end + 22, f"Latency at {int(rate):,} hits/s, p99 in milliseconds",
        "from the planned time of each hit",
        [milliseconds(row.get("at_rate", {}).get(rate)) for row in rows])
    note = f"{report['date']}, {report['machine']}; medians and ranges of {report['rounds']} rounds"
    return chart.document(
        parts + more + [chart.text(chart.MARGIN, end + 24, note, "soft")], end + 42)


def milliseconds(of):
    return {key: value / 1000 for key, value in of["p99"].items()} if of else None


if __name__ == "__main__":
    main()
