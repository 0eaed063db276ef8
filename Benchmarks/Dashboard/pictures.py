"""Takes the pictures of the dashboard, under a load that is made up: the last hour is written into
a log, the collector reads it, and more hits come in while the pictures are taken."""

import argparse
import base64
import contextlib
import datetime
import http.client
import json
import math
import pathlib
import random
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid

import xxhash

SHOP = "https://shop.example"
PAGES = [
    ("/", 30), ("/boots/lisbon-chelsea", 16), ("/sale", 14), ("/boots", 12), ("/sneakers/canvas-low", 11),
    ("/search", 9), ("/basket", 6), ("/journal/how-to-wax-leather", 5), ("/sneakers", 5),
    ("/checkout", 3), ("/sandals/cork", 3), ("/help/returns", 2), ("/stores/porto", 1),
]
SEARCHES = [
    ("chelsea boots", 22), ("white sneakers", 17), ("waterproof", 12), ("size 43", 9), ("vegan leather", 8),
    ("returns", 6), ("cork sandals", 5), ("boots waxed", 4), ("Größe 38", 3), ("schuhe kinder", 2),
    ("laces 120 cm", 2), ("gift card", 1),
]
REFERRERS = [
    ("https://www.google.com/", 40), ("https://duckduckgo.com/", 14), ("https://www.bing.com/", 9),
    ("https://www.instagram.com/", 8), ("https://news.ycombinator.com/", 6), (SHOP + "/", 6),
    ("https://mail.example/newsletter-48", 5), ("https://www.reddit.com/r/goodyearwelt/", 4),
    ("https://pinterest.com/", 3), ("https://blog.example/ten-boots-for-rain", 3),
]
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
BROWSERS = [
    (WINDOWS + "Chrome/140.0.0.0 Safari/537.36", 42),
    (PHONE + "Version/18.5 Mobile/15E148 Safari/604.1", 24),
    (MAC + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", 9),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", 11),
    (WINDOWS + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", 8),
    ("Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", 4),
    (WINDOWS + "Chrome/140.0.0.0 Safari/537.36 OPR/123.0.0.0", 2),
]
BOTS = [
    ("Googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 12),
    ("bingbot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 6),
    ("GPTBot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
     "+https://openai.com/gptbot)", 5),
    ("AhrefsBot", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 3),
    ("curl", "curl/8.14.1", 1),
]


class Visits:
    """Hits as people and programs make them. Somebody stays for a few pages."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.known = []

    def choose(self, pairs):
        return self.random.choices(pairs, [pair[-1] for pair in pairs])[0]

    def hit(self):
        """A dictionary of what a hit is made of."""
        some = self.random
        hit = {"page": SHOP + self.choose(PAGES)[0], "privacy": None, "bot": None, "search": None}
        hit["referrer"] = self.choose(REFERRERS)[0] if some.random() < 0.45 else None
        if some.random() < 0.06:
            hit["bot"], hit["agent"], _ = self.choose(BOTS)
        else:
            hit["agent"] = self.choose(BROWSERS)[0]
        if some.random() < 0.16 and not hit["bot"]:
            hit["search"] = self.choose(SEARCHES)[0]
            hit["page"] = f"{SHOP}/search?q={urllib.parse.quote_plus(hit['search'])}"
        if some.random() < 0.075 and not hit["bot"]:
            hit["privacy"] = "gpc" if some.random() < 0.8 else "opt_out"
        hit["visitor"], hit["is_new"] = None, False
        if not hit["privacy"]:
            if self.known and some.random() < 0.68:
                hit["visitor"] = some.choice(self.known[-900:])
            else:
                hit["visitor"] = str(uuid.UUID(int=some.getrandbits(128), version=4))
                hit["is_new"] = some.random() < 0.7
                self.known.append(hit["visitor"])
                del self.known[:-2000]
        return hit


def query(hit):
    parts = {"t": int(time.time() * 1000), "u": hit["page"]}
    if hit["referrer"]:
        parts["ref"] = hit["referrer"]
    if hit["search"]:
        parts["s"] = hit["search"]
    return urllib.parse.urlencode(parts, quote_via=urllib.parse.quote)


def rate(seconds_ago):
    """Hits in a second, so long ago: an hour with a newsletter in it."""
    minutes = seconds_ago / 60
    calm = 11 + 2.5 * math.sin(minutes / 9) + 1.2 * math.sin(minutes / 2.3)
    return calm + 26 * math.exp(-max(0, 33 - minutes) / 7) * (minutes < 33) * min(1, (33 - minutes) / 2)


def write_history(data, visits, now):
    """The log of the last hour, as a collector would have left it."""
    events = data / "events"
    events.mkdir(parents=True)
    sequence = 0
    with open(events / f"{1:020}.ndjson", "wb") as file:
        for second in range(3600, 0, -1):
            mean = rate(second)
            count = max(0, round(visits.random.gauss(mean, math.sqrt(mean) * 0.8)))
            places = sorted(visits.random.random() for _ in range(count))
            for place in places:
                sequence += 1
                hit = visits.hit()
                moment = datetime.datetime.fromtimestamp(now - second + place, datetime.timezone.utc)
                text = query(hit)
                event = {
                    "v": 1, "id": str(uuid.UUID(int=visits.random.getrandbits(128), version=4)),
                    "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "kind": "track", "method": "GET",
                    "path": "/track.js", "query": text, "params": dict(urllib.parse.parse_qsl(text)),
                    "visitor": hit["visitor"], "new_visitor": hit["visitor"] and hit["is_new"],
                    "ip": "203.0.113.0", "user_agent": hit["agent"], "host": "stats.example",
                    "bot": hit["bot"], "privacy": hit["privacy"],
                }
                event = {key: value for key, value in event.items() if value is not None}
                if sequence == 1:
                    event["synced"] = 0
                event["seq"] = sequence
                line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
                file.write(line + b',"sum":"%s"}\n' % xxhash.xxh3_64_hexdigest(line).encode())
    return sequence


class Load(threading.Thread):
    """Hits of now, until it is stopped."""

    def __init__(self, port, visits):
        super().__init__(daemon=True)
        self.port, self.visits, self.isStopping = port, visits, False

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        due = time.monotonic()
        while not self.isStopping:
            hit = self.visits.hit()
            fields = {"User-Agent": hit["agent"], "X-Forwarded-For": "203.0.113.7"}
            if hit["privacy"] == "gpc":
                fields["Sec-GPC"] = "1"
            elif hit["privacy"]:
                fields["Cookie"] = "opt_out=1"
            elif not hit["is_new"]:
                fields["Cookie"] = f"id={hit['visitor']}"
            connection.request("GET", f"/track.js?{query(hit)}", headers=fields)
            connection.getresponse().read()
            due += self.visits.random.expovariate(rate(0))
            time.sleep(max(0, due - time.monotonic()))


@contextlib.contextmanager
def collector(binary, data, *arguments):
    """A collector; its two ports."""
    process = subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data,
         "--trusted-proxies", "127.0.0.1", *arguments],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        ports, text = [], ""
        while len(ports) < 2:
            line = process.stderr.readline()
            text += line
            assert line, text
            ports += re.findall(r"listening on http://127\.0\.0\.1:(\d+)", line)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process, int(ports[0]), int(ports[1])
    finally:
        process.terminate()
        process.wait()


class Browser:
    """Chromium, led by its driver (W3C WebDriver)."""

    def __init__(self):
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        self.port = None
        while self.port is None:
            line = self.driver.stdout.readline()
            assert line, "chromedriver does not start"
            found = re.search(r"started successfully on port (\d+)", line)
            self.port = found and found[1]
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu",
                            "--disable-dev-shm-usage", "--hide-scrollbars"]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options}
        session = self.command(
            "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]
        self.path = f"/session/{session}"

    def command(self, path, body=None, method="POST"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body or {}).encode(),
            {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["value"]

    def devtools(self, name, **parameters):
        return self.command(f"{self.path}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def run(self, script):
        return self.command(f"{self.path}/execute/sync", {"script": script, "args": []})

    def open(self, url, width, height, scheme, scale=1):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=scale, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.command(f"{self.path}/url", {"url": url})

    def picture(self, path, **options):
        kind = path.suffix[1:]
        if kind == "webp":
            options["quality"] = 82
        value = self.devtools("Page.captureScreenshot", format=kind, **options)
        path.write_bytes(base64.b64decode(value["data"]))

    def close(self):
        self.command(self.path, method="DELETE")
        self.driver.terminate()
        self.driver.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footfall", required=True)
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="where pictures go")
    parser.add_argument("--seconds", type=float, default=20, help="of load before the pictures")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    visits = Visits(options.seed)
    with tempfile.TemporaryDirectory() as directory:
        data = pathlib.Path(directory)
        # It takes a while to write them, and to start.
        now = time.time() + 8
        count = write_history(data, visits, now)
        print(f"{count} events of the last hour")
        time.sleep(max(0, now - time.time() - 1))
        with collector(options.footfall, data) as (_, port, admin):
            load = Load(port, visits)
            load.start()
            browser = Browser()
            try:
                for scheme in ["light", "dark"]:
                    browser.open(f"http://127.0.0.1:{admin}/", 1320, 1180, scheme, scale=1.5)
                    time.sleep(options.seconds / 2)
                    path = options.directory / f"dashboard-{scheme}.webp"
                    browser.picture(path)
                    print(f"{path}: {path.stat().st_size // 1024} KiB")
            finally:
                browser.close()
                load.isStopping = True
                load.join()


if __name__ == "__main__":
    main()
