"""The command that recommends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fitting.cli_catalogue import Database, Kind, ShopFolder, Vectors, opened


def recommend(
    shopper: Annotated[str | None, typer.Option(help="The shopper's id; without one, somebody new.")] = None,
    viewed: Annotated[str | None, typer.Option(help="Id of the item that is being looked at or worn.")] = None,
    category: Annotated[Kind | None, typer.Option(help="Of this category alone.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=100, help="How many items at most.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise: another one, other ideas.")] = 0,
    output: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Also write them here.")] = None,
    shop: ShopFolder = None,
    database: Database = None,
    vectors: Vectors = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", exists=True, file_okay=False, help="Other weights than our own.")
    ] = None,
) -> None:
    """Show what a shopper may like, and why."""
    from fitting.garment import Category
    from fitting.recommender import Recommender, Request, because

    with opened(shop, database, vectors) as found:
        catalogue = found.catalogue()
        if viewed is not None and viewed not in catalogue:
            raise typer.BadParameter(f"the shop has no item {viewed!r}")
        recommender = Recommender.load(catalogue, found.store.events(), weights)
    wanted = None if category is None else Category(category.value)
    request = Request(shopper, viewed, wanted, count, seed)
    rows: list[dict[str, Any]] = []
    for entry in recommender.recommend(request):
        why = [because(reason, catalogue) for reason in entry.reasons]
        typer.echo("\t".join([f"{entry.score:.3f}", entry.item.id, entry.item.title, *why]))
        reasons = [{**vars(reason), "kind": reason.kind.value} for reason in entry.reasons]
        rows.append({"id": entry.item.id, "title": entry.item.title, "score": entry.score, "reasons": reasons})
    if output is not None:
        content = {"shopper": shopper, "viewed": viewed, "seed": seed, "items": rows}
        output.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
