"""Servers of dev/services for the time of a benchmark, in a set of their own beside the build output."""

import contextlib
import os
import shlex
import subprocess
import sys

from building import BENCHMARKS, OUTPUT, Failure, run

COMMAND = str(BENCHMARKS.parent / "dev" / "services")
DIRECTORY = str(OUTPUT / "services")
# What a server is to hold: the variable that names it, the file of SQL.
CONTENTS = {"WEIR_POSTGRES_URL": BENCHMARKS / "Peers" / "postgres.sql"}


def call(*words):
    """In a session of its own: a terminal's interruption is for us, and what is half done is not left so."""
    done = subprocess.run(
        [COMMAND, *words], env=dict(os.environ, WEIR_SERVICES_DIR=DIRECTORY), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
    )
    if done.returncode != 0:
        raise Failure(f"dev/services {' '.join(words)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def fill(variable):
    if variable in CONTENTS:
        run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", CONTENTS[variable], os.environ[variable]])


@contextlib.contextmanager
def running(servers):
    """Sets for each service the variable that names its server; one that the environment names already is used as it is."""
    missing = {name: variable for name, variable in servers.items() if variable not in os.environ}
    try:
        if missing:
            call("stop")  # what a run that was killed left behind
            call("start", *missing)
            words = shlex.split(call("env"))
            values = dict(word.split("=", 1) for word in words if "=" in word)
            os.environ.update({variable: values[variable] for variable in missing.values()})
        for variable in servers.values():
            fill(variable)
        yield
    finally:
        for variable in missing.values():
            os.environ.pop(variable, None)
        if missing:
            call("stop")
