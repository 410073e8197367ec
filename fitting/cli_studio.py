"""The studio on the command line: options of a finish, and the command that renders a set to teach the GAN with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitting.errors import FittingError, ShopError, WeightsError

if TYPE_CHECKING:
    from fitting.garment import Category
    from fitting.room import TryOn
    from fitting.studio import Studio


class Memory(str, Enum):
    """Where a model's weights lie; see `fitting.studio_memory`, which must not be imported for the sake of help."""

    AUTO = "auto"
    FULL = "full"
    OFFLOAD = "offload"
    SEQUENTIAL = "sequential"


class Quantise(str, Enum):
    """How finely a model's weights are kept."""

    NONE = "none"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"


class Worn(str, Enum):
    """Where garments are worn; `auto` leaves it to the network."""

    AUTO = "auto"
    UPPER = "upper"
    LOWER = "lower"
    DRESS = "dress"
    OUTER = "outer"


Model = Annotated[str, typer.Option("--model", help="Diffusion model: its name on the Hugging Face Hub, or a folder.")]
Wanted = Annotated[
    str | None,
    typer.Option("--studio", metavar="MODEL", help="Go over the picture with this diffusion model; needs a GPU."),
]
Device = Annotated[
    str | None, typer.Option("--studio-device", help="Of the diffusion model: cuda, mps, xpu; cpu takes very long.")
]
MemoryOption = Annotated[Memory, typer.Option("--memory", help="Where the diffusion model's weights lie.")]
QuantiseOption = Annotated[Quantise, typer.Option("--quantise", help="How finely they are kept.")]
Adapter = Annotated[
    bool, typer.Option("--ip-adapter", help="Show Stable Diffusion 1.5 or XL the garment through an IP-Adapter.")
]
Steps = Annotated[int, typer.Option("--steps", min=1, max=200, help="Steps of the diffusion model.")]
Strength = Annotated[
    float, typer.Option("--strength", min=0.01, max=1, help="How far it may go from the picture it is given.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same finish.")]
Pictures = Annotated[Path, typer.Option(exists=True, file_okay=False, readable=True)]


@contextmanager
def spoken() -> Iterator[None]:
    """What the user can mend ends in one sentence and exit code 1, not in a traceback."""
    try:
        yield
    except (FittingError, ShopError, WeightsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def opened(model: str, device: str | None, memory: Memory, quantise: Quantise, adapter: bool) -> Studio:
    """A studio with this model; says where its licence restricts what is made with it."""
    from fitting.studio import Studio

    studio = Studio.load(model, device, memory.value, quantise.value, adapter)
    if studio.licence is not None and not studio.licence.commercial:
        typer.echo(f"{studio.licence.name}: {studio.licence.note}", err=True)
    return studio


def finished(studio: Studio, tryon: TryOn, garment: Path, seed: int, strength: float, steps: int) -> TryOn:
    """The try-on after the studio went over it, or as it was, with a note."""
    from fitting.errors import GarmentError
    from fitting.images import decode
    from fitting.studio import Settings

    settings = Settings(seed, strength, steps)
    with typer.progressbar(length=settings.steps, label="Studio", file=typer.get_text_stream("stderr")) as bar:
        result = studio.finish(
            tryon, decode(garment, GarmentError), settings, lambda step: bar.update(step.done - bar.pos)
        )
    return result.tryon


def teach(
    people: Pictures,
    garments: Pictures,
    folder: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="The set's folder.")],
    model: Model,
    count: Annotated[int, typer.Option("-n", min=1, help="How many pairs of person and garment.")] = 1000,
    category: Annotated[Worn, typer.Option(help="Where all these garments are worn.")] = Worn.AUTO,
    i_have_the_right: Annotated[
        bool, typer.Option("--i-have-the-right", help="The model's licence lets you train on its pictures.")
    ] = False,
    seed: Seed = 0,
    strength: Strength = 0.35,
    steps: Steps = 12,
    memory: MemoryOption = Memory.AUTO,
    quantise: QuantiseOption = Quantise.NONE,
    adapter: Adapter = False,
    studio_device: Device = None,
    device: Annotated[str, typer.Option(help="Of the fitting room's own networks.")] = "cpu",
    weights: Annotated[
        Path | None, typer.Option("--weights", exists=True, file_okay=False, help="Other weights than our own.")
    ] = None,
) -> None:
    """Render people in garments with a diffusion model, as a set to train the GAN on.

    A set that was interrupted goes on where it stopped: give the same command again.
    """
    from fitting.room import FittingRoom
    from fitting.studio import Settings
    from fitting.studio_licences import right_to_teach
    from fitting.teach import Plan
    from fitting.teach import teach as render

    with spoken():
        right = right_to_teach(model, i_have_the_right)
        settings = Settings(strength=strength, steps=steps)
        plan = Plan.of(people, garments, count, seed=seed, settings=settings, category=_category(category))
        studio = opened(model, studio_device, memory, quantise, adapter)
        room = FittingRoom.load(weights, device)
        with typer.progressbar(length=len(plan.pairs()), label="Teaching") as bar:
            counts = render(room, studio, plan, folder, right, lambda done, _: bar.update(done - bar.pos))
    typer.echo(json.dumps(counts))


def _category(worn: Worn) -> Category | None:
    from fitting.garment import Category

    return None if worn is Worn.AUTO else Category(worn.value)
