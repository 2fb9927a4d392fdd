"""`redis_py_peer.py ROW`: the rows of `dev/bench redis` done with redis-py's asyncio client; `redis_py_peer.py list` names them.

Samples follow the rules of Sources/Measuring/Sampler.swift: three of them, each of 200 ms or more, after a warm-up that is the
search for a number of operations that fills a sample.
"""

import asyncio
import os
import sys
import time

import redis
import redis.asyncio
from redis.asyncio.connection import DefaultParser

MINIMUM_SAMPLE = 0.2
SAMPLES = 3
TASKS = 50
KEYS = [f"weir:bench:key:{number:05}" for number in range(TASKS)]
VALUE = b"abcdefghijklmnopqrstuvwxyz012345"


async def get_in_a_loop(client, key, operations):
    for _ in range(operations):
        value = await client.get(key)
        if value != VALUE:
            raise ValueError(f"{key} is {value}, not {VALUE}")


async def round_of(client, operations):
    """Seconds of the process's processor time for so many GETs by each task."""
    start = time.process_time()
    await asyncio.gather(*(get_in_a_loop(client, key, operations) for key in KEYS))
    return time.process_time() - start


async def get_in_handler(row):
    """As a web application would: 50 tasks share a client, whose pool opens a connection for each that waits."""
    if "Hiredis" not in DefaultParser.__name__:
        raise TypeError("redis-py does not parse with hiredis")
    client = redis.asyncio.Redis.from_url(os.environ["WEIR_REDIS_URL"], max_connections=TASKS)
    for key in KEYS:
        await client.set(key, VALUE)
    await round_of(client, 1)  # connects
    operations = 2
    while (spent := await round_of(client, operations)) < MINIMUM_SAMPLE:
        # A tenth more than should do, at most 32 times as many.
        operations = int(operations * min(max(MINIMUM_SAMPLE / spent * 1.1, 1.1), 32)) + 1
    for _ in range(SAMPLES):
        spent = await round_of(client, operations)
        print(f"SAMPLE {row} {spent * 1e6 / (operations * TASKS):.6g} us")
    await client.connection_pool.disconnect()


ROWS = {"get-in-handler": get_in_handler}


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else "list"
    if wanted == "list":
        print(*ROWS, sep="\n")
        return 0
    if wanted not in ROWS:
        print(f"no row is called {wanted}", file=sys.stderr)
        return 2
    try:
        asyncio.run(ROWS[wanted](wanted))
    except redis.RedisError as failure:
        print(f"redis_py_peer: {failure}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
