"""The command line: try a garment on, train a network, measure one. Heavy imports wait for their command."""

from __future__ import annotations

import json
import logging
import os
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from fitting import cli_bulk, cli_catalogue, cli_cluster, cli_generators, cli_recommend, cli_report, cli_studio
from fitting.cli_studio import Worn, spoken
from fitting.cores import settle

app = typer.Typer(
    help="A virtual fitting room.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
app.add_typer(cli_catalogue.app, name="catalogue")
app.add_typer(cli_cluster.app, name="cluster")
app.add_typer(cli_bulk.app, name="bulk")
app.command("recommend")(cli_recommend.recommend)
app.command("report")(cli_report.report)
app.command("teach")(cli_studio.teach)
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class Trainable(str, Enum):
    """Networks that can be trained."""

    PERSON = "person"
    GARMENT = "garment"
    TRYON = "tryon"
    RECOMMENDER = "recommender"
    PROFILES = "profiles"
    REVIEWS = "reviews"
    SHOPPERS = "shoppers"
    PICTURES = "pictures"


TOGETHER = {Trainable.PERSON, Trainable.GARMENT, Trainable.TRYON, Trainable.REVIEWS}  # by several processes


class Objectives(str, Enum):
    """What the players of the generator of pictures may play for: names in `fitting.gan.OBJECTIVES`."""

    NONSATURATING = "nonsaturating"
    HINGE = "hinge"
    WGAN_GP = "wgan-gp"


class Measurable(str, Enum):
    """What can be measured: a network, or the whole try-on."""

    PERSON = "person"
    GARMENT = "garment"
    TRYON = "tryon"
    RECOMMENDER = "recommender"
    PROFILES = "profiles"
    REVIEWS = "reviews"
    SHOPPERS = "shoppers"
    PICTURES = "pictures"


ExistingFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
DataFolder = Annotated[Path, typer.Option("--data", exists=True, file_okay=False, help="The data folder.")]
WeightsFolder = Annotated[
    Path | None, typer.Option("--weights", exists=True, file_okay=False, help="Other weights than our own.")
]


@app.callback()
def main(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done.")] = False,
) -> None:
    """A virtual fitting room."""
    settle()
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s")


def _writable(path: Path | None) -> Path | None:
    """Refuse before the work, not after it, a file that could not be written."""
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {path.parent} does not exist")
    return path


def _picture(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"name a picture: {', '.join(PICTURES)}")
    return _writable(path)


@app.command("try-on")
def try_on(
    photo: ExistingFile,
    garment: ExistingFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.", callback=_picture)],
    category: Annotated[Worn, typer.Option(help="Where the garment is worn.")] = Worn.AUTO,
    report: Annotated[
        Path | None, typer.Option("--json", help="Also write what was found and noted.", callback=_writable)
    ] = None,
    weights: WeightsFolder = None,
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, mps.")] = "cpu",
    studio: cli_studio.Wanted = None,
    seed: cli_studio.Seed = 0,
    strength: cli_studio.Strength = 0.35,
    steps: cli_studio.Steps = 12,
    memory: cli_studio.MemoryOption = cli_studio.Memory.AUTO,
    quantise: cli_studio.QuantiseOption = cli_studio.Quantise.NONE,
    adapter: cli_studio.Adapter = False,
    studio_device: cli_studio.Device = None,
) -> None:
    """Show the person in PHOTO wearing GARMENT."""
    from fitting.provenance import KINDS, marked
    from fitting.room import FittingRoom

    with spoken():
        # First: whoever asked for a studio that cannot be had is told before the work.
        finish = cli_studio.opened(studio, studio_device, memory, quantise, adapter) if studio else None
        room = FittingRoom.load(weights, device)
        result = room.try_on(photo, garment, None if category is Worn.AUTO else category.value)
        if finish is not None:
            result = cli_studio.finished(finish, result, garment, seed, strength, steps)
    output.write_bytes(marked(result.picture, KINDS[output.suffix.lower()]))
    for note in result.notes:
        typer.echo(note)
    if report is not None:
        width, height = result.picture.size
        found = {
            "category": result.category.value,
            "width": width,
            "height": height,
            "notes": list(result.notes),
            "seconds": {stage: round(spent, 3) for stage, spent in result.seconds.items()},
        }
        _write_json(report, found)


@app.command()
def train(
    network: Trainable,
    data: DataFolder,
    folder: Annotated[Path | None, typer.Option(help="Checkpoints, log and previews; runs/NETWORK by default.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop, with a checkpoint, after this long.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    discriminator: Annotated[
        bool, typer.Option(help="tryon only: without one, the generator is trained for comparison.")
    ] = True,
    start: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="tryon only: go on from this folder of weights."),
    ] = None,
    objective: Annotated[Objectives, typer.Option(help="pictures only: what the players play for.")] = Objectives.HINGE,
) -> None:
    """Train NETWORK on the data folder; several processes at once, as docs/scaling.md shows."""
    if network not in TOGETHER and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise typer.BadParameter(f"{network.value} is trained by one process; start it without a launcher")
    logging.getLogger("fitting").setLevel(logging.INFO)
    folder = folder or Path("runs") / network.value
    with spoken():
        if network is Trainable.PERSON:
            from fitting.training.person import train_person

            train_person(data, folder, minutes, resume)
        elif network is Trainable.TRYON:
            from fitting.training.tryon import train_tryon

            train_tryon(data, folder, minutes, resume, discriminator, start)
        elif network is Trainable.RECOMMENDER:
            from fitting.training.recommend_shop import train_recommender

            train_recommender(data, folder, minutes, resume)
        elif network.value in cli_generators.TRAINED:
            cli_generators.train(network.value, data, folder, minutes, resume)
        elif network is Trainable.PICTURES:
            from fitting.training.pictures import train_pictures

            train_pictures(data, folder, minutes, resume, objective.value)
        else:
            from fitting.training.garment import train_garment

            train_garment(data, folder, minutes, resume)


@app.command()
def evaluate(
    what: Measurable,
    data: DataFolder,
    report: Annotated[Path, typer.Option("--json", help="Where the numbers go.", callback=_writable)],
    sheet: Annotated[
        Path | None, typer.Option(help="Also draw a sheet of pictures to look at.", callback=_picture)
    ] = None,
    weights: WeightsFolder = None,
    unpaired_sheet: Annotated[
        Path | None, typer.Option(help="tryon: also draw people in others' garments.", callback=_picture)
    ] = None,
    ablation: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="tryon: a generator trained without discriminator."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="tryon: at most so many cases a data set, for a quick look.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="recommender: these data sets alone, such as ml100k_cfgan or sample_shop.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often a row that hangs on chance is made.")] = 5,
) -> None:
    """Measure WHAT on data that nothing was trained on."""
    if what is not Measurable.TRYON and (unpaired_sheet or ablation or limit):
        raise typer.BadParameter("--unpaired-sheet, --ablation and --limit are for tryon alone")
    with spoken():
        if what is Measurable.TRYON:
            numbers = _measure_tryon(data, weights, sheet, unpaired_sheet, ablation, limit)
        elif what is Measurable.RECOMMENDER:
            from fitting.evaluation import recommender

            logging.getLogger("fitting").setLevel(logging.INFO)
            numbers = recommender.evaluate_into(report, data, only or (), seeds)
        elif what.value in cli_generators.TRAINED:
            numbers = cli_generators.measure(what.value, data, Path("runs") / what.value, seeds)
        elif what is Measurable.PICTURES:
            from fitting.evaluation import pictures

            numbers, drawn = pictures.evaluate(data, Path("runs"), weights)
            if sheet is not None:
                drawn.save(sheet)
        else:
            numbers = _measure(what, data, weights, sheet)
    _write_json(report, numbers)
    typer.echo(json.dumps(numbers, indent=2))


def _measure(what: Measurable, data: Path, weights: Path | None, sheet: Path | None) -> dict[str, Any]:
    """Numbers of a network, and its sheet of pictures where one is wanted."""
    from fitting.garment import GarmentNet
    from fitting.person import PersonNet
    from fitting.weights import load

    if what is Measurable.PERSON:
        from fitting.evaluation import person

        net = load(PersonNet, "person", weights)
        numbers, draw = person.evaluate(data, net), partial(person.sheet, data, net)
    else:
        from fitting.evaluation import garment

        garment_net = load(GarmentNet, "garment", weights)
        numbers = garment.evaluate(data, garment_net, load(PersonNet, "person", weights))
        draw = partial(garment.sheet, data, garment_net)
    if sheet is not None:
        draw().save(sheet)
    return numbers


def _measure_tryon(
    data: Path,
    weights: Path | None,
    sheet: Path | None,
    unpaired_sheet: Path | None,
    ablation: Path | None,
    limit: int | None,
) -> dict[str, Any]:
    """Numbers of the whole try-on, and its sheets of pictures where they are wanted."""
    import torch

    from fitting.evaluation import tryon
    from fitting.evaluation.tryon_sheet import Gallery
    from fitting.room import FittingRoom

    torch.set_num_threads(1)  # two cases are measured at once
    room = FittingRoom.load(weights)
    other = None if ablation is None else tryon.ablated(room, weights, ablation)
    gallery = Gallery()
    numbers = tryon.evaluate(data, room, other, limit, gallery)
    if sheet is not None:
        gallery.sheet().save(sheet)
    if unpaired_sheet is not None:
        from fitting.evaluation import unpaired_sheet as unpaired

        unpaired.sheet(data, room).save(unpaired_sheet)
    return numbers


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
