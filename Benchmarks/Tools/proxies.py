"""Proxies as processes: started, ended, and what one spends while clients talk through it. Linux only."""

import contextlib
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import time

import building
from building import Failure

START_SECONDS = 10
STOP_SECONDS = 10
REPLY_SECONDS = 10
# Another program may take a port between the look and the bind.
ATTEMPTS = 5
# Connections before those whose memory counts, so that what is allocated once is there already.
WARM_UP_CLIENTS = 200
# The kernel's name for the time that all threads of a process ran, also those that ended: see clock_getcpuclockid(3).
CPUCLOCK_SCHED = 2
SERVER_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def program(name):
    """A server of Debian's may be where only root's PATH leads."""
    path = shutil.which(name, path=SERVER_PATH)
    if path is None:
        raise Failure(f"there is no {name}")
    return path


def free_port():
    """A loopback port nobody listens on, below the range the kernel hands out to clients."""
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Failure("no free port")


def raise_descriptor_limit():
    """As many descriptors as allowed, for this process and those it starts. Returns the number."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Proxy:
    """One that listens on `port` of 127.0.0.1 while its `with` lasts.

    `prepare(port, directory)` returns the command and what to add to the environment; files that the command needs go into the
    directory.
    """

    def __init__(self, name, prepare, directory):
        self.name = name
        self.prepare = prepare
        self.directory = pathlib.Path(directory)
        self.port = self.process = None

    def __enter__(self):
        for _ in range(ATTEMPTS):
            try:
                if self.start():
                    return self
            except BaseException:
                self.end()
                raise
            self.end()
        raise Failure(f"{self.name} does not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_):
        self.end()

    @property
    def log(self):
        return self.directory / f"{self.name}.log"

    def start(self):
        """Whether it listens."""
        self.port = free_port()
        command, environment = self.prepare(self.port, self.directory)
        # It ends with us, however we end, and not by a terminal's interruption before we said so.
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, command)], env=dict(os.environ, **environment), cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self.process.poll() is None  # or another program answered
            time.sleep(0.02)
        return False

    def end(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def cpu(self):
        """What it has spent of the processor, user and system, in nanoseconds."""
        if self.process.poll() is not None:
            raise Failure(f"{self.name} has ended")
        return time.clock_gettime_ns(~self.process.pid << 3 | CPUCLOCK_SCHED)

    def resident(self):
        """Bytes of its memory that are in memory."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024

    def settle(self):
        """Returns when it has nothing more to do, or after some seconds."""
        for _ in range(50):
            before = self.cpu()
            time.sleep(0.1)
            if self.cpu() - before < 500_000:
                return

    @contextlib.contextmanager
    def serving(self):
        """What a user is told in one line when it breaks a connection, or does not answer."""
        try:
            yield
        except OSError as error:
            raise Failure(f"{self.name}: {error}") from error


class Clients:
    """Connections that stay open while a `with` lasts."""

    def __init__(self, port):
        self.port = port
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.sockets:
            client.close()

    def add(self, count, request=b"", reply=b""):
        """One after the other, each of which asks once and has its reply."""
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.port), timeout=REPLY_SECONDS)
            self.sockets.append(client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ask(request, reply, [client])

    def ask(self, request, reply, clients=None):
        """All ask, then all wait for their replies."""
        clients = self.sockets if clients is None else clients
        for client in clients:
            client.sendall(request)
        for client in clients:
            received = bytearray()
            while len(received) < len(reply):
                more = client.recv(len(reply) - len(received))
                if not more:
                    raise Failure(f"port {self.port}: the connection ended after {bytes(received)!r}")
                received += more
            if received != reply:
                raise Failure(f"port {self.port}: {reply!r} was expected, {bytes(received)!r} came")


def memory_per_client(proxy, count, request=b"", reply=b""):
    """Bytes that a proxy which has just started has more in memory for each of so many clients that asked once and stay."""
    with proxy.serving(), Clients(proxy.port) as clients:
        clients.add(WARM_UP_CLIENTS, request, reply)
        proxy.settle()
        before = proxy.resident()
        clients.add(count, request, reply)
        proxy.settle()
        return (proxy.resident() - before) / count


def round_trips(request, reply, count, ports):
    """The median time of a request and its reply, in nanoseconds, by port."""
    output = building.run([building.round_trips(), request.decode(), len(reply), count, *ports], timeout=120)
    return {int(port): float(time) for port, time in map(str.split, output.splitlines())}


class Counts:
    """The counters of the library that a program of ours has preloaded, read while it runs."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "counts"
        self.environment = {"LD_PRELOAD": str(building.build_counters()), "WEIR_COUNTS_FILE": str(self.path)}

    def read(self):
        return {name.rstrip(b"\0").decode(): value for name, value in struct.iter_unpack("=24sQ", self.path.read_bytes())}
