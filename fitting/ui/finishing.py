"""The studio finish on the page: a diffusion model goes over the result once more, where the shop has set one up.

Nothing of it is imported or loaded before somebody asks for it. What is made goes with the result that it was made
from; a finish stops within a step when that result goes, or the visit ends, or the visitor has had enough.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import Any

import gradio as gr

from fitting.errors import FittingError, PhotoError, StudioError
from fitting.garment import Garment
from fitting.outfit import Dresser
from fitting.room import TryOn
from fitting.settings import Settings as ShopSettings
from fitting.studio import Finished, Outcome, Settings, Step, Studio
from fitting.studio_licences import Licence, licence_of
from fitting.studio_memory import best_device
from fitting.ui import compare, words, zero
from fitting.ui.look import outfit_of
from fitting.ui.studio_line import Finish, Line, there
from fitting.ui.studio_panel import Shown, answered, cleared, progress, shown, working
from fitting.ui.telling import decoded, spoken
from fitting.ui.visits import Visit, VisitOverError
from fitting.ui.wearing import Wearing, for_screen

log = logging.getLogger(__name__)

USE = "studio"  # pictures of this part in a visit's folders
WAIT = 0.1  # seconds between looks at whether there is a step to show
LOOK = 0.3  # seconds between looks at the line
Seen = Step | Finished


@dataclass
class Finishing:
    """What happens when a finish is asked for; the answers are values for the page's components.

    Attributes:
        load: gives the studio; asked once, when it is first needed.
        how: settings of a finish; its seed is that of the first one of a result.
        model, licence: as the page names them.
    """

    wearing: Wearing
    load: Callable[[], Studio]
    how: Settings = field(default_factory=Settings)
    model: str = ""
    licence: Licence | None = None
    _studio: Studio | None = None
    _loading: Any = field(default_factory=Lock, repr=False)
    _line: Line = field(default_factory=Line, repr=False)

    def __post_init__(self) -> None:
        self._on_card = zero.on_card(self._drawn, self._seconds)

    def offer(self, request: gr.Request) -> Shown:
        """After whatever may have changed the result: the button is there if one is; what was made of another goes."""
        visit = self._visit(request)
        result, finish = visit.wardrobe.result, visit.finish
        if result is not None and finish is not None and finish.result == Path(result):
            return shown(panel=gr.update(visible=True))
        self._drop(visit)
        return cleared(visible=result is not None)

    def gone(self, request: gr.Request) -> Shown:
        """Another photo, or none: what was made on the one before goes, and nothing can be asked for."""
        self._drop(self._visit(request))
        return cleared(visible=False)

    def cancel(self, request: gr.Request) -> Shown:
        """The visitor has had enough."""
        self.wearing.visits.clear_pictures(self._visit(request), USE)
        return answered(words.STUDIO_STOPPED)

    async def begin(self, request: gr.Request) -> AsyncIterator[Shown]:
        """Queue up, and tell how many are before this visitor, until their turn has come."""
        visit = self._visit(request)
        try:
            finish = self._pressed(visit)
        except VisitOverError:
            return
        if finish is None:
            yield answered(words.STUDIO_NO_RESULT, "error")
            return
        said = -1
        while finish.wanted:
            ahead = self._line.ahead(finish)
            if ahead != said:
                yield working(words.note(words.studio_ahead(ahead) if ahead else words.STUDIO_OPENING))
                said = ahead
            if not ahead:
                return
            await asyncio.sleep(LOOK)

    def run(self, request: gr.Request) -> Iterator[Shown]:
        """Make what was asked for: step by step, then the picture. Of what nobody wants any more, nothing is shown."""
        visit = self._visit(request)
        finish = visit.finish
        if finish is None or finish.begun or not finish.wanted:
            return
        finish.begun = True
        try:
            with closing(self._shown(visit, finish)) as pages:
                for page in pages:
                    if finish.wanted:
                        yield page
        except VisitOverError:
            return
        except Exception as error:
            if finish.wanted:
                yield answered(_why(error), "error")
        finally:
            self._line.leave(finish)
        if not finish.wanted and (last := _overtaken(visit, finish)):
            yield last

    def _shown(self, visit: Visit, finish: Finish) -> Generator[Shown, None, None]:
        studio = self._opened()
        if not finish.wanted:
            return
        tryon, garments = self._dressed(finish)
        settings, began = replace(self.how, seed=finish.seed), 0.0
        finished: Finished | None = None
        with closing(self._on_card(tryon, garments, settings, (finish.token, finish.result))) as seen:
            for one in seen:
                if isinstance(one, Finished):
                    finished = one
                    continue
                began = began or time.perf_counter()
                pace = (time.perf_counter() - began) / (one.done - 1) if one.done > 1 else None
                yield shown(status=progress(one, pace))
        if finished is None or not finish.wanted:
            return
        studio.remember(finished)
        yield self._pictures(visit, finish, finished)

    def _opened(self) -> Studio:
        with self._loading:
            if self._studio is None:
                self._studio = self.load()
            return self._studio

    def _dressed(self, finish: Finish) -> tuple[TryOn, tuple[Garment, ...]]:
        """The result once more, as large as the photo: keeping it in memory for everybody would take too much."""
        wearing = self.wearing
        photo, outfit = decoded(finish.photo, PhotoError), outfit_of(wearing.shop, finish.look)
        with wearing.turns.at_once(), Dresser(wearing.room, wearing.room.understand_person(photo)) as dresser:
            return dresser.wear(outfit), outfit.garments

    def _drawn(
        self, tryon: TryOn, garments: tuple[Garment, ...], settings: Settings, wanted: tuple[Path, ...]
    ) -> Generator[Seen, None, None]:
        """Every step, then what came of it; it stops when one of the files is gone, or nobody looks any more."""
        studio, steps, left = self._opened(), SimpleQueue[Step](), Event()
        with ThreadPoolExecutor(1, "studio") as pool:
            try:
                made = pool.submit(
                    studio.finish, tryon, garments, settings, steps.put, lambda: left.is_set() or not there(wanted)
                )
                while not made.done() or not steps.empty():
                    with suppress(Empty):
                        yield steps.get(timeout=WAIT)
            finally:
                left.set()
        yield made.result()

    def _seconds(
        self, tryon: TryOn, garments: tuple[Garment, ...], settings: Settings, wanted: tuple[Path, ...]
    ) -> int:
        """For how long a card is borrowed."""
        return self._opened().gpu_seconds(settings)

    def _pictures(self, visit: Visit, finish: Finish, finished: Finished) -> Shown:
        """The finish beside the picture that it began with; or why there is none."""
        if finished.outcome is not Outcome.DONE or not finished.steps:
            return answered(*_SAID.get(finished.outcome, _SAID[Outcome.REFUSED])())
        visits, tryon = self.wearing.visits, finished.tryon
        small = for_screen(tryon.picture)
        after = visits.save(visit, small, "studio.jpg", USE)
        full = visits.save(visit, tryon.picture, "fitting-room-studio.png", USE, visible=self.wearing.mark)
        labels = compare.Labels(
            words.STUDIO_WITHOUT, words.STUDIO_WITH, words.STUDIO_WITHOUT_ALT, words.STUDIO_COMPARE_HINT
        )
        cut, said = compare.cut_at(tryon.edit_region), words.wearing(finish.look.titles)
        finish.done = True
        return shown(
            go=gr.update(value=words.STUDIO_AGAIN, interactive=True),
            stop=gr.update(visible=False),
            status=words.note(words.STUDIO_DONE, "good"),
            slider=compare.comparison(str(finish.result), after, small, cut, said, labels),
            download=gr.update(value=full, visible=True),
        )

    def _pressed(self, visit: Visit) -> Finish | None:
        """Another finish of the result on the page, queued up; None where there is no result. What was made before
        goes, and what is being made stops."""
        wardrobe, former = visit.wardrobe, visit.finish
        with wardrobe.lock:
            if wardrobe.result is None or wardrobe.photo is None:
                return None
            again = former is not None and former.done and former.result == Path(wardrobe.result)
            seed = former.seed + 1 if again else self.how.seed
            self.wearing.visits.clear_pictures(visit, USE)
            token = self.wearing.visits.token(visit, USE)
            finish = Finish(Path(wardrobe.result), wardrobe.photo, wardrobe.look, token, seed)
            visit.finish = finish
        self._line.join(finish)
        return finish

    def _drop(self, visit: Visit) -> None:
        self.wearing.visits.clear_pictures(visit, USE)
        visit.finish = None

    def _visit(self, request: gr.Request) -> Visit:
        return self.wearing.visit(request)


def _why(error: Exception) -> str:
    """What the visitor is told; why the studio cannot be had is for whoever runs the shop."""
    if isinstance(error, FittingError) and not isinstance(error, StudioError):
        return spoken(error)
    expected = isinstance(error, StudioError)
    log.log(logging.WARNING if expected else logging.ERROR, "the studio finish failed", exc_info=error)
    return words.STUDIO_FAILED


def _overtaken(visit: Visit, finish: Finish) -> Shown | None:
    """What the page gets last: a step may have reached it after the answer to whatever ended the finish."""
    if visit.finish is None:
        return (gr.skip(), *cleared()[1:])
    return answered(words.STUDIO_STOPPED) if visit.finish is finish else None


_SAID: dict[Outcome, Callable[[], tuple[str, str]]] = {
    Outcome.STOPPED: lambda: (words.STUDIO_STOPPED, "info"),
    Outcome.OUT_OF_MEMORY: lambda: (words.STUDIO_NO_ROOM, "error"),
    Outcome.REFUSED: lambda: (words.STUDIO_REFUSED, "error"),
}


def finishing_of(settings: ShopSettings, wearing: Wearing) -> Finishing | None:
    """What the shop has set up; None where it has not, or where it cannot run: then the log says why."""
    model = settings.studio
    if model is None:
        return None
    place, kept = _device(settings), (settings.studio_memory, settings.studio_quantise)
    why = Studio.hindrance(model, place, *kept)
    if why is not None:
        log.warning("The studio finish is off. %s", why)
        return None
    how = Settings(strength=settings.studio_strength, steps=settings.studio_steps)
    name, licence = Path(model).resolve().name if Path(model).is_dir() else model, licence_of(model)
    if licence is not None and not licence.commercial:
        log.warning("%s: %s", licence.name, licence.note)
    return Finishing(wearing, lambda: Studio.load(model, place, *kept, settings.studio_adapter), how, name, licence)


def _device(settings: ShopSettings) -> str | None:
    """The graphics card; the processor where there is none and the shop lets it; else None, which is refused."""
    try:
        return best_device()
    except StudioError:
        return "cpu" if settings.studio_cpu else None
