"""The command that turns a training run into a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder that `fitting train` wrote.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Where to; RUN/report.html by default.")
    ] = None,
) -> None:
    """Show losses, the players' balance, collapse monitors and samples of RUN on one page."""
    from fitting.report import RunError
    from fitting.report import report as page_of

    output = output or run / "report.html"
    if not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {output.parent} does not exist")
    try:
        page = page_of(run)
    except RunError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    output.write_text(page, encoding="utf-8")
    typer.echo(str(output))
