"""dev/bench: runs ours and its peers in turn and prints a line per row of Benchmarks/Budgets/bench.tsv."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys

import building
import counting
import redis_proxy
import services
from samples import Samples, note

COLUMNS = ["bench", "row", "unit", "budget", "peer", "need"]
LIMIT_SECONDS = 300
COUNTED_OPERATIONS = 10_000

# Rows that are counted, not timed: the scenario of `counts` and what is counted of it.
COUNTED = {
    ("core", "deadline-arm-cancel-allocations"): ("deadline-arm-cancel", "mallocs"),
    ("core", "await-on-loop-futex"): ("await-on-loop", "futexes"),
    ("core", "await-on-loop-wakeups"): ("await-on-loop", "eventfd_writes"),
    ("pool", "lease-return-allocations"): ("lease-return", "mallocs"),
    ("redis", "get-allocations"): ("redis-get", "mallocs"),
    ("redis", "get-wakeups"): ("redis-get", "eventfd_writes"),
    ("redis", "get-futex"): ("redis-get", "futexes"),
    ("postgres", "query-allocations"): ("postgres-query", "mallocs"),
    ("postgres", "query-wakeups"): ("postgres-query", "eventfd_writes"),
    ("postgres", "query-futex"): ("postgres-query", "futexes"),
}
# Peers that are a program of their own: what builds it and returns the command that a row is added to.
PROGRAMS = {
    "hikaricp": lambda: building.java_peer("HikariPeer"),
    "long-adder": lambda: building.java_peer("LongAdderPeer"),
    "hiredis": building.hiredis_peer,
    "redis-py": building.redis_py_peer,
    "libpq": building.libpq_peer,
    "libpq-one-sync": lambda: [*building.libpq_peer(), "one-sync"],
    "asyncpg": building.asyncpg_peer,
}
# Every other peer is in our executable, as ROW:PEER. It prints the samples of these itself, in turn with ours: a
# ratio near 1 is lost in what the machine does between two processes.
IN_TURN = {"one-loop"}
# The servers that a benchmark's rows use: for each service of dev/services the variable that names it.
SERVERS = {
    "redis": {"redis": "WEIR_REDIS_URL"},
    "redis-proxy": {"redis": "WEIR_REDIS_URL"},
    "postgres": {"postgres": "WEIR_POSTGRES_URL"},
}
# Benchmarks of a program that other programs talk to, each a class with what Bench has.
PROXIES = {"redis-proxy": redis_proxy.RedisProxyBench}


@contextlib.contextmanager
def one_processor():
    """Server and clients share one processor while this holds, and so does every process that is started meanwhile.

    A processor that has to wake another pays for it in the writer's time: 0.5 us per command here, as much as all the rest, for any
    client, and from one second to the next, as the scheduler happens to place the two.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(all_processors)})
    note(f"server and clients share processor {max(all_processors)}")
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_processors)


class Bench:
    def __init__(self, name, rows):
        self.name = name
        self.rows = rows
        self.samples = Samples()
        self.commands = {}  # by (row, peer); peer is None for ours
        product = f"bench-{name}"
        executable, known = None, set()
        if building.has_swift(product):
            executable = building.build_swift(product)
            known = set(building.run([executable, "list"]).split())
        else:
            note(f"there is no {product}: only the peers run")
        for row in rows:
            title, peer = row["row"], row["peer"]
            if title in known:
                self.commands[title, None] = [str(executable), title]
            if peer in PROGRAMS:
                self.commands[title, peer] = [*PROGRAMS[peer](), title]
            elif peer not in IN_TURN and f"{title}:{peer}" in known:
                self.commands[title, peer] = [str(executable), f"{title}:{peer}"]

    def running(self):
        """What must be up while it measures."""
        return contextlib.nullcontext()

    def round(self):
        """Runs each once, one after the other, so that what the machine does meanwhile falls on all of them."""
        for (title, own_peer), command in self.commands.items():
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                note(f"{' '.join(command)}: no end after {LIMIT_SECONDS} s")
                continue
            if done.returncode != 0:
                note(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
            for fields in map(str.split, done.stdout.splitlines()):
                if fields[:1] == ["SAMPLE"]:
                    _, _, peer = fields[1].partition(":")
                    self.samples.add(title, peer or own_peer, float(fields[2]))
                elif fields[:1] == ["NOTE"]:
                    note(f"{title}: {' '.join(fields[1:])}")

    def count(self):
        if not any((self.name, row["row"]) in COUNTED for row in self.rows):
            return
        known = building.run([building.build_swift("counts"), "list"]).split()
        for row in self.rows:
            scenario, metric = COUNTED.get((self.name, row["row"]), (None, None))
            if scenario not in known:
                continue
            try:
                value = counting.closest(metric, scenario, COUNTED_OPERATIONS, float(row["budget"]))
            except counting.Unavailable as reason:
                note(f"{row['row']}: {reason}")
            else:
                self.samples.add(row["row"], None, value)


def main():
    parser = argparse.ArgumentParser(prog="dev/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each runs; 5 by default, and the median counts")
    parser.add_argument("--row", action="append", help="only this row (may be given again)")
    parser.add_argument("name", nargs="?")
    options = parser.parse_args()

    rows = building.table("bench.tsv", COLUMNS)
    known = list(dict.fromkeys(row["bench"] for row in rows))
    if options.name not in known:
        print(f"dev/bench: no benchmark is called {options.name or 'nothing'}; there are:", *known, file=sys.stderr)
        return 2
    rows = [row for row in rows if row["bench"] == options.name]
    if unknown := set(options.row or ()) - {row["row"] for row in rows}:
        print(f"dev/bench: {options.name} has no row {' '.join(unknown)}; it has:", *dict.fromkeys(row["row"] for row in rows), file=sys.stderr)
        return 2
    rows = [row for row in rows if not options.row or row["row"] in options.row]

    # Servers are stopped too when this is ended by more than an interruption.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as servers:
        bench = PROXIES.get(options.name, Bench)(options.name, rows)
        with one_processor() if options.name in SERVERS else contextlib.nullcontext():
            servers.enter_context(services.running(SERVERS.get(options.name, {})))
            servers.enter_context(bench.running())
            for index in range(options.rounds):
                note(f"round {index + 1} of {options.rounds}")
                bench.round()
        bench.count()
    bench.samples.spread()
    for row in rows:
        print(bench.samples.line(row), flush=True)
    return 0


building.main(main)
