"""`asyncpg_peer.py ROW`: the rows of `dev/bench postgres` done with asyncpg; `asyncpg_peer.py list` names them.

Samples follow the rules of Sources/Measuring/Sampler.swift: three of them, each of 200 ms or more, after a warm-up that is the
search for a number of operations that fills a sample.
"""

import asyncio
import datetime
import os
import statistics
import sys
import time

import asyncpg

MINIMUM_SAMPLE = 0.2
SAMPLES = 3
TASKS = 32
IDS = 1000
ROWS = 100_000
ONE = "select number, name from weir_bench_one where id = $1"
ALL = "select a, b, c, d, e from weir_bench_rows"
ALL_TYPES = [int, int, str, float, datetime.datetime]


def expect_one(id, row):
    number, _ = row
    if number != id * 1_000_003:
        raise ValueError(f"another's row: {id}, {row}")


async def measure(row, unit_operations, body):
    """Microseconds of the process's processor time per operation."""

    async def spent_by(operations):
        start = time.process_time()
        await body(operations)
        return time.process_time() - start

    await spent_by(1)  # connects and prepares
    operations = 1
    while (spent := await spent_by(operations)) < MINIMUM_SAMPLE:
        # A tenth more than should do, at most 32 times as many.
        operations = int(operations * min(max(MINIMUM_SAMPLE / spent * 1.1, 1.1), 32)) + 1
    for _ in range(SAMPLES):
        spent = await spent_by(operations)
        print(f"SAMPLE {row} {spent * 1e6 / (operations * unit_operations):.6g} us")


async def query_in_handler(row):
    """As a web application would: 32 tasks share a pool of as many connections.

    With the default of ten it costs a third more, and another third where sessions are reset after each query, which is the default too.
    """

    async def no_reset(_):
        pass

    async def queries(pool, first, operations):
        for index in range(operations):
            id = (first + index * TASKS) % IDS + 1
            expect_one(id, await pool.fetchrow(ONE, id))

    async with asyncpg.create_pool(os.environ["WEIR_POSTGRES_URL"], ssl=False, min_size=TASKS, max_size=TASKS, reset=no_reset) as pool:
        await measure(
            row, TASKS, lambda operations: asyncio.gather(*(queries(pool, first, operations) for first in range(TASKS)))
        )


async def query_one_at_a_time(row):
    """Microseconds that pass, the median, on a connection of one's own."""
    connection = await asyncpg.connect(os.environ["WEIR_POSTGRES_URL"], ssl=False)
    statement = await connection.prepare(ONE)
    for sample in range(SAMPLES + 1):  # one to warm up
        times = []
        start = before = time.perf_counter()
        while before - start < 0.5:
            id = len(times) % IDS + 1
            expect_one(id, await statement.fetchrow(id))
            after = time.perf_counter()
            times.append(after - before)
            before = after
        if sample > 0:
            print(f"SAMPLE {row} {statistics.median(times) * 1e6:.6g} us")
    await connection.close()


async def rows(row):
    connection = await asyncpg.connect(os.environ["WEIR_POSTGRES_URL"], ssl=False)

    async def fetch(operations):
        for _ in range(operations):
            result = await connection.fetch(ALL)
            if len(result) != ROWS or [type(value) for value in result[-1]] != ALL_TYPES:
                raise ValueError("not the rows that were asked for")

    await measure(row, ROWS, fetch)
    await connection.close()


ALL_ROWS = {"query-in-handler": query_in_handler, "query-one-at-a-time": query_one_at_a_time, "rows": rows}


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else "list"
    if wanted == "list":
        print(*ALL_ROWS, sep="\n")
        return 0
    if wanted not in ALL_ROWS:
        print(f"no row is called {wanted}", file=sys.stderr)
        return 2
    asyncio.run(ALL_ROWS[wanted](wanted))
    return 0


sys.exit(main())
