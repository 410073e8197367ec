"""One studio finish under way: what the pipeline is called with, and how it is watched and stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from fitting.drawing import beside
from fitting.errors import GarmentError
from fitting.garment import NAMES, Category, Garment
from fitting.images import decode, to_image, to_pixels, to_tensor, to_unit
from fitting.room import TryOn
from fitting.studio_finish import (
    Canvas,
    Previews,
    compose_back,
    garment_picture,
    keep_print,
    mask_of,
    resized,
    same_tone,
)
from fitting.studio_models import Abilities, Guide

WITHHELD = "The model's own filter held its picture back, so this is the picture without it. Try another seed."
MOVED = "The model moved the picture instead of finishing it, so this is the picture without it. Try another seed."
OVERFLOWN = "The model's numbers overflowed, so this is the picture without the studio finish. Try another model."
DRIFT = 0.06  # mean difference outside the region above which an editor has moved the picture
LIGHT = "natural folds and soft light, realistic fabric, sharp photograph"
AVOIDED = "blurry, deformed, extra fingers, text, watermark"
EDIT = (
    "The first picture shows a person who wears the {garment} of the second picture. Make the {garment} look as if "
    "photographed on this person: {light}. Keep pose, face, hands, background, and the colour, cut and print of the "
    "{garment} exactly as they are."
)

Worn = Garment | Image.Image | Sequence[Garment] | None  # what a model is shown: see `Studio.finish`


@dataclass(frozen=True)
class Settings:
    """How a finish is made.

    Attributes:
        seed: the same seed, model and picture give the same finish.
        strength: in (0, 1], how far the model may go from the GAN's picture; pipelines without it draw anew.
        steps: that are really taken, whatever the strength.
        guidance: how closely the words are followed; None leaves it to the pipeline.
        prompt: words for the model; None writes them.
        reference: in [0, 1], how much an image adapter is heeded.
    """

    seed: int = 0
    strength: float = 0.35
    steps: int = 12
    guidance: float | None = None
    prompt: str | None = None
    reference: float = 0.6

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1 or not 0 <= self.reference <= 1 or self.steps < 1:
            raise ValueError("strength lies in (0, 1], reference in [0, 1], and there is at least one step")

    def schedule(self) -> tuple[int, float]:
        """Steps and strength to ask a pipeline for, so that it takes the last `steps`.

        Some pipelines round the product down and some up, so it has to come out even; the strength gives way.
        """
        asked = math.ceil(self.steps / self.strength)
        while asked * (self.steps / asked) != self.steps:
            asked += 1
        return asked, self.steps / asked


@dataclass(frozen=True)
class Step:
    """Where a finish is: `done` of `steps`, and a small picture of it."""

    done: int
    steps: int
    preview: Image.Image


class StoppedError(Exception):
    """Leaves a pipeline's loop: what it would decode after the last step is not wanted."""


class UselessError(Exception):
    """What the model made cannot be used; the text is for the visitor."""


@dataclass
class Run:
    """One finish under way."""

    pipeline: Any
    able: Abilities
    tryon: TryOn
    canvas: Canvas
    reference: Image.Image | None
    worn: tuple[Category, ...]
    settings: Settings
    progress: Callable[[Step], None] | None
    cancelled: Callable[[], bool]
    times: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        pipeline: Any,
        able: Abilities,
        tryon: TryOn,
        garment: Worn,
        settings: Settings,
        progress: Callable[[Step], None] | None,
        cancelled: Callable[[], bool],
    ) -> Run | None:
        """None where nothing may be drawn."""
        canvas = Canvas.around(_grey(tryon.edit_region), able.area, able.multiple)
        if canvas is None:
            return None
        looked = None if able.guide is Guide.NONE else _reference(garment, tryon, able)
        worn = tuple(one.category for one in garment) if isinstance(garment, Sequence) else ()
        return cls(pipeline, able, tryon, canvas, looked, worn or (tryon.category,), settings, progress, cancelled)

    @property
    def seconds_per_step(self) -> float | None:
        """Median from the end of one step to the end of the next; None of fewer than two: the first warms up."""
        spans = [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]
        return median(spans) if spans else None

    def draw(self) -> Image.Image:
        """The finished picture.

        Raises:
            StoppedError: it was cancelled.
            UselessError: what the model made cannot be used.
        """
        picture, edits = to_tensor(self.tryon.picture), _grey(self.tryon.edit_region)
        before, mask = self.canvas.view(picture), mask_of(self.canvas, edits)
        previews = Previews(picture, edits, self.canvas, before)
        if self.cancelled():
            raise StoppedError
        answer = self.pipeline(**self._arguments(before, mask, previews))
        if any(getattr(answer, "nsfw_content_detected", None) or ()):
            raise UselessError(WITHHELD)
        finish = resized(_opened(answer.images[0]), self.canvas.size)
        if not bool(finish.isfinite().all()):
            raise UselessError(OVERFLOWN)
        if not self.able.masked:
            finish, off = same_tone(finish, before, mask)
            if off > DRIFT:
                raise UselessError(MOVED)
        laid = self.tryon.warped.convert("RGBA")
        warped = self.canvas.view(torch.cat([to_tensor(laid.convert("RGB")), _grey(laid.getchannel("A"))[None]]))
        change = keep_print(finish, before, warped) - before
        return to_image(compose_back(picture, edits, self.canvas, change))

    def _arguments(self, before: Tensor, mask: Tensor, previews: Previews) -> dict[str, Any]:
        """What the pipeline is called with: of what it knows, what serves."""
        able, settings = self.able, self.settings
        shown, (high, wide) = to_image(to_pixels(before)), self.canvas.size
        steps, strength = settings.schedule() if able.strength else (settings.steps, 1.0)
        given: dict[str, Any] = {
            "prompt": settings.prompt or self._words(),
            "negative_prompt": AVOIDED,
            "image": shown if able.masked else [shown, self.reference],
            "mask_image": to_image(mask.to(torch.uint8) * 255),
            "image_reference": self.reference,
            "ip_adapter_image": self.reference,
            "height": high,
            "width": wide,
            "max_area": high * wide,
            "_auto_resize": False,
            "strength": strength,
            "num_inference_steps": steps,
            "guidance_scale": settings.guidance,
            "num_images_per_prompt": 1,
            "generator": torch.Generator("cpu").manual_seed(settings.seed),
            "output_type": "pt",
            "callback_on_step_end": _Watch(self, before, previews),
        }
        unwanted = {name for name in given if name not in able.arguments}
        if settings.guidance is None:
            unwanted.add("guidance_scale")
        if "true_cfg_scale" in able.arguments and "Qwen" not in type(self.pipeline).__name__:
            unwanted.add("negative_prompt")  # its distilled guidance needs none, and a second pass costs as much again
        if able.guide is Guide.ADAPTER:
            self.pipeline.set_ip_adapter_scale(settings.reference)
        else:
            unwanted.add("ip_adapter_image")
        return {name: value for name, value in given.items() if name not in unwanted}

    def _words(self) -> str:
        if self.able.guide in (Guide.SECOND, Guide.REFERENCE):
            return EDIT.format(light=LIGHT, garment="garments" if len(self.worn) > 1 else "garment")
        return f"a photo of a person wearing {' and '.join(NAMES[one] for one in self.worn)}, {LIGHT}"


@dataclass
class _Watch:
    """Called by the pipeline after every step: keeps time, tells of it, and stops it."""

    run: Run
    before: Tensor
    previews: Previews

    def __call__(self, pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        self.run.times.append(time.perf_counter())
        if self.run.cancelled():
            raise StoppedError
        if self.run.progress is not None:
            steps = int(getattr(pipeline, "num_timesteps", 0) or self.run.settings.steps)
            preview = self.previews.of(values["latents"])
            self.run.progress(Step(index + 1, max(steps, index + 1), preview))
            if self.run.cancelled():  # whoever was told may have had enough
                raise StoppedError
        return {}


def _reference(garment: Worn, tryon: TryOn, able: Abilities) -> Image.Image:
    """The garment's picture, several garments side by side, or what was laid on, on white; no larger than the model's
    own pictures."""
    garments = [garment] if isinstance(garment, Garment) else garment
    if isinstance(garments, Sequence) and garments:
        picture = beside([garment_picture(one) for one in garments], max(one.image.shape[-2] for one in garments))
    elif isinstance(garments, Image.Image):
        picture = decode(garments, GarmentError)
    else:
        laid = tryon.warped.convert("RGBA")
        page = Image.new("RGBA", laid.size, "white")
        page.alpha_composite(laid)
        picture = page.convert("RGB").crop(laid.getchannel("A").getbbox())
    scale = min((able.area / (picture.width * picture.height)) ** 0.5, 1.0)
    wide, high = (max(int(side * scale) // able.multiple, 1) * able.multiple for side in picture.size)
    return picture.resize((wide, high), Image.Resampling.LANCZOS)


def _opened(made: Any) -> Tensor:
    """(3, H, W) float in [0, 1] on the CPU, of what a pipeline gave out as tensor or picture."""
    if isinstance(made, Image.Image):
        return to_unit(to_tensor(made))
    return torch.as_tensor(made).detach().float().cpu().clamp(0, 1)


def _grey(image: Image.Image) -> Tensor:
    """(H, W) uint8."""
    return to_tensor(image.convert("L"))[0]
