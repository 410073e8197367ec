"""Finding, weighing, licensing and loading diffusion models; nothing is downloaded."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from studying import QUICK

from fitting import studio_memory, studio_models
from fitting.errors import StudioError
from fitting.room import TryOn
from fitting.studio import Memory, Outcome, Quantise, Step, Studio
from fitting.studio_licences import licence_of, right_to_teach
from fitting.studio_memory import GIB, Weighed, plan
from fitting.studio_sources import Model


def test_a_model_is_loaded_from_its_folder(tryon: TryOn, saved_model: Path, studio: Studio) -> None:
    loaded = Studio.load(str(saved_model), "cpu")
    assert loaded.name == "tiny" and loaded.memory is Memory.FULL and loaded.licence is None
    assert loaded.finish(tryon, None, QUICK).tryon.picture == studio.finish(tryon, None, QUICK).tryon.picture


def test_the_denoiser_can_be_stored_in_eight_bits(tryon: TryOn, saved_model: Path) -> None:
    loaded = Studio.load(str(saved_model), "cpu", quantise="fp8")
    stored = {value.dtype for value in loaded.pipeline.unet.parameters()}
    assert torch.float8_e4m3fn in stored
    assert loaded.finish(tryon, None, QUICK).outcome is Outcome.DONE


def test_parts_can_wait_in_main_memory(tryon: TryOn, saved_model: Path, studio: Studio) -> None:
    loaded = Studio.load(str(saved_model), "cpu", memory="offload")
    assert loaded.memory is Memory.OFFLOAD
    seen: list[Step] = []
    stopped = loaded.finish(tryon, None, QUICK, seen.append, lambda: bool(seen))
    assert stopped.outcome is Outcome.STOPPED and stopped.steps == 1
    assert loaded.finish(tryon, None, QUICK).tryon.picture == studio.finish(tryon, None, QUICK).tryon.picture


def test_int8_without_its_package_is_told(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(StudioError, match="pip install bitsandbytes"):
        Studio.load(str(saved_model), "cpu", quantise="int8")


def test_without_the_extra_it_says_what_to_install(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(StudioError, match=r"pip install -e '\.\[studio\]'"):
        Studio.load(str(saved_model), "cpu")


def test_memory_that_cannot_be_asked_for_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def lent(device: object) -> tuple[int, int]:
        raise RuntimeError("no card now")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lent)
    assert studio_memory.free_memory(torch.device("cuda")) is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5, 9))
    assert studio_memory.free_memory(torch.device("cuda")) == 5


def no_model(saved_model: Path, tmp_path: Path) -> str:
    return "no such model"


def no_folder(saved_model: Path, tmp_path: Path) -> str:
    return str(tmp_path / "secret-place" / "nowhere")


def no_pipeline(saved_model: Path, tmp_path: Path) -> str:
    return str(tmp_path)


def broken_index(saved_model: Path, tmp_path: Path) -> str:
    (tmp_path / "model_index.json").write_text("{")
    return str(tmp_path)


def not_for_pictures(saved_model: Path, tmp_path: Path) -> str:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "AudioLDM2Pipeline"}))
    return str(tmp_path)


def half_a_model(saved_model: Path, tmp_path: Path) -> str:
    shutil.copytree(saved_model, tmp_path / "half")
    (tmp_path / "half" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut short")
    return str(tmp_path / "half")


def pickles(saved_model: Path, tmp_path: Path) -> str:
    shutil.copytree(saved_model, tmp_path / "old")
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
    saved_model: Path, tmp_path: Path, wrong: Callable[[Path, Path], str], said: str
) -> None:
    with pytest.raises(StudioError, match=said) as caught:
        Studio.load(wrong(saved_model, tmp_path), "cpu")
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


def test_memory_is_looked_at_before_anything_is_loaded(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_models, "free_memory", lambda device: GIB)
    from diffusers import StableDiffusionInpaintPipeline

    monkeypatch.setattr(StableDiffusionInpaintPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(StudioError, match="needs about 2 GB of graphics memory"):
        Studio.load(str(saved_model), "cpu")


def test_memory_that_runs_out_while_loading_is_told(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(studio_models, "_put", full)
    with pytest.raises(StudioError, match="ran out of memory while"):
        Studio.load(str(saved_model), "cpu")


def test_the_tiny_model_is_weighed_from_its_files(saved_model: Path, inpainting: Any) -> None:
    weighed, variant = Model.find(str(saved_model)).weigh()
    assert weighed.parts["unet"] == sum(value.numel() for value in inpainting.unet.parameters())
    assert set(weighed.parts) == {"unet", "vae", "text_encoder"} and variant is None


def test_without_a_card_it_is_off(saved_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert not Studio.can_run()
    with pytest.raises(StudioError, match="needs a graphics card"):
        Studio.load(str(saved_model))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Studio.can_run() and studio_memory.best_device() == "cuda"


# Licences


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
