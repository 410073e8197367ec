"""The commands of a cluster: a node of it, and the services on it."""

from __future__ import annotations

import subprocess  # nosec B404
import sys
import time
from enum import Enum
from typing import Annotated

import typer

from fitting.cli_studio import spoken
from fitting.cluster.private import connect, keep_private

app = typer.Typer(help="The fitting room on several machines; see docs/scaling.md.", no_args_is_help=True)


class Offered(str, Enum):
    """Services of a cluster."""

    UNDERSTAND = "understand"
    DRESS = "dress"
    RECOMMEND = "recommend"


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def node(
    context: typer.Context,
    join: Annotated[str | None, typer.Option(help="HOST:PORT of the head; without it this node is the head.")] = None,
) -> None:
    """Make this machine a node of a Ray cluster that keeps photos to itself; other options go to `ray start`."""
    with spoken():
        told = keep_private()
    part = ["--head"] if join is None else ["--address", join]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *part, "--disable-usage-stats", *context.args]
    done = subprocess.run(command, env=told, check=False)  # nosec B603
    raise typer.Exit(done.returncode)


@app.command()
def serve(
    services: Annotated[list[Offered] | None, typer.Argument(help="Which; all by default.")] = None,
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster; without it, one of this machine alone.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where the services listen; 0.0.0.0 for every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    least: Annotated[int, typer.Option(min=1, help="Replicas of each service, at least.")] = 1,
    most: Annotated[int, typer.Option(min=1, help="Replicas of each service, at most.")] = 8,
    cpus: Annotated[float, typer.Option(min=0.1, help="Processors of a replica.")] = 1.0,
    gpus: Annotated[float, typer.Option(min=0, help="Graphics cards of a replica.")] = 0.0,
    at_once: Annotated[int, typer.Option(min=1, help="Requests that a replica works on at once.")] = 1,
    together: Annotated[int, typer.Option(min=1, help="Photos in one pass of PersonNet; pays on a card alone.")] = 1,
) -> None:
    """Offer the services until stopped. `FITTING_ROOM_TOKEN`, where it is set, is asked for."""
    with spoken():
        connect(address)
    import ray
    from ray import serve as rays

    from fitting.cluster.deployments import BUILDERS, Size

    size = Size(
        least=least, most=max(least, most), cpus=cpus, gpus=gpus, at_once=max(at_once, together), together=together
    )
    rays.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
    try:
        for offered in services or list(Offered):
            rays.run(BUILDERS[offered.value](size), name=offered.value, route_prefix=f"/{offered.value}")
        typer.echo(f"FITTING_ROOM_AT=http://{host}:{port}")
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        typer.echo("Stopping", err=True)
    finally:
        rays.shutdown()
        ray.shutdown()
