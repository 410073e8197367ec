"""Weights on disk: saved in half precision as safetensors, and verified before they are used.

A folder of weights holds `model.safetensors`, `config.json` (the network's frozen config) and a model card.
`weights/manifest.json` lists each file's SHA-256, so that a truncated or swapped file is found before it
can do harm.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from fitting.errors import WeightsError

Net = TypeVar("Net", bound=nn.Module)

FOLDER = Path(__file__).resolve().parent.parent / "weights"
REMEDY = "Fetch the repository's weights/ folder again (git checkout -- weights), or train them anew."


def save(net: nn.Module, folder: Path) -> None:
    """Write a network's weights (half precision) and its config."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in net.state_dict().items()
    }
    new = folder / "model.safetensors.new"
    try:  # whole or not at all
        save_file(state, new)
        new.replace(folder / "model.safetensors")
    finally:
        new.unlink(missing_ok=True)
    config: Any = net.config
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def load(net_class: type[Net], name: str, folder: Path | None = None) -> Net:
    """Load a shipped network by name, in evaluation mode, on the CPU in float32.

    Raises:
        WeightsError: a file is missing, is not the one in the manifest, or does not fit the network.
    """
    folder = folder or FOLDER
    place = folder / name
    manifest = _manifest(folder)
    for file in ("config.json", "model.safetensors"):
        verify(place / file, manifest.get(f"{name}/{file}"))
    config_class = net_class.Config  # type: ignore[attr-defined]
    try:
        config = config_class(**json.loads((place / "config.json").read_text()))
        with torch.device("meta"), _Undrawn():  # takes no memory, whatever a damaged config asks for
            net = net_class(config)
        state = load_file(place / "model.safetensors")
        net.load_state_dict({key: _single(value) for key, value in state.items()}, strict=True, assign=True)
    except Exception as error:  # what a network makes of a damaged config can be anything
        raise WeightsError(f"{place} does not fit this version: {error}. {REMEDY}") from error
    return net.eval()


class _Undrawn(TorchFunctionMode):
    """Draws no first weights, which others replace at once: on "meta" that would bring PyTorch's compiler, 130 MB."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return (*args, *(kwargs or {}).values())[0]
        return func(*args, **(kwargs or {}))


def verify(path: Path, expected: str | None) -> None:
    """Compare a file's SHA-256 with the manifest's.

    Raises:
        WeightsError: names the file, the reason and the remedy.
    """
    if not path.exists():
        raise WeightsError(f"{path} is missing. {REMEDY}")
    if expected is None:
        raise WeightsError(f"{path} is not listed in manifest.json. {REMEDY}")
    if sha256(path) != expected:
        raise WeightsError(f"{path} is damaged or was swapped: its SHA-256 is not the manifest's. {REMEDY}")


def record(name: str, folder: Path | None = None) -> None:
    """Enter the files of a folder of weights into the manifest."""
    folder = folder or FOLDER
    manifest = _manifest(folder) if (folder / "manifest.json").exists() else {}
    for file in ("config.json", "model.safetensors"):
        manifest[f"{name}/{file}"] = sha256(folder / name / file)
    (folder / "manifest.json").write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest()
            if hasattr(hashlib, "file_digest")
            else (hashlib.sha256(file.read()).hexdigest())
        )


def _manifest(folder: Path) -> dict[str, str]:
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing. {REMEDY}") from None
    except (ValueError, RecursionError):
        raise WeightsError(f"{path} is not valid JSON. {REMEDY}") from None
    if not isinstance(content, dict):
        raise WeightsError(f"{path} is not a list of files. {REMEDY}")
    return content


def _single(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.is_floating_point() else value
