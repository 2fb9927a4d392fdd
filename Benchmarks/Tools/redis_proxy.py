"""The rows of `dev/bench redis-proxy`: the example RedisProxy beside twemproxy and HAProxy, in front of one Redis.

Each of them uses one thread. All of them, Redis and the clients share one processor. On two, where the scheduler puts three busy
processes decides half of the figures: the ratio of twemproxy's and HAProxy's, a known one, moved by a third from one sample to the
next, on one by a tenth; a proxy alone on a processor is steadier, but pays 3 us a request for waking the other one. What this
placement cannot show is how many requests a second a proxy would pass on with a processor of its own: the load costs as much as the
proxy, so that requests a second differ less than CPU does.
"""

import contextlib
import csv
import os
import subprocess
import tempfile
import urllib.parse

import building
import proxies
from building import Failure
from samples import Samples, note

PRODUCT = "RedisProxy"
CLIENTS = 50
VALUE = b"v" * 32
# redis-benchmark's own key, as long as it is not told to use many.
BENCHMARK_KEY = b"key:__rand_int__"
# Requests of a sample, by pipeline: two seconds or so, so that the fifty connections, of which HAProxy makes a second each, are lost in it.
REQUESTS = {1: 80_000, 16: 500_000}
WARM_UP_REQUESTS = 20_000
LIMIT_SECONDS = 60
IDLE_CLIENTS = 5_000
ROUND_TRIPS = 20_000
COUNTED_PASSES = {1: 400, 16: 50}
OURS = None


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


# What clients of ours ask, and what they must be told.
EXCHANGES = {
    "set": (command(b"SET", b"weir:bench", VALUE), b"+OK\r\n"),
    "get": (command(b"GET", b"weir:bench"), b"$32\r\n%s\r\n" % VALUE),
}


def twemproxy(backend, *options):
    def prepare(port, directory):
        file = directory / f"nutcracker-{port}.yml"
        file.write_text(
            f"bench:\n  listen: 127.0.0.1:{port}\n  redis: true\n  hash: fnv1a_64\n  distribution: ketama\n"
            f"  server_connections: 1\n  servers:\n   - {backend}:1\n"
        )
        words = ["-c", file, "-o", directory / f"nutcracker-{port}.log", "-p", directory / f"nutcracker-{port}.pid"]
        return [proxies.program("nutcracker"), *words, "-a", "127.0.0.1", "-s", proxies.free_port(), *options], {}

    return prepare


def haproxy(backend, descriptors):
    def prepare(port, directory):
        file = directory / f"haproxy-{port}.cfg"
        clients = min(20_000, (descriptors - 100) // 2)
        file.write_text(
            f"global\n  nbthread 1\n  maxconn {clients}\n"
            f"defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n"
            f"listen bench\n  bind 127.0.0.1:{port}\n  maxconn {clients}\n  server redis {backend}\n"
        )
        return [proxies.program("haproxy"), "-db", "-f", file], {}

    return prepare


def ours(executable, backend, environment=()):
    def prepare(port, _):
        settings = {
            "HOST": "127.0.0.1", "PORT": str(port), "REDIS_URL": f"redis://{backend}", "LOOPS": "1", "ACCESS_LOG": "off",
            "MAX_CLIENTS": "10000",
        }
        return [executable], {**settings, **dict(environment)}

    return prepare


class RedisProxyBench:
    def __init__(self, name, rows):
        self.rows = rows
        self.samples = Samples()
        self.failed = set()
        self.proxies = {}  # those that run, by peer
        self.executable = None
        self.rounds = 0
        if building.has_swift(PRODUCT, building.ROOT):
            self.executable = building.build_swift(PRODUCT, building.ROOT)
        else:
            note(f"there is no {PRODUCT}: only the peers run")

    @contextlib.contextmanager
    def running(self):
        """All the proxies, warm."""
        self.descriptors = proxies.raise_descriptor_limit()
        url = urllib.parse.urlsplit(os.environ["WEIR_REDIS_URL"])
        if url.scheme != "redis" or url.password or url.path.strip("/") or url.hostname not in ("127.0.0.1", "localhost"):
            raise Failure("WEIR_REDIS_URL must be redis://127.0.0.1:PORT, without a password, for a benchmark of proxies")
        self.port = url.port or 6379
        self.backend = f"127.0.0.1:{self.port}"
        self.set_keys()
        with contextlib.ExitStack() as stack:
            self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-bench."))
            for peer in self.peers_of(*(row["row"] for row in self.rows)):
                with self.noting_failure(peer):
                    proxy = stack.enter_context(self.proxy(peer))
                    self.warm(proxy)
                    self.proxies[peer] = proxy
            yield

    def prepare(self, peer, environment=()):
        if peer is OURS:
            return ours(self.executable, self.backend, environment)
        if peer.startswith("twemproxy"):
            # twemproxy-512: with buffers of 512 bytes in place of 16 KiB, which is faster here for what is pipelined.
            _, _, size = peer.partition("-")
            return twemproxy(self.backend, *(["-m", size] if size else []))
        if peer == "haproxy":
            return haproxy(self.backend, self.descriptors)
        raise Failure(f"no peer is called {peer}")

    def proxy(self, peer, environment=()):
        return proxies.Proxy(peer or PRODUCT, self.prepare(peer, environment), self.directory)

    def peers_of(self, *titles):
        """What the rows want to have run, ours first, without what failed already."""
        peers = [OURS] if self.executable else []
        peers += dict.fromkeys(row["peer"] for row in self.rows if row["row"] in titles and row["peer"] != "-")
        return [peer for peer in peers if peer not in self.failed]

    def wants(self, title):
        return any(row["row"] == title for row in self.rows)

    @contextlib.contextmanager
    def noting_failure(self, peer):
        """What cannot be measured is not measured; the others are."""
        try:
            yield
        except (Failure, subprocess.TimeoutExpired) as reason:
            note(f"{peer or PRODUCT}: {reason}")
            self.failed.add(peer)

    def set_keys(self):
        with proxies.Clients(self.port) as clients:
            clients.add(1, command(b"SET", BENCHMARK_KEY, VALUE), b"+OK\r\n")
            clients.ask(*EXCHANGES["set"])

    def warm(self, proxy):
        with proxy.serving(), proxies.Clients(proxy.port) as clients:
            clients.add(1)
            for request, reply in EXCHANGES.values():
                clients.ask(request, reply)
        for name in EXCHANGES:
            self.load(proxy, name, 16, WARM_UP_REQUESTS)

    # Rows

    def round(self):
        self.rounds += 1
        note(f"load average {os.getloadavg()[0]:.1f}; what is much above 2 is other programs, which disturb requests a second most")
        for name in EXCHANGES:
            for pipeline, requests in REQUESTS.items():
                self.throughput(name, pipeline, requests)
        if self.wants("added-latency"):
            self.added_latency()
        if self.wants("idle-client-memory"):
            self.memory()

    def throughput(self, name, pipeline, requests):
        cpu, rate = f"{name}-p{pipeline}-cpu", f"{name}-p{pipeline}-requests"
        peers = self.peers_of(cpu, rate) if self.wants(cpu) or self.wants(rate) else []
        # There and back again: what changes steadily meanwhile falls on all alike.
        for peer in [*peers, *reversed(peers)]:
            if peer in self.failed:
                continue
            with self.noting_failure(peer):
                spent, per_second = self.load(self.proxies[peer], name, pipeline, requests)
                self.samples.add(cpu, peer, spent)
                self.samples.add(rate, peer, per_second)

    def load(self, proxy, name, pipeline, requests):
        """Microseconds of the proxy per request, and requests a second, of redis-benchmark."""
        before = proxy.cpu()
        output = building.run(
            ["redis-benchmark", "-h", "127.0.0.1", "-p", proxy.port, "-c", CLIENTS, "-n", requests, "-P", pipeline, "-d", len(VALUE),
             "-t", name, "--csv"],
            timeout=LIMIT_SECONDS,
        )
        spent = proxy.cpu() - before
        for fields in csv.reader(output.splitlines()):
            if fields[:1] == [name.upper()]:
                return spent / requests / 1000, float(fields[1])
        raise Failure(f"redis-benchmark does not say how many requests a second: {output}")

    def added_latency(self):
        """What each adds to the median of a GET without a proxy, one client asking."""
        peers = self.peers_of("added-latency")
        request, reply = EXCHANGES["get"]
        try:
            times = proxies.round_trips(request, reply, ROUND_TRIPS, [self.port, *(self.proxies[peer].port for peer in peers)])
        except (Failure, subprocess.TimeoutExpired) as reason:
            note(f"added-latency: {reason}")
            return
        self.samples.add("latency", "no-proxy", times[self.port] / 1000)
        for peer in peers:
            self.samples.add("added-latency", peer, (times[self.proxies[peer].port] - times[self.port]) / 1000)

    def memory(self):
        """Of a new process each time: one that was busy before has memory to give."""
        if self.descriptors < IDLE_CLIENTS + 1000:
            note(f"idle-client-memory: {self.descriptors} descriptors are too few")
            return
        for peer in self.peers_of("idle-client-memory"):
            with self.noting_failure(peer):
                with self.proxy(peer) as proxy:
                    value = proxies.memory_per_client(proxy, IDLE_CLIENTS, *EXCHANGES["get"])
                    self.samples.add("idle-client-memory", peer, value / 1024)
                if self.rounds == 1:
                    with self.proxy(peer) as proxy:
                        value = proxies.memory_per_client(proxy, IDLE_CLIENTS)
                        note(f"{peer or PRODUCT}: {value / 1024:.2f} KiB for a client that said nothing")

    def count(self):
        """Allocations a request over connections that are there already, to a hundredth: what the process does now and then by itself
        does not count. The row is the worst of what is asked."""
        if not self.wants("allocations") or OURS not in self.peers_of():
            return
        counts = proxies.Counts(self.directory)
        worst = []
        with self.noting_failure(OURS), self.proxy(OURS, counts.environment) as proxy, proxy.serving():
            with proxies.Clients(proxy.port) as clients:
                clients.add(CLIENTS, *EXCHANGES["set"])
                for name, (request, reply) in EXCHANGES.items():
                    for pipeline, passes in COUNTED_PASSES.items():
                        worst.append(self.allocations(clients, counts, request * pipeline, reply * pipeline, passes) / pipeline)
                        note(f"{name}-p{pipeline}: {worst[-1]:.4f} allocations a request")
            self.samples.add("allocations", OURS, round(max(worst), 2))

    def allocations(self, clients, counts, request, reply, passes):
        """Per connection and pass; a first half of the passes does not count."""
        values = []
        for repetitions in (passes // 2, passes):
            before = counts.read()
            for _ in range(repetitions):
                clients.ask(request, reply)
            after = counts.read()
            values.append(sum(after[metric] - before[metric] for metric in ("mallocs", "reallocs")))
        return values[-1] / passes / CLIENTS
