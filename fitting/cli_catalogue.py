"""The commands of the shop's catalogue: import it, list it, check it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitting.errors import FittingError, ShopError, WeightsError

if TYPE_CHECKING:
    from fitting.item import Item
    from fitting.reading import Report
    from fitting.shop import Shop
    from fitting.spreadsheet import Problem

app = typer.Typer(help="The shop's catalogue.", no_args_is_help=True)


class Kind(str, Enum):
    """Where a garment is worn."""

    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"
    OUTER = "outer"


ShopFolder = Annotated[
    Path | None,
    typer.Option("--shop", envvar="FITTING_SHOP", file_okay=False, help="The shop's folder; your own by default."),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database", envvar="FITTING_DATABASE", help="URL of a PostgreSQL database instead of a file in the folder."
    ),
]
Vectors = Annotated[
    str | None,
    typer.Option("--vectors", envvar="FITTING_VECTORS", help="URI of Milvus instead of exact search in memory."),
]
File = Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, readable=True)]


@contextmanager
def opened(shop: Path | None, database: str | None, vectors: str | None, sample: bool = True) -> Iterator[Shop]:
    """The shop; whatever goes wrong with it ends in one sentence and exit code 1."""
    from fitting.shop import Shop

    try:
        with Shop.open(shop, database, vectors, sample) as found:
            yield found
    except (FittingError, WeightsError, ShopError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command("import")
def import_(
    products: File = None,
    orders: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, readable=True, help="CSV of what was bought.")
    ] = None,
    reviews: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, readable=True, help="CSV of what customers wrote.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the pictures; the CSV's by default.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take items out of the shop that PRODUCTS does not list.")
    ] = False,
    currency: Annotated[str | None, typer.Option(help="Of all prices, such as EUR.")] = None,
    shop: ShopFolder = None,
    database: Database = None,
    vectors: Vectors = None,
) -> None:
    """Put the items of PRODUCTS, a CSV file, into the shop, or change those that are there.

    Columns: id, title, picture; and where you have them category, description, colours, price, url, stock,
    pattern, sleeve, neckline, added. Orders: shopper, item, at; and where you have it kind. Reviews: item, text;
    and where you have it rating.
    """
    if products is None and orders is None and reviews is None:
        raise typer.BadParameter("name a file of products, one of orders with --orders, or of --reviews")
    if prune and products is None:
        raise typer.BadParameter("--prune needs a file of products")
    from fitting.importing import NothingUsableError

    _one_thread_a_picture()
    with opened(shop, database, vectors, sample=products is None) as found:
        try:
            with progress_bar("Importing") as progress:
                report = found.take_in(products, orders, pictures, prune, currency, progress, reviews)
        except NothingUsableError as error:
            _tell_problems(error.report)
            raise
    _tell(report)


@app.command("list")
def list_(
    category: Annotated[Kind | None, typer.Option(help="Of this category alone.")] = None,
    in_stock: Annotated[bool, typer.Option("--in-stock", help="Only what can be bought.")] = False,
    output: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write all that is known here.")] = None,
    shop: ShopFolder = None,
    database: Database = None,
    vectors: Vectors = None,
) -> None:
    """List the shop's items."""
    with opened(shop, database, vectors) as found:
        catalogue = found.catalogue()
        items = [
            item
            for item in catalogue
            if (category is None or item.category.value == category.value) and (item.in_stock or not in_stock)
        ]
        if output is not None:
            content = {"currency": catalogue.currency, "items": [_described(item) for item in items]}
            output.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for item in items:
            price = "" if item.price is None else f"{item.price:.2f} {catalogue.currency}".strip()
            stock = "" if item.stock is None else f"{item.stock} left" if item.stock else "sold out"
            typer.echo("\t".join((item.id, item.category.value, price, stock, item.title)))
        typer.echo(f"{len(items)} of {len(catalogue)} items", err=True)


@app.command()
def check(
    products: File = None,
    pictures: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the pictures; the CSV's by default.")
    ] = None,
    shop: ShopFolder = None,
    database: Database = None,
    vectors: Vectors = None,
) -> None:
    """Look the shop over; or, if PRODUCTS is named, only that file, without importing it."""
    if products is not None:
        _check_file(products, pictures)
        return
    from fitting.checking import check as look_over

    with opened(shop, database, vectors) as found:
        wrong = 0
        for sentence in look_over(found):
            typer.echo(sentence)
            wrong += 1
        counts = found.store.event_counts()
        typer.echo(
            f"{len(found.catalogue())} items; {counts['events']} events of {counts['shoppers']} shoppers, "
            f"{counts['simulated']} of them simulated"
        )
    if wrong:
        raise typer.Exit(1)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float], None]]:
    """A progress bar; the function sets it to a share."""
    with typer.progressbar(length=1000, label=label) as bar:
        yield lambda share: bar.update(max(round(1000 * share) - bar.pos, 0))
        bar.update(1000 - bar.pos)


def _check_file(products: Path, pictures: Path | None) -> None:
    """What an import would refuse, but for what only the networks can tell."""
    from fitting.looks import network_name
    from fitting.profiles import Profiles
    from fitting.reading import Report, check_products

    report = Report()
    try:
        with progress_bar("Checking") as progress:
            described = Profiles.fitting(network_name()) is not None
            good = check_products(products, pictures, report, progress, described)
    except (ShopError, WeightsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    _tell_problems(report)
    typer.echo(f"{good} rows are good, {report.refused} are not")
    if report.refused:
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    _tell_problems(report)
    said = [f"{report.new} new", f"{report.changed} changed", f"{report.unchanged} as they were"]
    if report.removed:
        said.append(f"{report.removed} removed")
    typer.echo(f"Items: {', '.join(said)}. Pictures looked at: {report.looked}. Orders: {report.orders} new.")
    if report.reviews:
        typer.echo(f"Reviews: {report.reviews} new.")
    if report.pictureless:
        typer.echo(
            f"{report.pictureless} items are without a picture: they are found and recommended by what you say of "
            "them, but cannot be tried on. Give them pictures and import again.",
            err=True,
        )
    if report.refused:
        typer.echo(f"{report.refused} rows could not be used; the rest is in the shop.", err=True)


def _tell_problems(report: Report) -> None:
    for remark in report.remarks:
        typer.echo(remark, err=True)
    for file, problems in report.problems.items():
        for problem in problems:
            typer.echo(_line(file, problem), err=True)
    more = report.refused + report.pictureless - sum(len(problems) for problems in report.problems.values())
    if more:
        typer.echo(f"... and {more} more", err=True)


def _line(file: str, problem: Problem) -> str:
    name = f" ({problem.name})" if problem.name else ""
    return f"{file}, line {problem.line}{name}: {problem.reason}"


def _described(item: Item) -> dict[str, Any]:
    known = {**vars(item), "category": item.category.value, "picture": str(item.picture), "colours": list(item.colours)}
    return {name: value for name, value in known.items() if value is not None}


def _one_thread_a_picture() -> None:
    """Several pictures are looked at at once; threads within each would only be in each other's way."""
    import torch

    torch.set_num_threads(1)
