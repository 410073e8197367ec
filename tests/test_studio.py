"""The studio, with tiny untrained pipelines of the real classes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dressing
import pytest
import tiny_pipelines
import torch
from fakes import shop
from finishing import pressed
from PIL import Image, ImageChops
from studying import QUICK, changed, check_untouched
from torch import Tensor
from visitor import visiting

from fitting import studio_models
from fitting.images import to_tensor
from fitting.room import TryOn
from fitting.settings import Settings as Shop
from fitting.studio import Outcome, Settings, Step, Studio
from fitting.studio_models import Guide
from fitting.studio_run import Run
from fitting.ui import words
from fitting.ui.finishing import finishing_of


def test_outside_the_region_every_pixel_stays_the_photos_own(tryon: TryOn, studio: Studio) -> None:
    seen: list[Step] = []
    finished = studio.finish(tryon, dressing.garment(), QUICK, seen.append)
    assert finished.outcome is Outcome.DONE and finished.tryon.notes == tryon.notes
    check_untouched(tryon, finished.tryon)
    assert changed(tryon.picture, finished.tryon.picture, tryon.edit_region) > 0.5
    assert [(step.done, step.steps) for step in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(step.preview.size == (288, 384) for step in seen)
    assert finished.tryon.seconds["studio"] > 0 and finished.tryon.seconds["compose"] == 0.1


def test_a_large_photo_is_finished_at_its_own_size(tryon: TryOn, studio: Studio) -> None:
    size = (1101, 1467)
    large = replace(
        tryon,
        picture=tryon.picture.resize(size),
        edit_region=tryon.edit_region.resize(size, Image.Resampling.NEAREST),
        warped=tryon.warped.resize(size),
    )
    finished = studio.finish(large, None, QUICK)
    assert finished.outcome is Outcome.DONE
    check_untouched(large, finished.tryon)


def test_the_same_seed_gives_the_same_finish(tryon: TryOn, studio: Studio) -> None:
    first, again = (studio.finish(tryon, None, QUICK).tryon.picture for _ in range(2))
    other = studio.finish(tryon, None, replace(QUICK, seed=1)).tryon.picture
    assert first == again and changed(first, other, tryon.edit_region) > 0.5


def test_a_low_strength_begins_with_little_noise(tryon: TryOn, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, times = studio.pipeline.unet.forward, []

    def noted(sample: Tensor, time: Tensor, **more: Any) -> Any:
        times.append(float(time))
        return forward(sample, time, **more)

    monkeypatch.setattr(studio.pipeline.unet, "forward", noted)
    for strength in (0.1, 0.5, 1.0):
        studio.finish(tryon, None, replace(QUICK, strength=strength))
    begun = times[::3]
    assert len(begun) == 3 and begun[0] <= 101 < begun[1] <= 501 < begun[2]


@pytest.mark.parametrize("steps", [1, 3, 7, 12])
@pytest.mark.parametrize("strength", [0.05, 0.35, 0.8, 1.0])
def test_as_many_steps_are_taken_as_were_asked_for(steps: int, strength: float) -> None:
    asked, share = Settings(steps=steps, strength=strength).schedule()
    assert share <= strength + 1e-9
    assert int(asked * share) == steps == asked - int(asked - asked * share)


def test_an_untouched_picture_has_nothing_to_finish(tryon: TryOn, studio: Studio) -> None:
    plain = replace(tryon, edit_region=Image.new("L", tryon.picture.size))
    assert studio.finish(plain, None, QUICK).tryon.picture == tryon.picture


def test_models_that_were_not_trained_to_inpaint_serve_too(tryon: TryOn, tiny_folder: Path) -> None:
    other = Studio(tiny_pipelines.inpainting(tiny_folder / "words", channels=4))
    finished = other.finish(tryon, None, QUICK)
    assert finished.outcome is Outcome.DONE
    check_untouched(tryon, finished.tryon)


# Models that look at the garment


def test_flux_fill_finishes(tryon: TryOn, tiny_folder: Path) -> None:
    studio = Studio(tiny_pipelines.flux(tiny_folder / "words", reference=False))
    finished = studio.finish(tryon, None, QUICK)
    assert studio.abilities.guide is Guide.NONE
    assert finished.outcome is Outcome.DONE and finished.steps == 3
    check_untouched(tryon, finished.tryon)


def test_kontext_looks_at_the_garment(tryon: TryOn, tiny_folder: Path) -> None:
    studio = Studio(tiny_pipelines.flux(tiny_folder / "words", reference=True))
    assert studio.abilities.guide is Guide.REFERENCE
    one, other = (studio.finish(tryon, dressing.garment(kind), QUICK) for kind in ("tee", "dress"))
    assert one.outcome is other.outcome is Outcome.DONE
    assert changed(one.tryon.picture, other.tryon.picture, tryon.edit_region) > 0.01  # untrained, it hardly heeds it
    check_untouched(tryon, one.tryon)


def test_an_image_adapter_looks_at_the_garment(
    tryon: TryOn, saved_model: Path, tmp_path: Path, inpainting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_pipelines.image_adapter(tmp_path, inpainting)
    monkeypatch.setattr(studio_models, "ADAPTER_REPOSITORY", str(tmp_path))
    studio = Studio.load(str(saved_model), "cpu", adapter=True)
    assert studio.abilities.guide is Guide.ADAPTER
    one, other = (
        studio.finish(tryon, garment, QUICK).tryon.picture for garment in (None, Image.new("RGB", (64, 64), "green"))
    )
    assert changed(one, other, tryon.edit_region) > 0.1


def test_an_outfit_is_shown_garment_by_garment(tryon: TryOn, studio: Studio) -> None:
    editor = QwenImageEditPlusPipeline(lambda shown: shown)
    shown: list[tuple[Image.Image, str]] = []
    tee, skirt = dressing.garment("tee"), dressing.garment("skirt")
    for worn in (tee, [tee], [skirt, tee]):
        Studio(editor).finish(tryon, worn, QUICK)
        shown.append((editor.given["image"][1], editor.given["prompt"]))
    assert shown[0] == shown[1] and "the garment of" in shown[0][1] and "the garments of" in shown[2][1]
    assert shown[2][0].width / shown[2][0].height == pytest.approx(2 * 300 / 360, rel=0.1)
    run = Run.of(None, studio.abilities, tryon, worn, QUICK, None, bool)
    assert run is not None and run._words().startswith("a photo of a person wearing trousers or a skirt and a top,")


class QwenImageEditPlusPipeline:
    """Stands in for an editor, which has neither mask nor strength: the real one's parts are not small."""

    vae_scale_factor, default_sample_size = 8, 16

    def __init__(self, edit: Callable[[Image.Image], Image.Image]) -> None:
        self.edit, self.given = edit, {}

    def __call__(
        self, image: Any = None, prompt: Any = None, negative_prompt: Any = None, true_cfg_scale: float = 4.0,
        height: Any = None, width: Any = None, num_inference_steps: int = 50, generator: Any = None,
        output_type: str = "pil", callback_on_step_end: Any = None,
    ) -> Any:  # fmt: skip
        self.given = {"image": image, "prompt": prompt, "negative": negative_prompt, "steps": num_inference_steps}
        for step in range(num_inference_steps):
            callback_on_step_end(self, step, 0, {"latents": torch.zeros(1, 7, 64)})
        return type("Output", (), {"images": [self.edit(image[0])]})

    def maybe_free_model_hooks(self) -> None:
        pass


def test_an_editor_is_given_the_garment_as_second_picture(tryon: TryOn) -> None:
    warm = QwenImageEditPlusPipeline(lambda shown: shown.point(lambda value: min(value + 12, 255)))
    seen: list[Step] = []
    finished = Studio(warm).finish(tryon, dressing.garment(), QUICK, seen.append)
    shown, garment = warm.given["image"]
    assert shown.width * shown.height <= 128**2 and garment.width * garment.height <= 128**2
    assert warm.given["negative"] and warm.given["steps"] == 3 and len(seen) == 3
    assert finished.outcome is Outcome.DONE
    check_untouched(tryon, finished.tryon)
    apart = to_tensor(ImageChops.difference(finished.tryon.picture, tryon.picture)).float()
    assert float(apart.mean()) < 1, "it only changed the tone of the whole picture, which is undone"


def test_an_editor_that_moves_the_picture_is_not_believed(tryon: TryOn) -> None:
    moved = QwenImageEditPlusPipeline(lambda shown: ImageChops.offset(shown, shown.width // 3, 0))
    finished = Studio(moved).finish(tryon, None, QUICK)
    assert finished.outcome is Outcome.REFUSED and finished.tryon.picture == tryon.picture
    assert "moved" in finished.tryon.notes[-1]


# Stopping and failing


def test_a_cancelled_finish_stops_within_one_step(
    tryon: TryOn, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    monkeypatch.setattr(studio.pipeline.vae, "decode", lambda *_, **__: decoded.append(1))
    seen: list[Step] = []
    finished = studio.finish(tryon, None, Settings(steps=50), seen.append, lambda: len(seen) >= 2)
    assert finished.outcome is Outcome.STOPPED and finished.steps == 2 and not decoded
    assert finished.tryon.picture == tryon.picture and "stopped" in finished.tryon.notes[-1]
    assert finished.tryon.notes[0] == "Kept."


def test_after_a_stop_the_studio_works_on(tryon: TryOn, studio: Studio) -> None:
    studio.finish(tryon, None, QUICK, cancelled=lambda: True)
    assert studio.finish(tryon, None, QUICK).outcome is Outcome.DONE


def test_who_waits_for_the_card_can_cancel_too(tryon: TryOn, studio: Studio) -> None:
    began, go_on, outcomes = threading.Event(), threading.Event(), []

    def hold(step: Step) -> None:
        began.set()
        go_on.wait(30)

    first = threading.Thread(target=lambda: outcomes.append(studio.finish(tryon, None, QUICK, hold).outcome))
    first.start()
    assert began.wait(30)
    assert studio.finish(tryon, None, QUICK, cancelled=lambda: True).outcome is Outcome.STOPPED
    go_on.set()
    first.join()
    assert outcomes == [Outcome.DONE]


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("MPS backend out of memory")]
)
def test_without_memory_the_picture_stays_and_it_is_said(
    tryon: TryOn, studio: Studio, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: Any, **__: Any) -> Tensor:
        raise error

    monkeypatch.setattr(studio.pipeline.unet, "forward", full)
    finished = studio.finish(tryon, None, QUICK)
    assert finished.outcome is Outcome.OUT_OF_MEMORY and finished.tryon.picture == tryon.picture
    assert "ran out of memory" in finished.tryon.notes[-1]
    monkeypatch.undo()
    assert studio.finish(tryon, None, QUICK).outcome is Outcome.DONE


def test_other_errors_are_not_hidden(tryon: TryOn, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("a bug")

    monkeypatch.setattr(studio.pipeline.unet, "forward", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        studio.finish(tryon, None, QUICK)


def test_numbers_that_overflow_are_no_picture(tryon: TryOn, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = studio.pipeline.vae.decode
    monkeypatch.setattr(studio.pipeline.vae, "decode", lambda *a, **k: (forward(*a, **k)[0] * torch.nan,))
    finished = studio.finish(tryon, None, QUICK)
    assert finished.outcome is Outcome.REFUSED and finished.tryon.picture == tryon.picture


def test_seconds_to_ask_for_follow_the_time_of_a_step(tryon: TryOn, inpainting: Any) -> None:
    studio = Studio(inpainting)
    guess = studio.gpu_seconds()
    assert guess == 60
    finished = studio.finish(tryon, None, QUICK)
    assert finished.seconds_per_step is not None and finished.seconds_per_step > 0
    elsewhere = Studio(inpainting)
    elsewhere.remember(replace(finished, seconds_per_step=2.0))
    assert elsewhere.gpu_seconds(Settings(steps=10)) == 41
    assert elsewhere.gpu_seconds(Settings(steps=100)) > elsewhere.gpu_seconds(Settings(steps=20))
    elsewhere.remember(replace(finished, seconds_per_step=1000.0))
    assert elsewhere.gpu_seconds() == 300


# On the page


def test_a_visitor_s_result_is_finished(saved_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    visitor = visiting(tmp_path, shop(tmp_path)[0])
    page = finishing_of(Shop(studio=str(saved_model), studio_cpu=True, studio_steps=2), visitor.wearing)
    assert page is not None
    visitor.dress("red-top")
    *steps, done = pressed(page, visitor)
    assert "Step 2 of 2" in steps[-1]["status"]
    assert done["status"] == words.note(words.STUDIO_DONE, "good")
    assert not [record for record in caplog.records if record.name.startswith("fitting")]
    with Image.open(done["download"]["value"]) as finished:
        began = Image.open(visitor.photo).convert("RGB")
        region = Image.new("L", began.size)
        region.paste(255, (75, 132, 226, 221))
        assert changed(finished, began, region.point(lambda value: 255 - value)) == 0
        assert changed(finished, began, region) > 0.5
