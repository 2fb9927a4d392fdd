"""Builds what is measured: the Swift executables, the counting library, the peers."""

import functools
import json
import os
import pathlib
import subprocess
import sys

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
BUDGETS = BENCHMARKS / "Budgets"
OUTPUT = BENCHMARKS / ".build"
# Swift's is shared with the package itself: what both use is built once.
SCRATCH = ROOT / ".build"
RELEASE = SCRATCH / "release"
JAVA_PATH = [f"/usr/share/java/{name}.jar" for name in ("HikariCP", "slf4j-api", "slf4j-nop")]
# The Python that Debian's packages are for; another may come first in PATH.
PYTHON = "/usr/bin/python3"
ASYNCPG = "0.32.0"


class Failure(Exception):
    """Something a user is told in one line."""


def run(command, **options):
    """Runs to the end and returns the standard output; a failure shows all there was."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build_swift(product, package=BENCHMARKS):
    """A release build. Its output goes to the standard error, so that results stand alone on the standard output."""
    command = ["swift", "build", "-c", "release", "--package-path", str(package), "--scratch-path", str(SCRATCH), "--product", product]
    if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode != 0:
        raise Failure(f"{product} does not build")
    return RELEASE / product


def has_swift(product, package=BENCHMARKS):
    """Whether the package, by default that of the benchmarks, has such an executable."""
    manifest = json.loads(run(["swift", "package", "--package-path", package, "dump-package"]))
    return product in (target["name"] for target in manifest["targets"])


def build_counters():
    library = OUTPUT / "libweircounts.so"
    source = BENCHMARKS / "Counters" / "counters.c"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        OUTPUT.mkdir(exist_ok=True)
        # Without -fno-builtin a compiler may make a calloc of what looks like one, and calloc would call itself.
        run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fno-builtin", "-o", library, source, "-ldl"])
    return library


@functools.cache
def build_java_peers():
    """Compiles the Java peers and returns the class path."""
    classes = OUTPUT / "peers"
    classes.mkdir(parents=True, exist_ok=True)
    sources = sorted((BENCHMARKS / "Peers").glob("*.java"))
    run(["javac", "-d", classes, "-cp", ":".join(JAVA_PATH), *sources])
    return ":".join([str(classes), *JAVA_PATH])


def java_peer(main_class):
    return ["java", "-cp", build_java_peers(), main_class]


def build_c(program, source, *libraries):
    OUTPUT.mkdir(exist_ok=True)
    run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", OUTPUT / program, BENCHMARKS / source, *libraries])
    return str(OUTPUT / program)


@functools.cache
def hiredis_peer():
    return [build_c("hiredis-peer", "Peers/hiredis_peer.c", "-lhiredis")]


@functools.cache
def libpq_peer():
    return [build_c("libpq-peer", "Peers/libpq_peer.c", "-I/usr/include/postgresql", "-lpq")]


def round_trips():
    """Measures requests that wait for each other's replies."""
    return build_c("round-trips", "Clients/round_trips.c")


def redis_py_peer():
    return [PYTHON, "-I", "-B", str(BENCHMARKS / "Peers" / "redis_py_peer.py")]


@functools.cache
def asyncpg_peer():
    """The version that is on PyPI, in an environment of its own: Debian's is years older, and this one is faster."""
    environment = OUTPUT / f"asyncpg-{ASYNCPG}"
    python = environment / "bin" / "python"
    if not (environment / "ready").exists():
        run([PYTHON, "-m", "venv", "--clear", environment])
        run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", f"asyncpg=={ASYNCPG}"])
        (environment / "ready").touch()
    return [str(python), "-I", "-B", str(BENCHMARKS / "Peers" / "asyncpg_peer.py")]


def table(name, columns):
    """The rows of a budget file: tab-separated, with comments and one line of headings."""
    rows = []
    for number, line in enumerate((BUDGETS / name).read_text().splitlines(), 1):
        fields = line.split("\t")
        if not line.strip() or line.startswith("#") or fields == columns:
            continue
        if len(fields) != len(columns):
            raise Failure(f"{name}:{number}: {len(fields)} columns where {len(columns)} are needed: {' '.join(columns)}")
        rows.append(dict(zip(columns, fields)))
    return rows


def main(body):
    try:
        sys.exit(body())
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
