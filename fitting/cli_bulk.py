"""The commands of work in bulk: look at a catalogue's pictures, and show people in its garments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitting.cli_catalogue import Database, Kind, ShopFolder, progress_bar
from fitting.cli_studio import spoken
from fitting.cluster.private import connect

if TYPE_CHECKING:
    from fitting.cluster.bulk import Outcome, Place

app = typer.Typer(help="Work in bulk, on one machine or many; see docs/scaling.md.", no_args_is_help=True)

PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
Workers = Annotated[int | None, typer.Option(min=1, help="Processes, of one processor each; as many as there are.")]
Cluster = Annotated[str | None, typer.Option("--address", help="Of a Ray cluster; without it, this machine alone.")]


@app.command()
def embed(
    products: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    pictures: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the pictures; the CSV's by default.")
    ] = None,
    shop: ShopFolder = None,
    database: Database = None,
    workers: Workers = None,
    address: Cluster = None,
) -> None:
    """Look at every picture of PRODUCTS and keep its embedding in the shop; then import the file as usual.

    Can be stopped and started again: no picture is looked at twice.
    """
    with spoken(), _on(address, workers) as many, progress_bar("Looking") as progress:
        from fitting.cluster.bulk import embed as look

        outcome = look(products, _place(shop, database), pictures, many, progress)
    _tell(outcome, "pictures")


@app.command()
def render(
    people: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of photos.")],
    output: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="Folder of the pictures.")],
    category: Annotated[Kind | None, typer.Option(help="Of this category alone.")] = None,
    shop: ShopFolder = None,
    database: Database = None,
    workers: Workers = None,
    address: Cluster = None,
) -> None:
    """Show everybody in PEOPLE in every garment of the shop that is in stock.

    Can be stopped and started again: pictures that are there are not made again.
    """
    photos = sorted(path for path in people.iterdir() if path.suffix.lower() in PHOTOS)
    with spoken(), _on(address, workers) as many, progress_bar("Dressing") as progress:
        from fitting.cluster.bulk import render as dress
        from fitting.garment import Category

        worn = Category(category.value) if category else None
        outcome = dress(_place(shop, database), photos, output, worn, many, progress)
    _tell(outcome, "pictures")


def _place(shop: Path | None, database: str | None) -> Place:
    from fitting.cluster.bulk import Place
    from fitting.shop import default_folder

    return Place((shop or default_folder()).absolute(), database)


@contextmanager
def _on(address: str | None, workers: int | None) -> Iterator[int]:
    """Ray, connected or started here; gives how many workers there are to be. Raises ShopError without Ray."""
    connect(address, None if address else workers)
    import ray

    try:
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _tell(outcome: Outcome, noun: str) -> None:
    for name, reason in outcome.problems:
        typer.echo(f"{name}: {reason}", err=True)
    if outcome.failed > len(outcome.problems):
        typer.echo(f"... and {outcome.failed - len(outcome.problems)} more", err=True)
    typer.echo(f"{outcome.done} {noun} done, {outcome.known} were done before, {outcome.failed} could not be")
