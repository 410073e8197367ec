"""Finding a diffusion model, on this machine or on the Hub, and weighing it before anything of it is loaded."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitting.errors import StudioError
from fitting.studio_memory import DENOISERS, Weighed, of_variant, parameters_in

log = logging.getLogger(__name__)

INDEX = "model_index.json"
EXAMPLE = "stable-diffusion-v1-5/stable-diffusion-inpainting"
NO_MODEL = f"There is no such model. Give its name on the Hugging Face Hub, such as {EXAMPLE}, or its folder."
GATED = "This model must be asked for: accept its licence on its page of the Hub, then log in with `hf auth login`."
NO_HUB = "The Hugging Face Hub cannot be reached, and this model is not on this machine yet. Try again later."
NOT_A_PIPELINE = f"This is no diffusion pipeline: it has no {INDEX}. Choose a model in diffusers' format."
DAMAGED = "This model could not be loaded: its files are incomplete, damaged, or of another version. Fetch it again."
UNSAFE = "This model's weights are not safetensors, and other files can hold programs. Choose another copy of it."


@dataclass(frozen=True)
class Model:
    """A model that was found: where it is, and what its index says."""

    source: str
    revision: str | None
    index: dict[str, Any]

    @classmethod
    def find(cls, source: str, revision: str | None = None) -> Model:
        """Look a model up: a local folder, or a name on the Hub.

        Raises:
            StudioError: it is not there, or not to be had, or no pipeline.
        """
        folder = Path(source)
        if folder.is_dir():
            path = folder / INDEX
            if not path.is_file():
                raise StudioError(NOT_A_PIPELINE)
        elif re.fullmatch(r"[\w.-]+/[\w.-]+", source):
            path = Path(_fetched_index(source, revision))
        else:
            raise StudioError(NO_MODEL)
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise StudioError(DAMAGED) from None
        if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
            raise StudioError(NOT_A_PIPELINE)
        return cls(source, revision, index)

    @property
    def parts(self) -> list[str]:
        """Names of the folders that hold weights, if they hold any."""
        unused = ("safety_checker", "feature_extractor", "scheduler")
        return [name for name, kind in self.index.items() if isinstance(kind, list) and name not in unused]

    @property
    def area(self) -> int:
        """Pixels of the pictures that it was made for, as far as its kind tells."""
        small = re.match(r"StableDiffusion(?!XL|3)", self.index["_class_name"])
        return 512**2 if small else 1024**2

    def weigh(self) -> tuple[Weighed, str | None]:
        """How large it is, and the variant of its files that there is to load; nothing of it is loaded.

        Raises:
            StudioError: it has weights, but none that are safe to load.
        """
        folder = Path(self.source)
        if folder.is_dir():
            files = [path.relative_to(folder).as_posix() for path in folder.glob("*/*")]
            variant = _variant(files, self.parts)
            return Weighed(parameters_in(folder, self.parts, variant), self.area), variant
        return _weigh_on_hub(self)


def _fetched_index(source: str, revision: str | None) -> str:
    from huggingface_hub import errors, hf_hub_download

    try:
        return hf_hub_download(source, INDEX, revision=revision)
    except errors.GatedRepoError:
        raise StudioError(GATED) from None
    except errors.RepositoryNotFoundError:
        raise StudioError(NO_MODEL) from None
    except errors.LocalEntryNotFoundError:
        raise StudioError(NO_HUB) from None
    except errors.EntryNotFoundError:
        raise StudioError(NOT_A_PIPELINE) from None
    except (OSError, ValueError) as error:
        log.warning("the Hub could not be asked for a model: %s", type(error).__name__)
        raise StudioError(NO_HUB) from None


def _variant(files: list[str], parts: list[str]) -> str | None:
    """The variant to load: half precision where the denoiser has it. Raises StudioError if nothing is safe."""
    weights = [name for name in files if name.split("/")[0] in parts and name.endswith((".bin", ".safetensors"))]
    safe = [name for name in weights if name.endswith(".safetensors")]
    if weights and not any(name.split("/")[0] in DENOISERS for name in safe):
        raise StudioError(UNSAFE)
    return "fp16" if any(".fp16." in name and name.split("/")[0] in DENOISERS for name in safe) else None


def _weigh_on_hub(model: Model) -> tuple[Weighed, str | None]:
    """From the headers of the files on the Hub; unknown where they cannot be read."""
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        files = api.list_repo_files(model.source, revision=model.revision)
    except (OSError, ValueError):  # offline, with the model on this machine
        return Weighed({}, model.area), None
    variant, parts = _variant(files, model.parts), {}
    for part in model.parts:
        inside = [name.split("/")[1] for name in files if re.fullmatch(rf"{re.escape(part)}/[^/]+\.safetensors", name)]
        try:
            counts = [
                api.parse_safetensors_file_metadata(model.source, f"{part}/{name}", revision=model.revision)
                for name in of_variant(inside, variant)
            ]
        except Exception as error:  # a header that cannot be read is no reason to refuse the model
            log.warning("a model's size could not be found out: %s", type(error).__name__)
            return Weighed({}, model.area), variant
        if counts:
            parts[part] = sum(sum(count.parameter_count.values()) for count in counts)
    return Weighed(parts, model.area), variant
