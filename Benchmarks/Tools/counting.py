"""Counts what a scenario of the `counts` executable asks for, per operation: the difference of a run of 2N and a run of N."""

import os
import re
import shutil
import subprocess
import tempfile

from building import OUTPUT, RELEASE, Failure, build_counters, run

# A run of a scenario that takes longer than this hangs.
LIMIT_SECONDS = 300
# What a thread of the runtime does now and then by itself disturbs a run; it does not disturb them all.
ATTEMPTS = 5


class Unavailable(Exception):
    """This machine cannot count that; says why."""


def executable():
    return RELEASE / "counts"


def preloaded(scenario, operations):
    """Counters by the preloaded library, from where the scenario's operations begin to where they end."""
    environment = dict(os.environ, LD_PRELOAD=str(build_counters()))
    output = run([executable(), scenario, operations], env=environment, timeout=LIMIT_SECONDS)
    counts = {fields[1]: int(fields[2]) for fields in map(str.split, output.splitlines()) if fields[:1] == ["COUNT"]}
    if not counts:
        raise Failure(f"counts {scenario}: the counting library was not loaded")
    return counts


def traced(scenario, operations):
    """System calls of the whole process, by strace: sees the futexes that the C library and the runtime make inside."""
    if shutil.which("strace") is None:
        raise Unavailable("there is no strace")
    with tempfile.NamedTemporaryFile("r") as report:
        command = ["strace", "-f", "-c", "-o", report.name, "-e", "trace=futex,write,epoll_wait,read"]
        done = subprocess.run(
            [*command, executable(), scenario, str(operations)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS,
        )
        if done.returncode != 0:
            raise Unavailable(f"strace: {done.stderr.strip().splitlines()[-1:]}")
        counts = {"futexes": 0}
        for line in report.read().splitlines():
            fields = line.split()
            if len(fields) >= 5 and fields[-1] == "futex":
                counts["futexes"] = int(fields[3])
        return counts


def instructions(scenario, operations):
    """Instructions of the whole process, by callgrind."""
    if shutil.which("valgrind") is None:
        raise Unavailable("there is no valgrind")
    # As built, DWARF 5 debug information makes valgrind refuse the binary.
    stripped = OUTPUT / "counts-stripped"
    if not stripped.exists() or stripped.stat().st_mtime < executable().stat().st_mtime:
        run(["strip", "-g", "-o", stripped, executable()])
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", str(stripped), scenario, str(operations)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS,
        )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        raise Unavailable(f"valgrind: {done.stderr.strip().splitlines()[-1:]}")
    return {"instructions": int(collected[1])}


METHODS = {"futexes": traced, "instructions": instructions}


def method(metric):
    return METHODS.get(metric, preloaded)


def per_operation(count, scenario, operations):
    """All that a method counts, per operation."""
    once = count(scenario, operations)
    twice = count(scenario, 2 * operations)
    return {metric: (twice[metric] - once[metric]) / operations for metric in once}


def closest(metric, scenario, operations, wanted):
    """The metric per operation, rounded to a thousandth: of several attempts the one closest to what is wanted."""
    best = None
    for _ in range(ATTEMPTS):
        values = per_operation(method(metric), scenario, operations)
        if metric not in values:
            raise Failure(f"nothing counts {metric}; there are: {' '.join(sorted([*values, *METHODS]))}")
        value = round(values[metric], 3) + 0.0
        if best is None or abs(value - wanted) < abs(best - wanted):
            best = value
        if best == wanted or metric == "instructions":
            break
    return best
