"""Looks that a visitor keeps, compares and shares; all of them go when the visit ends."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from PIL import Image

from fitting.ui import words
from fitting.ui.collage import HEIGHT, collage
from fitting.ui.look import KEPT, Kept
from fitting.ui.looks_html import kept_html, wearing_html
from fitting.ui.telling import spoken
from fitting.ui.visits import Visit, VisitOverError, Visits
from fitting.ui.wearing import pressed

COLLAGE = "collage"  # what its picture is made for, see `Visits.save`


@dataclass(frozen=True)
class Keeping:
    """What happens with kept looks; the answers are the HTML of what is worn, of what is kept, or of both."""

    visits: Visits
    name: str  # of the room, written on what is shared
    mark: str = ""  # what is written into the corner of what is shared

    def keep(self, request: gr.Request) -> tuple[str, str]:
        """Keep what is worn, with a picture of it."""
        visit = self._visit(request)
        wardrobe = visit.wardrobe
        with wardrobe.lock:
            if wardrobe.result is None or not wardrobe.look.pieces:
                said = words.NOTHING_TO_KEEP
            elif any(kept.look == wardrobe.look and kept.photo == wardrobe.photo for kept in wardrobe.kept):
                said = words.KEPT_ALREADY
            elif len(wardrobe.kept) >= KEPT:
                said = words.KEPT_FULL
            else:
                try:
                    wardrobe.keep(self._copy(visit, wardrobe.result))
                    said = words.KEPT_ONE
                except (OSError, VisitOverError) as error:  # deleted meanwhile
                    said = spoken(error) if isinstance(error, OSError) else ""
        return wearing_html(wardrobe, said), kept_html(wardrobe)

    def remove(self, event: gr.EventData, request: gr.Request) -> str:
        """Remove a kept look, and its picture."""
        visit = self._visit(request)
        wardrobe = visit.wardrobe
        with wardrobe.lock:
            wardrobe.kept = [kept for kept in wardrobe.kept if kept.id != pressed(event)]
            self.visits.clear_pictures(visit, "kept", [kept.picture for kept in wardrobe.kept])
        self.visits.clear_pictures(visit, COLLAGE)
        return kept_html(wardrobe)

    def share(self, event: gr.EventData, request: gr.Request) -> str:
        """Make one picture of the chosen looks; `event.item` are their ids, with spaces between."""
        visit = self._visit(request)
        wardrobe = visit.wardrobe
        wanted = (pressed(event) or "").split()
        chosen = [kept for kept in list(wardrobe.kept) if kept.id in wanted]
        self.visits.clear_pictures(visit, COLLAGE)
        if not chosen:
            return kept_html(wardrobe, words.CHOOSE_LOOKS)
        try:
            picture = collage([_opened(kept) for kept in chosen], self.name)
            path = self.visits.save(visit, picture, "fitting-room-looks.jpg", COLLAGE, visible=self.mark)
        except VisitOverError:
            return ""
        except Exception as error:
            return kept_html(wardrobe, spoken(error))
        return kept_html(wardrobe, words.COLLAGE_READY, path, picture.size)

    def _copy(self, visit: Visit, result: str) -> str:
        with Image.open(result) as shown:
            small = shown.convert("RGB")
        small.thumbnail((HEIGHT, HEIGHT), Image.Resampling.LANCZOS)
        return self.visits.save(visit, small, "look.jpg", "kept")

    def _visit(self, request: gr.Request) -> Visit:
        return self.visits.of(request.session_hash or "")


def _opened(kept: Kept) -> tuple[Image.Image, tuple[str, ...]]:
    with Image.open(kept.picture) as picture:
        return picture.convert("RGB"), kept.look.titles
