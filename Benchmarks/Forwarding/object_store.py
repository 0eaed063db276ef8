#!/usr/bin/env python3
"""An object store on loopback, as much of S3 as a broker needs that keeps its records in one.

Objects are files, each replaced as a whole. Conditional writes (If-Match, If-None-Match) are exact,
which is what such a broker relies on. Signatures are not looked at. Prints its port.
"""
import hashlib
import http.server
import os
import pathlib
import sys
import threading
import urllib.parse
import xml.sax.saxutils

ROOT = pathlib.Path(sys.argv[1])
LOCK = threading.Lock()
# Names, in order, with the entity tag of each.
TAGS = {}


def file_of(name):
    return ROOT / urllib.parse.quote(name, safe="")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def parts(self):
        """The name of the object, without the bucket, and the query."""
        url = urllib.parse.urlsplit(self.path)
        _, _, name = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        return name, dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))

    def answer(self, status, body=b"", tag=None, **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", self.date_time_string())
        if tag:
            self.send_header("ETag", f'"{tag}"')
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        name, _ = self.parts()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        tag = hashlib.md5(body).hexdigest()
        wanted = self.headers["If-Match"]
        with LOCK:
            old = TAGS.get(name)
            if (wanted and wanted.strip('"') != old) or (self.headers["If-None-Match"] and old):
                return self.answer(412)
            temporary = ROOT / f".{threading.get_ident()}"
            temporary.write_bytes(body)
            os.replace(temporary, file_of(name))
            TAGS[name] = tag
        self.answer(200, tag=tag)

    def do_GET(self):
        name, query = self.parts()
        if not name:
            return self.list(query)
        with LOCK:
            tag = TAGS.get(name)
            body = file_of(name).read_bytes() if tag else b""
        if not tag:
            return self.answer(404)
        if (self.headers["If-None-Match"] or "").strip('"') == tag:
            return self.answer(304, tag=tag)
        kind, _, wanted = (self.headers["Range"] or "").partition("=")
        if kind != "bytes":
            return self.answer(200, body, tag)
        first, _, last = wanted.partition("-")
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last) + 1, len(body)) if first and last else len(body)
        self.answer(
            206, body[start:end], tag, Content_Range=f"bytes {start}-{end - 1}/{len(body)}")

    do_HEAD = do_GET

    def do_DELETE(self):
        name, _ = self.parts()
        with LOCK:
            if TAGS.pop(name, None):
                file_of(name).unlink()
        self.answer(204)

    def list(self, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        after = query.get("continuation-token", query.get("start-after", ""))
        with LOCK:
            names = sorted(name for name in TAGS if name.startswith(prefix) and name > after)
            folders, entries = {}, []
            for name in names:
                rest = name[len(prefix):]
                if delimiter and delimiter in rest:
                    folders[prefix + rest.split(delimiter)[0] + delimiter] = True
                else:
                    entries.append((name, TAGS[name], file_of(name).stat().st_size))
        escape = xml.sax.saxutils.escape
        text = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
            f"<ETag>&quot;{tag}&quot;</ETag><Size>{size}</Size></Contents>"
            for name, tag, size in entries)
        text += "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
        self.answer(
            200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{text}"
            "</ListBucketResult>".encode(), Content_Type="application/xml")


if __name__ == "__main__":
    ROOT.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
