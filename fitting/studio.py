"""The studio: a diffusion model goes over a try-on once more, for people with a graphics card.

It begins with the GAN's picture, draws within the edit region alone, and is shown the garment where it can look at
one. Everything outside the region stays the photo's own, and the garment keeps its print and its dye. diffusers is
imported when a studio is loaded, not before.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from fitting.errors import StudioError
from fitting.room import TryOn
from fitting.studio_licences import Licence, licence_of
from fitting.studio_memory import Memory, Quantise, best_device, free_memory, out_of_memory, plan
from fitting.studio_models import NO_DIFFUSERS, Abilities, abilities, load_pipeline, precision
from fitting.studio_run import Run, Settings, Step, StoppedError, UselessError, Worn
from fitting.studio_sources import Model

__all__ = ["Finished", "Memory", "Outcome", "Quantise", "Settings", "Step", "Studio"]

log = logging.getLogger(__name__)

FIRST_GUESS = 60  # seconds of a graphics card to ask for before a step was ever timed
SPARE = 15  # seconds beside the steps: text, encoding, decoding, moving weights
LONGEST = 300
WAIT = 0.05  # seconds between looks at whether a visitor who waits for the card has cancelled
NOTHING = "There was nothing for the studio to finish in this picture."
STOPPED = "The studio finish was stopped; this is the picture without it."
NO_ROOM = (
    "The graphics card ran out of memory, so this is the picture without the studio finish. "
    "Close other programs, or load the model with less memory (offload, fp8) or a smaller one."
)
MISFIT = "This model does not take what the studio gives it. Choose another one."


class Outcome(str, Enum):
    """What became of a studio finish. Of all but `DONE` the picture is the GAN's."""

    DONE = "done"
    STOPPED = "stopped"
    OUT_OF_MEMORY = "out of memory"
    REFUSED = "refused"  # what the model made cannot be used


@dataclass(frozen=True)
class Finished:
    """A finish, or the GAN's picture and why.

    Attributes:
        tryon: as before, with the finished picture, a note where there is one, and `seconds["studio"]`.
        outcome: what became of it.
        seed: that it was made with.
        steps: that were taken.
        seconds_per_step: None where no step was timed.
    """

    tryon: TryOn
    outcome: Outcome
    seed: int
    steps: int
    seconds_per_step: float | None


class Studio:
    """A loaded model. One studio serves many threads, one after another."""

    def __init__(
        self, pipeline: Any, name: str = "", memory: Memory = Memory.FULL, licence: Licence | None = None
    ) -> None:
        """
        Args:
            pipeline: of diffusers, on its device.
            name: of the model.
            memory: where its weights lie.
            licence: its licence, if known.

        Raises:
            StudioError: it cannot redraw a region.
        """
        self.pipeline, self.name, self.memory, self.licence = pipeline, name, memory, licence
        self.abilities: Abilities = abilities(pipeline)
        self.seconds_per_step: float | None = None
        self._lock = Lock()

    @classmethod
    def load(
        cls,
        model: str,
        device: str | None = None,
        memory: Memory | str = Memory.AUTO,
        quantise: Quantise | str = Quantise.NONE,
        adapter: bool = False,
        revision: str | None = None,
    ) -> Studio:
        """Open a model, if it fits.

        Args:
            model: name on the Hub, or a local folder, of a pipeline that inpaints or edits by a second picture.
            device: None for the graphics card. "cpu" works, and takes very long.
            memory: where the weights lie.
            quantise: how finely they are kept.
            adapter: show the garment to Stable Diffusion 1.5 or XL through an IP-Adapter.
            revision: branch, tag or commit on the Hub.

        Raises:
            StudioError: there is no card, no such model, not enough memory, or the model cannot do it.
        """
        place = torch.device(device or best_device())
        found = Model.find(model, revision)
        pipeline, held = load_pipeline(found, place, Memory(memory), Quantise(quantise), adapter)
        name = Path(model).name if Path(model).is_dir() else model
        return cls(pipeline, name, held, licence_of(model))

    @staticmethod
    def can_run() -> bool:
        """Whether this machine has what a finish needs: a graphics card, and diffusers. Imports nothing heavy."""
        try:
            best_device()
        except StudioError:
            return False
        return _packages()

    @staticmethod
    def hindrance(
        model: str,
        device: str | None = None,
        memory: Memory | str = Memory.AUTO,
        quantise: Quantise | str = Quantise.NONE,
    ) -> str | None:
        """Why `load` would refuse a model, as far as can be told without loading it; None if nothing speaks against it.

        The packages are looked for and the model is weighed against the memory that is free, on the Hub too; nothing
        heavy is imported.
        """
        if not _packages():
            return NO_DIFFUSERS
        try:
            place = torch.device(device or best_device())
            weighed, _ = Model.find(model).weigh()
            plan(weighed, free_memory(place), Memory(memory), Quantise(quantise), float(precision(place).itemsize))
        except StudioError as error:
            return str(error)
        return None

    def gpu_seconds(self, settings: Settings | None = None) -> int:
        """How long to ask for a shared graphics card (`duration` of ZeroGPU), from the time that steps took."""
        if self.seconds_per_step is None:
            return FIRST_GUESS
        steps = (settings or Settings()).steps
        return min(math.ceil(1.3 * steps * self.seconds_per_step + SPARE), LONGEST)

    def remember(self, finished: Finished) -> None:
        """Take over how long steps took, where a finish was made in another process."""
        if finished.seconds_per_step is not None:
            self.seconds_per_step = finished.seconds_per_step

    def finish(
        self,
        tryon: TryOn,
        garment: Worn = None,
        settings: Settings | None = None,
        progress: Callable[[Step], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Finished:
        """Go over a try-on once more.

        Args:
            tryon: of `FittingRoom.try_on`.
            garment: the garment or its picture, for models that look at it; of an outfit its garments, from the skin
                outwards, which are shown side by side. None shows what was laid on.
            settings: how.
            progress: told after every step, with a preview.
            cancelled: asked after every step and while waiting for others; a finish stops when it says True.

        Returns:
            The finish; or, if it was cancelled, memory ran out or the result is of no use, the try-on as it was,
            with a note.

        Raises:
            StudioError: the pipeline does not take what it is given.
        """
        settings, cancelled = settings or Settings(), cancelled or (lambda: False)
        began = time.perf_counter()
        while not self._lock.acquire(timeout=WAIT):
            if cancelled():
                return _as_it_was(tryon, Outcome.STOPPED, STOPPED, settings, began)
        try:
            run = Run.of(self.pipeline, self.abilities, tryon, garment, settings, progress, cancelled)
            if run is None:
                return _as_it_was(tryon, Outcome.DONE, NOTHING, settings, began)
            return self._finished(run, began)
        finally:
            self._lock.release()

    def _finished(self, run: Run, began: float) -> Finished:
        outcome, note = Outcome.DONE, ""
        try:
            picture = run.draw()
        except StoppedError:
            outcome, note = Outcome.STOPPED, STOPPED
        except UselessError as error:
            outcome, note = Outcome.REFUSED, str(error)
        except (ValueError, TypeError) as error:
            log.error("a pipeline refused its input", exc_info=error)
            raise StudioError(MISFIT) from None
        except Exception as error:
            if not out_of_memory(error):
                raise
            outcome, note = Outcome.OUT_OF_MEMORY, NO_ROOM
        self.seconds_per_step = run.seconds_per_step or self.seconds_per_step
        if outcome is not Outcome.DONE:
            self._tidy()  # here, where the error no longer holds the run's tensors
            return _as_it_was(run.tryon, outcome, note, run.settings, began, run)
        seconds = run.tryon.seconds | {"studio": time.perf_counter() - began}
        tryon = replace(run.tryon, picture=picture, seconds=seconds)
        return Finished(tryon, outcome, run.settings.seed, len(run.times), run.seconds_per_step)

    def _tidy(self) -> None:
        """After a run that did not end as it should: parts back off the card, and its memory free again."""
        self.pipeline.maybe_free_model_hooks()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _packages() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("diffusers", "transformers", "accelerate"))


def _as_it_was(
    tryon: TryOn, outcome: Outcome, note: str, settings: Settings, began: float, run: Run | None = None
) -> Finished:
    seconds = tryon.seconds | {"studio": time.perf_counter() - began}
    told = replace(tryon, notes=(*tryon.notes, note), seconds=seconds)
    steps, pace = (len(run.times), run.seconds_per_step) if run else (0, None)
    return Finished(told, outcome, settings.seed, steps, pace)
