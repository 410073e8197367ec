"""Whether a diffusion model fits a graphics card, worked out before anything of it is loaded."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch

from fitting.errors import StudioError

GIB = 2**30
# What a model needs beside its weights: a guess that leaves room, since it differs from model to model.
WORK = 1.0 * GIB
WORK_PER_MEGAPIXEL = 2.5 * GIB
SMALLER = "stable-diffusion-v1-5/stable-diffusion-inpainting"  # about 1 billion parameters, at 512 x 512 pixels
NO_CARD = (
    "The studio finish needs a graphics card, and none was found. Leave it out, or ask for the device cpu, "
    "which takes very long."
)


class Memory(str, Enum):
    """Where a model's weights lie while it works."""

    AUTO = "auto"  # on the card if they fit, else as OFFLOAD
    FULL = "full"  # all on the card
    OFFLOAD = "offload"  # each part goes to the card while it works, and back
    SEQUENTIAL = "sequential"  # each layer does: least memory, many times slower


class Quantise(str, Enum):
    """How finely weights are kept, through diffusers' own options."""

    NONE = "none"
    FP8 = "fp8"  # the denoiser is stored in 8 bits and computes in 16; needs no further package
    INT8 = "int8"  # denoiser and text encoders, by bitsandbytes
    INT4 = "int4"


BYTES = {Quantise.NONE: 2.0, Quantise.FP8: 1.0, Quantise.INT8: 1.0, Quantise.INT4: 0.55}
DENOISERS = ("unet", "transformer")


@dataclass(frozen=True)
class Weighed:
    """Parameters by part of a pipeline, and pixels of the picture that it draws."""

    parts: dict[str, int]
    area: int = 1024**2

    def needs(self, memory: Memory, quantise: Quantise, width: float = 2.0) -> int:
        """Bytes on the card.

        Args:
            width: bytes a parameter that is not quantised.
        """
        sizes = [self._bytes(name, count, quantise, width) for name, count in self.parts.items()]
        held = {Memory.FULL: sum(sizes), Memory.OFFLOAD: max(sizes, default=0.0), Memory.SEQUENTIAL: 0.0}
        return math.ceil(held[memory] + WORK + WORK_PER_MEGAPIXEL * self.area / 1e6)

    @staticmethod
    def _bytes(name: str, count: int, quantise: Quantise, width: float) -> float:
        smaller = name in DENOISERS or (quantise is not Quantise.FP8 and name.startswith("text_encoder"))
        return count * (BYTES[quantise] if smaller and quantise is not Quantise.NONE else width)


def best_device() -> str:
    """The graphics card of this machine.

    Raises:
        StudioError: there is none.
    """
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return "xpu"
    raise StudioError(NO_CARD)


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a card; None where that cannot be told or, as on the CPU, does not matter."""
    try:
        if device.type == "cuda":
            return int(torch.cuda.mem_get_info(device)[0])
        if device.type == "xpu":
            return int(torch.xpu.mem_get_info(device)[0])
        if device.type == "mps":
            return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    except RuntimeError:  # a card that is only lent for a moment, and not now
        pass
    return None


def plan(weighed: Weighed, free: int | None, memory: Memory, quantise: Quantise, width: float = 2.0) -> Memory:
    """Where the weights shall lie.

    Raises:
        StudioError: the model does not fit as asked; says what would.
    """
    if memory is Memory.OFFLOAD and quantise is Quantise.INT8:
        raise StudioError("Weights in int8 have to stay on the graphics card: choose the memory full, or fp8.")
    if free is None or not weighed.parts:
        return Memory.FULL if memory is Memory.AUTO else memory
    wanted: tuple[Memory, ...] = (Memory.FULL, Memory.OFFLOAD) if memory is Memory.AUTO else (memory,)
    if quantise is Quantise.INT8:
        wanted = tuple(place for place in wanted if place is Memory.FULL)
    for place in wanted:
        if weighed.needs(place, quantise, width) <= free:
            return place
    raise StudioError(_advice(weighed, free, wanted[-1], quantise, width))


def _advice(weighed: Weighed, free: int, memory: Memory, quantise: Quantise, width: float) -> str:
    need = weighed.needs(memory, quantise, width)
    options = []
    for kind, place, words in (
        (quantise, Memory.OFFLOAD, "keep its parts in main memory (--memory offload)"),
        (Quantise.FP8, Memory.OFFLOAD, "store it in 8 bits as well (--memory offload --quantise fp8)"),
        (Quantise.INT4, Memory.OFFLOAD, "store it in 4 bits (--memory offload --quantise int4, needs bitsandbytes)"),
        (Quantise.NONE, Memory.SEQUENTIAL, "move it layer by layer, which is slow (--memory sequential)"),
    ):
        fits = weighed.needs(place, kind, width) <= free
        if fits and (place, kind) != (memory, quantise) and (place, kind) != (Memory.OFFLOAD, Quantise.INT8):
            options.append(words)
    advice = f"You can {', or '.join(options)}; or choose" if options else "Choose"
    return (
        f"This model needs about {need / GIB:.0f} GB of graphics memory, and {free / GIB:.1f} GB are free. "
        f"{advice} a smaller model, such as {SMALLER}."
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether this is a card's memory running out; on Apple's it is an error like any other but for its text."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "out of memory" in str(error).lower()


def parameters_in(folder: Path, parts: Iterable[str], variant: str | None = None) -> dict[str, int]:
    """Parameters of the safetensors below a local pipeline, by part."""
    found = {}
    for part in parts:
        files = of_variant([path.name for path in (folder / part).glob("*.safetensors")], variant)
        if files:
            found[part] = sum(_parameters(folder / part / name) for name in files)
    return found


def of_variant(names: list[str], variant: str | None) -> list[str]:
    """Of a part's files, those that are loaded: of the variant if there are any, else those of none."""
    wanted = [name for name in names if variant and f".{variant}." in name.replace("-", ".")]
    return wanted or [name for name in names if not any(f".{kind}." in name for kind in ("fp16", "bf16", "ema"))]


def _parameters(path: Path) -> int:
    """From the file's header alone: eight bytes for its length, then JSON."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length < min(os.fstat(file.fileno()).st_size, 100 * 2**20):
                return 0
            header = json.loads(file.read(length))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0  # damaged: loading it will say so
