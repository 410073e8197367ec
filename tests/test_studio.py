"""The studio, with tiny untrained pipelines of the real classes."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dressing
import pytest
import tiny_pipelines
import torch
from PIL import Image, ImageChops
from torch import Tensor
from typer.testing import CliRunner

from fitting import studio_memory, studio_models
from fitting.cli import app
from fitting.errors import StudioError
from fitting.fill import blur
from fitting.images import to_tensor
from fitting.room import FittingRoom, TryOn
from fitting.scene import dress
from fitting.studio import Memory, Outcome, Quantise, Settings, Step, Studio
from fitting.studio_finish import Canvas, compose_back, keep_print, read_latents, resized, same_tone
from fitting.studio_licences import licence_of, right_to_teach
from fitting.studio_memory import GIB, Weighed, plan
from fitting.studio_models import Guide
from fitting.studio_sources import Model
from fitting.teach import ITEMS, MANIFEST, Plan, lessons, teach
from fitting.tryon import brightness, compose
from fitting.underlay import undress
from fitting.warp import lay

QUICK = Settings(steps=3)


@pytest.fixture(scope="module")
def tryon() -> TryOn:
    person, garment = dressing.person(), dressing.garment()
    scene = dress(person, garment.category)
    composed = compose(scene, undress(scene), garment, lay(scene.body, garment))
    return TryOn(*composed.pictures(), garment.category, ("Kept.",), {"compose": 0.1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@pytest.fixture(scope="module")
def inpainting(folder: Path) -> Any:
    return tiny_pipelines.inpainting(folder / "words")


@pytest.fixture(scope="module")
def studio(inpainting: Any) -> Studio:
    return Studio(inpainting, "tiny")


@pytest.fixture(scope="module")
def saved(folder: Path, inpainting: Any) -> Path:
    """The tiny model in a folder, as a copy of one from the Hub."""
    inpainting.save_pretrained(folder / "secret-place" / "tiny")
    return folder / "secret-place" / "tiny"


def changed(one: Image.Image, other: Image.Image, where: Image.Image | None = None) -> float:
    """Share of pixels that differ, of all or of those where a mask is not 0."""
    apart = (to_tensor(one) != to_tensor(other)).any(0)
    inside = torch.ones_like(apart) if where is None else to_tensor(where)[0] > 0
    return float((apart & inside).sum() / inside.sum())


def outside(tryon: TryOn) -> Image.Image:
    return tryon.edit_region.point(lambda value: 0 if value else 255)


def check_untouched(before: TryOn, after: TryOn) -> None:
    assert changed(before.picture, after.picture, outside(before)) == 0
    assert after.picture.size == before.picture.size and after.edit_region == before.edit_region


# A finish


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


def test_models_that_were_not_trained_to_inpaint_serve_too(tryon: TryOn, folder: Path) -> None:
    other = Studio(tiny_pipelines.inpainting(folder / "words", channels=4))
    finished = other.finish(tryon, None, QUICK)
    assert finished.outcome is Outcome.DONE
    check_untouched(tryon, finished.tryon)


# Models that look at the garment


def test_flux_fill_finishes(tryon: TryOn, folder: Path) -> None:
    studio = Studio(tiny_pipelines.flux(folder / "words", reference=False))
    finished = studio.finish(tryon, None, QUICK)
    assert studio.abilities.guide is Guide.NONE
    assert finished.outcome is Outcome.DONE and finished.steps == 3
    check_untouched(tryon, finished.tryon)


def test_kontext_looks_at_the_garment(tryon: TryOn, folder: Path) -> None:
    studio = Studio(tiny_pipelines.flux(folder / "words", reference=True))
    assert studio.abilities.guide is Guide.REFERENCE
    one, other = (studio.finish(tryon, dressing.garment(kind), QUICK) for kind in ("tee", "dress"))
    assert one.outcome is other.outcome is Outcome.DONE
    assert changed(one.tryon.picture, other.tryon.picture, tryon.edit_region) > 0.01  # untrained, it hardly heeds it
    check_untouched(tryon, one.tryon)


def test_an_image_adapter_looks_at_the_garment(
    tryon: TryOn, saved: Path, tmp_path: Path, inpainting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_pipelines.image_adapter(tmp_path, inpainting)
    monkeypatch.setattr(studio_models, "ADAPTER_REPOSITORY", str(tmp_path))
    studio = Studio.load(str(saved), "cpu", adapter=True)
    assert studio.abilities.guide is Guide.ADAPTER
    one, other = (
        studio.finish(tryon, garment, QUICK).tryon.picture for garment in (None, Image.new("RGB", (64, 64), "green"))
    )
    assert changed(one, other, tryon.edit_region) > 0.1


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
        self.given = {"image": image, "negative": negative_prompt, "steps": num_inference_steps}
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


# Loading


def test_a_model_is_loaded_from_its_folder(tryon: TryOn, saved: Path, studio: Studio) -> None:
    loaded = Studio.load(str(saved), "cpu")
    assert loaded.name == "tiny" and loaded.memory is Memory.FULL and loaded.licence is None
    assert loaded.finish(tryon, None, QUICK).tryon.picture == studio.finish(tryon, None, QUICK).tryon.picture


def test_the_denoiser_can_be_stored_in_eight_bits(tryon: TryOn, saved: Path) -> None:
    loaded = Studio.load(str(saved), "cpu", quantise="fp8")
    stored = {value.dtype for value in loaded.pipeline.unet.parameters()}
    assert torch.float8_e4m3fn in stored
    assert loaded.finish(tryon, None, QUICK).outcome is Outcome.DONE


def test_parts_can_wait_in_main_memory(tryon: TryOn, saved: Path, studio: Studio) -> None:
    loaded = Studio.load(str(saved), "cpu", memory="offload")
    assert loaded.memory is Memory.OFFLOAD
    seen: list[Step] = []
    stopped = loaded.finish(tryon, None, QUICK, seen.append, lambda: bool(seen))
    assert stopped.outcome is Outcome.STOPPED and stopped.steps == 1
    assert loaded.finish(tryon, None, QUICK).tryon.picture == studio.finish(tryon, None, QUICK).tryon.picture


def test_int8_without_its_package_is_told(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(StudioError, match="pip install bitsandbytes"):
        Studio.load(str(saved), "cpu", quantise="int8")


def test_without_the_extra_it_says_what_to_install(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(StudioError, match=r"pip install -e '\.\[studio\]'"):
        Studio.load(str(saved), "cpu")


def test_memory_that_cannot_be_asked_for_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def lent(device: object) -> tuple[int, int]:
        raise RuntimeError("no card now")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lent)
    assert studio_memory.free_memory(torch.device("cuda")) is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5, 9))
    assert studio_memory.free_memory(torch.device("cuda")) == 5


def no_model(saved: Path, tmp_path: Path) -> str:
    return "no such model"


def no_folder(saved: Path, tmp_path: Path) -> str:
    return str(tmp_path / "secret-place" / "nowhere")


def no_pipeline(saved: Path, tmp_path: Path) -> str:
    return str(tmp_path)


def broken_index(saved: Path, tmp_path: Path) -> str:
    (tmp_path / "model_index.json").write_text("{")
    return str(tmp_path)


def not_for_pictures(saved: Path, tmp_path: Path) -> str:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "AudioLDM2Pipeline"}))
    return str(tmp_path)


def half_a_model(saved: Path, tmp_path: Path) -> str:
    shutil.copytree(saved, tmp_path / "half")
    (tmp_path / "half" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut short")
    return str(tmp_path / "half")


def pickles(saved: Path, tmp_path: Path) -> str:
    shutil.copytree(saved, tmp_path / "old")
    unet = tmp_path / "old" / "unet" / "diffusion_pytorch_model.safetensors"
    unet.rename(unet.with_suffix(".bin"))
    return str(tmp_path / "old")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (no_model, "no such model"),
        (no_folder, "no such model"),
        (no_pipeline, "no diffusion pipeline"),
        (broken_index, "could not be loaded"),
        (not_for_pictures, "cannot redraw a part"),
        (half_a_model, "could not be loaded"),
        (pickles, "not safetensors"),
    ],
)
def test_a_wrong_model_gives_a_plain_sentence(
    saved: Path, tmp_path: Path, wrong: Callable[[Path, Path], str], said: str
) -> None:
    with pytest.raises(StudioError, match=said) as caught:
        Studio.load(wrong(saved, tmp_path), "cpu")
    assert "secret-place" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def hub_error(name: str) -> Exception:
    import httpx
    from huggingface_hub import errors

    kind = getattr(errors, name)
    if not issubclass(kind, errors.HfHubHTTPError):
        return kind("/secret-place: nothing here")
    request = httpx.Request("GET", "https://hub.invalid/secret-place")
    return kind("/secret-place", response=httpx.Response(404, request=request))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("RepositoryNotFoundError", "no such model"),
        ("GatedRepoError", "must be asked for"),
        ("RemoteEntryNotFoundError", "no diffusion pipeline"),
        ("LocalEntryNotFoundError", "cannot be reached"),
        ("OfflineModeIsEnabled", "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_a_plain_sentence(monkeypatch: pytest.MonkeyPatch, error: str, said: str) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise hub_error(error)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    with pytest.raises(StudioError, match=said) as caught:
        Studio.load("somebody/something", "cpu")
    assert "secret" not in str(caught.value)


def test_a_model_on_the_hub_is_weighed_by_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    files = [
        "model_index.json", "sd.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model-00001-of-00002.safetensors",
        "text_encoder/model-00002-of-00002.safetensors", "safety_checker/model.safetensors",
    ]  # fmt: skip
    monkeypatch.setattr(HfApi, "list_repo_files", lambda *_, **__: files)
    counted = type("Counted", (), {"parameter_count": {"F16": 70, "I64": 30}})
    monkeypatch.setattr(HfApi, "parse_safetensors_file_metadata", lambda *_, **__: counted)
    index = {"_class_name": "StableDiffusionInpaintPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "safety_checker": ["x", "y"]}
    weighed, variant = Model("somebody/something", None, index).weigh()
    assert weighed == Weighed({"unet": 100, "text_encoder": 200}, 512**2) and variant == "fp16"


def test_importing_does_not_import_diffusers() -> None:
    code = (
        "import sys, fitting.cli, fitting.studio, fitting.teach; "
        "print([name for name in ('diffusers', 'transformers', 'accelerate') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Memory

LARGE = Weighed({"transformer": 12 * 10**9, "text_encoder_2": 5 * 10**9, "vae": 10**8})


def test_a_model_that_fits_lies_on_the_card_and_a_larger_one_moves_there_in_parts() -> None:
    assert plan(LARGE, 40 * GIB, Memory.AUTO, Quantise.NONE) is Memory.FULL
    assert plan(LARGE, 28 * GIB, Memory.AUTO, Quantise.NONE) is Memory.OFFLOAD
    assert plan(LARGE, None, Memory.AUTO, Quantise.NONE) is Memory.FULL


@pytest.mark.parametrize(
    ("free", "memory", "advice"),
    [
        (28, Memory.FULL, "--memory offload"),
        (20, Memory.AUTO, "--quantise fp8"),
        (12, Memory.AUTO, "--quantise int4"),
        (6, Memory.AUTO, "--memory sequential"),
        (1, Memory.AUTO, "Choose a smaller model"),
    ],
)
def test_a_model_that_does_not_fit_comes_with_advice(free: int, memory: Memory, advice: str) -> None:
    with pytest.raises(StudioError) as caught:
        plan(LARGE, free * GIB, memory, Quantise.NONE)
    said = str(caught.value)
    assert advice in said and f"{free}.0 GB are free" in said and "smaller model" in said


def test_memory_is_looked_at_before_anything_is_loaded(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_models, "free_memory", lambda device: GIB)
    from diffusers import StableDiffusionInpaintPipeline

    monkeypatch.setattr(StableDiffusionInpaintPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(StudioError, match="needs about 2 GB of graphics memory"):
        Studio.load(str(saved), "cpu")


def test_memory_that_runs_out_while_loading_is_told(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(studio_models, "_put", full)
    with pytest.raises(StudioError, match="ran out of memory while"):
        Studio.load(str(saved), "cpu")


def test_the_tiny_model_is_weighed_from_its_files(saved: Path, inpainting: Any) -> None:
    weighed, variant = Model.find(str(saved)).weigh()
    assert weighed.parts["unet"] == sum(value.numel() for value in inpainting.unet.parameters())
    assert set(weighed.parts) == {"unet", "vae", "text_encoder"} and variant is None


def test_without_a_card_it_is_off(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert not Studio.can_run()
    with pytest.raises(StudioError, match="needs a graphics card"):
        Studio.load(str(saved))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Studio.can_run() and studio_memory.best_device() == "cuda"


# Composing back, and the print


def test_a_change_of_nothing_changes_nothing() -> None:
    picture = torch.randint(0, 256, (3, 90, 70), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    edits = torch.zeros(90, 70, dtype=torch.uint8)
    edits[20:60, 30:50] = 255
    canvas = Canvas.around(edits, 128**2, 8)
    assert canvas is not None and (canvas.size[0] % 8, canvas.size[1] % 8) == (0, 0)
    assert torch.equal(compose_back(picture, edits, canvas, torch.zeros(3, *canvas.size)), picture)
    brighter = compose_back(picture, edits, canvas, torch.full((3, *canvas.size), 0.1))
    assert torch.equal(brighter[:, edits == 0], picture[:, edits == 0])
    wanted = (picture[:, edits > 0].float() + 25.5).clamp(max=255).round()
    assert float((brighter[:, edits > 0].float() - wanted).abs().max()) <= 1


def cloth(printed: bool) -> tuple[Tensor, Tensor, Tensor]:
    """A garment (4, H, W) on a grey page, the page with it, and where it is."""
    rows = torch.arange(256)[:, None].expand(256, 192)
    stripes = ((rows // 6) % 2).float() if printed else torch.zeros(256, 192)
    inside = torch.zeros(256, 192, dtype=torch.bool)
    inside[40:210, 30:160] = True
    dye = torch.stack([0.25 + 0.4 * stripes, torch.full_like(stripes, 0.3), 0.6 - 0.3 * stripes])
    return torch.cat([dye, inside[None].float()]), torch.where(inside, dye, torch.full_like(dye, 0.7)), inside


def test_the_print_is_kept_and_the_light_is_taken() -> None:
    warped, before, inside = cloth(printed=True)
    light = 0.85 + 0.15 * torch.sin(torch.arange(192) / 20.0)
    washed_out = torch.where(inside, torch.stack([blur(band, 8.0) for band in warped[:3]]) * light, before)
    kept = keep_print(washed_out, before, warped)
    true = warped[:3] * light

    def error(picture: Tensor) -> float:
        return float((picture - true)[:, inside].abs().mean())

    assert error(kept) < 0.25 * error(washed_out)
    assert error(kept) < 0.5 * error(before), "the light is the finish's, not the GAN's"
    assert torch.equal(kept[:, ~inside], washed_out[:, ~inside])


def test_plain_cloth_keeps_the_folds_that_were_drawn() -> None:
    warped, before, inside = cloth(printed=False)
    folds = 1 - 0.3 * ((torch.arange(192) // 5) % 4 == 0).float()
    folded = torch.where(inside, before * folds, before)
    kept = keep_print(folded, before, warped)
    assert float((kept - folded)[:, inside].abs().mean()) < 0.02


def test_another_hue_is_not_taken() -> None:
    warped, before, inside = cloth(printed=False)
    green = torch.where(inside, before[[1, 2, 0]], before)
    kept = keep_print(green, before, warped)

    def hue(picture: Tensor) -> Tensor:
        return (picture / brightness(picture))[:, inside].mean(1)

    assert float((hue(kept) - hue(before)).abs().max()) < 0.05 < float((hue(green) - hue(before)).abs().max())


def test_a_change_of_tone_is_undone() -> None:
    before = torch.rand(3, 60, 40, generator=torch.Generator().manual_seed(3)) * 0.6 + 0.2
    mask = torch.zeros(60, 40, dtype=torch.bool)
    mask[20:40, 10:30] = True
    toned, off = same_tone(before * 0.8 + 0.1, before, mask)
    assert off < 0.01 and float((toned - before).abs().max()) < 0.02
    assert same_tone(before.flip(2).roll(9, 1), before, mask)[1] > off


@pytest.mark.parametrize("packed", [False, True])
def test_previews_show_what_latents_hold(packed: bool) -> None:
    _, before, _ = cloth(printed=False)
    small = resized(before, (64, 48))
    generator = torch.Generator().manual_seed(4)
    mixed = torch.einsum("kc,chw->khw", torch.randn(5, 3, generator=generator), small)
    mixed = mixed + 0.02 * torch.randn(mixed.shape, generator=generator)
    latents = mixed[None]
    if packed:
        latents = mixed.view(5, 32, 2, 24, 2).permute(1, 3, 0, 2, 4).reshape(1, 32 * 24, 20)
    read = read_latents(latents, before)
    assert read is not None and read.shape == (3, 64, 48)
    assert float((read - small).abs().mean()) < 0.03
    assert read_latents(torch.zeros(1, 7, 64), before) is None


# Licences and teaching


def test_a_licence_that_forbids_it_is_refused() -> None:
    for model in ("black-forest-labs/FLUX.1-Fill-dev", "stabilityai/stable-diffusion-3.5-large"):
        with pytest.raises(StudioError, match="does not let this model's pictures teach"):
            right_to_teach(model, i_have_the_right=True)
    assert right_to_teach("Qwen/Qwen-Image-Edit-2509")["name"] == "Apache-2.0"


def test_an_unknown_licence_needs_the_users_word(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="--i-have-the-right"):
        right_to_teach(str(tmp_path))
    assert right_to_teach(str(tmp_path), True) == {
        "name": None, "known": False, "note": "The user stated that they have the right.",
    }  # fmt: skip


def test_a_local_copy_is_known_by_what_it_says_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps({"_name_or_path": "Qwen/Qwen-Image"}))
    assert licence_of(str(tmp_path)).name == "Apache-2.0"
    (tmp_path / "transformer" / "config.json").write_text(json.dumps({"_name_or_path": "black-forest-labs/FLUX.1-dev"}))
    with pytest.raises(StudioError, match=r"FLUX\.1 \[dev\]"):
        right_to_teach(str(tmp_path), True)


class DrawnRoom:
    """Dresses a drawn person, whoever is in the photo; a black photo shows nobody."""

    engine = None

    def __init__(self) -> None:
        self.dressed = 0

    def understand_garment(self, picture: Any, category: Any = None) -> Any:
        return dressing.garment()

    def try_on(self, photo: Image.Image, garment: Any) -> TryOn:
        if not any(top for _, top in photo.getextrema()):
            raise StudioError("No person was found.")
        self.dressed += 1
        scene = dress(dressing.person(), garment.category)
        composed = compose(scene, undress(scene), garment, lay(scene.body, garment))
        return TryOn(*composed.pictures(), garment.category, (), {})


@pytest.fixture
def plan_of_five(tmp_path: Path) -> Plan:
    for name, colours in {"people": ("grey", "white", "black"), "garments": ("red", "blue")}.items():
        (tmp_path / name).mkdir()
        for colour in colours:
            Image.new("RGB", (96, 128), colour).save(tmp_path / name / f"{colour}.png")
    return Plan.of(tmp_path / "people", tmp_path / "garments", 5, seed=7, settings=QUICK)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RIGHT: dict[str, object] = {"name": "Apache-2.0", "known": True, "note": ""}


def test_a_set_is_the_same_however_often_it_was_interrupted(
    tmp_path: Path, studio: Studio, plan_of_five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    room: Any = DrawnRoom()
    whole = teach(room, studio, plan_of_five, tmp_path / "whole", RIGHT)
    assert whole["written"] + whole["passed"] == 5 and whole["passed"] in (1, 2) and whole["before"] == 0
    manifest = json.loads((tmp_path / "whole" / MANIFEST).read_text())
    assert manifest["licence"] == RIGHT and manifest["model"] == "tiny" and manifest["seed"] == 7

    first = teach(room, studio, replace(plan_of_five, count=2), tmp_path / "parts", RIGHT)
    rows = (tmp_path / "parts" / ITEMS).read_text()
    (tmp_path / "parts" / ITEMS).write_text(rows.splitlines()[0] + '\n{"number": 1, "per')  # the power went off
    before = room.dressed
    second = teach(room, studio, plan_of_five, tmp_path / "parts", RIGHT)
    assert first["written"] + first["passed"] == 2 and second["before"] == 1
    assert room.dressed - before == second["written"]
    one, other = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    one_rows, other_rows = (text.pop(ITEMS).decode().splitlines() for text in (one, other))
    assert one == other and one_rows == [row for row in other_rows if not row.endswith('"per')]


def test_lessons_can_be_read_and_change_only_what_the_region_says(
    tmp_path: Path, studio: Studio, plan_of_five: Plan
) -> None:
    room: Any = DrawnRoom()
    teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)
    read = list(lessons(tmp_path / "set"))
    assert len(read) >= 3 and [lesson.number for lesson in read] == sorted(lesson.number for lesson in read)
    for lesson in read:
        assert lesson.garment.mode == lesson.warped.mode == "RGBA" and lesson.region.mode == "L"
        nowhere = lesson.region.point(lambda value: 0 if value else 255)
        assert changed(lesson.student, lesson.teacher, nowhere) == 0
        assert changed(lesson.student, lesson.teacher, lesson.region) > 0.5
    with pytest.raises(StudioError, match="holds no set"):
        next(lessons(tmp_path / "people"))


def test_another_set_is_not_mixed_in(tmp_path: Path, studio: Studio, plan_of_five: Plan) -> None:
    room: Any = DrawnRoom()
    small = replace(plan_of_five, count=1)
    teach(room, studio, small, tmp_path / "set", RIGHT)
    Image.new("RGB", (96, 128), "green").save(tmp_path / "people" / "green.png")
    more = replace(small, people=(*small.people, tmp_path / "people" / "green.png"))
    for other, name in ((replace(small, seed=8), "seed"), (more, "people")):
        with pytest.raises(StudioError, match=f"begun with other {name}"):
            teach(room, studio, other, tmp_path / "set", RIGHT)


def test_teaching_stops_when_the_card_is_full_and_goes_on_later(
    tmp_path: Path, studio: Studio, plan_of_five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    room: Any = DrawnRoom()

    def full(*_: Any, **__: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(studio.pipeline.unet, "forward", full)
    with pytest.raises(StudioError, match="ran out of memory"):
        teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)
    monkeypatch.undo()
    assert teach(room, studio, plan_of_five, tmp_path / "set", RIGHT)["written"] >= 3


# The command line


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan_of_five: Plan) -> Path:
    monkeypatch.setattr(FittingRoom, "load", lambda weights=None, device="cpu": CommandRoom())
    return tmp_path


class CommandRoom(DrawnRoom):
    def try_on(self, photo: Any, garment: Any, category: Any = None) -> TryOn:
        opened = photo if isinstance(photo, Image.Image) else Image.open(photo)
        return super().try_on(opened, dressing.garment())


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_try_on_with_a_studio(files: Path, saved: Path, tryon: TryOn) -> None:
    told = ("try-on", files / "people" / "grey.png", files / "garments" / "red.png", "-o", files / "out.png")
    result = run(*told, "--studio", saved, "--studio-device", "cpu", "--steps", 3, "--json", files / "out.json")
    assert result.exit_code == 0, result.output
    with Image.open(files / "out.png") as made:
        assert changed(made, tryon.picture, tryon.edit_region) > 0.5
    assert json.loads((files / "out.json").read_text())["seconds"]["studio"] > 0


def test_a_studio_that_cannot_be_had_is_told_before_the_work(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FittingRoom, "load", lambda *_: pytest.fail("worked"))
    told = ("try-on", files / "people" / "grey.png", files / "garments" / "red.png", "-o", files / "out.png")
    result = run(*told, "--studio", "no such model", "--studio-device", "cpu")
    assert result.exit_code == 1 and "no such model" in result.stderr and "Traceback" not in result.output
    assert not (files / "out.png").exists()


def test_teach_on_the_command_line(files: Path, saved: Path) -> None:
    told = ("teach", "--people", files / "people", "--garments", files / "garments", "-o", files / "set", "-n", 2)
    more = ("--studio-device", "cpu", "--steps", 2, "--seed", 3)
    refused = run(*told, *more, "--model", saved)
    assert refused.exit_code == 1 and "--i-have-the-right" in refused.stderr and not (files / "set").exists()
    forbidden = run(*told, *more, "--model", "black-forest-labs/FLUX.1-Fill-dev", "--i-have-the-right")
    assert forbidden.exit_code == 1 and "does not let" in forbidden.stderr
    result = run(*told, *more, "--model", saved, "--i-have-the-right")
    assert result.exit_code == 0, result.output
    assert json.loads((files / "set" / MANIFEST).read_text())["licence"]["known"] is False
    assert len((files / "set" / ITEMS).read_text().splitlines()) == 2


# The benchmark for people with a card


def test_the_benchmark_measures_with_and_without_the_finish(
    tmp_path: Path, saved: Path, tryon: TryOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "benchmarks"))
    benchmark: Any = importlib.import_module("studio")
    (tmp_path / "one").mkdir()
    for name in ("person", "garment"):
        Image.new("RGB", (96, 128), "grey").save(tmp_path / "one" / f"{name}.png")
    tryon.picture.save(tmp_path / "one" / "target.png")
    (tmp_path / "none").mkdir()
    room = DrawnRoom()
    monkeypatch.setattr(room, "try_on", lambda photo, garment: tryon)
    cases = benchmark.dressed(room, tmp_path)
    assert len(cases) == 1
    cases = [replace(cases[0], target=tryon.picture)]
    row = benchmark.measure(str(saved), cases, QUICK, "cpu")
    assert row["gan_distance"] == 0 < row["studio_distance"] and row["outcomes"]["done"] == 1
    assert row["finish_seconds"] > 0 and row["step_seconds"] > 0 and row["peak_bytes"] is None
    refused = benchmark.measure("no such model", cases, QUICK, "cpu")
    lines = benchmark.table([row, refused]).splitlines()
    assert "1/1" in lines[2] and "no such model" in lines[3]
    assert {line.count("|") for line in lines} == {len(benchmark.COLUMNS) + 1}
