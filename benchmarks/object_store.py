"""Whether photos pass through Ray's object store on their way to a replica, and what stays there.

    python benchmarks/object_store.py --json benchmarks/object_store.json

A local cluster answers ten requests with the ten megabytes that each brought. Once with Serve's own proxy, once with
what `fitting.cluster.private.PRIVATE` says; the object store's own counters tell what went into it meanwhile, and
what it still holds when all have been answered.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

REQUESTS, MEGABYTES = 10, 10
SENT = ("own_proxy", "private")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--alone", choices=SENT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        sys.stdout.write(f"\n{json.dumps(measured())}\n")
        return
    from fitting.cluster.private import PRIVATE

    numbers: dict[str, Any] = {"requests": REQUESTS, "megabytes_each_way": MEGABYTES}
    for name in SENT:
        told = {**os.environ, **(PRIVATE if name == "private" else {"RAY_USAGE_STATS_ENABLED": "0"})}
        command = [sys.executable, __file__, "--alone", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=told)
        numbers[name] = json.loads(done.stdout.strip().splitlines()[-1])
    import ray

    text = json.dumps(numbers | {"ray": ray.__version__}, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def measured() -> dict[str, float]:
    """Megabytes put into the object store by the requests, megabytes still there after them, and seconds of each."""
    import httpx
    import ray
    from ray import serve

    class Echo:
        async def __call__(self, request: Any) -> Any:
            from starlette.responses import Response

            return Response(await request.body())

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init("local", num_cpus=2, object_store_memory=400 << 20, include_dashboard=False, logging_level=logging.ERROR)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(serve.deployment(Echo).bind(), name="echo", route_prefix="/echo")
    before, body, began = _store(), os.urandom(MEGABYTES * 1_000_000), time.perf_counter()
    with httpx.Client(trust_env=False, timeout=60) as client:
        for _ in range(REQUESTS):
            if client.post(f"http://127.0.0.1:{port}/echo", content=body).content != body:
                raise RuntimeError("what came back was not what was sent")
    spent = time.perf_counter() - began
    after = _store()
    serve.shutdown()
    ray.shutdown()
    return {
        "put_into_the_store_megabytes": round((after[0] - before[0]) / 1e6, 1),
        "still_there_megabytes": round((after[1] - before[1]) / 1e6, 1),
        "seconds_each": round(spent / REQUESTS, 3),
    }


def _store() -> tuple[int, int]:
    """Bytes that were ever put into this node's object store, and bytes that are in it."""
    import ray
    from ray._private.internal_api import node_stats

    node = ray.nodes()[0]
    stats = node_stats(node["NodeManagerAddress"], node["NodeManagerPort"]).store_stats
    return stats.cumulative_created_bytes, stats.object_store_bytes_used


if __name__ == "__main__":
    main()
