"""Diffusion models for the studio: which pipeline opens them, what it can do, and loading it. Needs diffusers."""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from fitting.errors import StudioError
from fitting.studio_memory import (
    DENOISERS,
    Memory,
    Quantise,
    free_memory,
    out_of_memory,
    plan,
)
from fitting.studio_sources import DAMAGED, EXAMPLE, GATED, NO_HUB, Model

log = logging.getLogger(__name__)

NO_DIFFUSERS = "The studio needs packages that are not installed. Install them: pip install -e '.[studio]'"
CANNOT_PAINT = f"This model cannot redraw a part of a picture. Choose one for inpainting or editing, such as {EXAMPLE}."
TOO_LARGE = "The graphics card ran out of memory while the model was loaded. Close other programs, or {}."
LESS = "choose --memory offload, --quantise fp8 or a smaller model"
NO_ADAPTER = "An image adapter is known for Stable Diffusion 1.5 and XL alone. Leave it out for this model."

# Pipelines whose sister redraws a region by a second picture.
WITH_REFERENCE = {
    "FluxKontextPipeline": "FluxKontextInpaintPipeline",
    "Flux2KleinPipeline": "Flux2KleinInpaintPipeline",
}
# Editors that take a list of pictures and redraw the first; they have neither mask nor strength.
EDITORS = ("QwenImageEditPlusPipeline", "Flux2Pipeline", "Flux2KleinKVPipeline")
# IP-Adapters (Ye et al. 2023, arXiv:2308.06721) by what a pipeline's name begins with: folder and file.
ADAPTERS = {
    "StableDiffusionXL": ("sdxl_models", "ip-adapter_sdxl.safetensors"),
    "StableDiffusionInpaint": ("models", "ip-adapter_sd15.safetensors"),
}
ADAPTER_REPOSITORY = "h94/IP-Adapter"


class Guide(str, Enum):
    """How a pipeline is shown the garment."""

    NONE = "none"
    ADAPTER = "adapter"  # an IP-Adapter
    REFERENCE = "reference"  # its argument image_reference
    SECOND = "second"  # the second of a list of pictures


@dataclass(frozen=True)
class Abilities:
    """What a pipeline can do.

    Attributes:
        arguments: names that it takes.
        masked: it draws within a mask; else the whole picture is drawn anew.
        guide: how it is shown the garment.
        area: pixels of the pictures that it was made for.
        multiple: what their sides must be divisible by.
    """

    arguments: frozenset[str]
    masked: bool
    guide: Guide
    area: int
    multiple: int

    @property
    def strength(self) -> bool:
        """It can begin with a picture and change it a little."""
        return "strength" in self.arguments


def arguments_of(pipeline: Any) -> dict[str, inspect.Parameter]:
    """Parameters of a pipeline's (or its class') call."""
    kind = pipeline if inspect.isclass(pipeline) else type(pipeline)
    return dict(inspect.signature(kind.__call__).parameters)


def abilities(pipeline: Any) -> Abilities:
    """What a loaded pipeline can do.

    Raises:
        StudioError: not what the studio needs.
    """
    names = frozenset(arguments_of(pipeline))
    masked = {"image", "mask_image"} <= names
    if not (masked or type(pipeline).__name__ in EDITORS) or "callback_on_step_end" not in names:
        raise StudioError(CANNOT_PAINT)
    if "image_reference" in names:
        guide = Guide.REFERENCE
    elif not masked:
        guide = Guide.SECOND
    else:
        guide = Guide.ADAPTER if _has_adapter(pipeline) else Guide.NONE
    unet, factor = getattr(pipeline, "unet", None), int(getattr(pipeline, "vae_scale_factor", 8))
    cells = getattr(pipeline, "default_sample_size", None) if unet is None else unet.config.sample_size
    side = int(cells if isinstance(cells, int) else 128) * factor
    deep = 2 if unet is None else 2 ** (len(unet.config.down_block_types) - 1)
    return Abilities(names, masked, guide, side * side, factor * deep)


def _has_adapter(pipeline: Any) -> bool:
    unet = getattr(pipeline, "unet", None)
    return unet is not None and getattr(unet, "encoder_hid_proj", None) is not None


def precision(device: torch.device) -> torch.dtype:
    """What weights are kept in."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32 if device.type == "cpu" else torch.float16


def load_pipeline(
    model: Model, device: torch.device, memory: Memory, quantise: Quantise, adapter: bool = False
) -> tuple[Any, Memory]:
    """Open a pipeline on a device, in the way that fits.

    Returns:
        The pipeline, and where its weights lie.

    Raises:
        StudioError: it cannot be opened, does not fit, or is not what the studio needs.
    """
    try:
        import diffusers
        import transformers  # noqa: F401  every model's text encoder needs it
    except ImportError:
        raise StudioError(NO_DIFFUSERS) from None
    kind = _pipeline_class(diffusers, model.index["_class_name"])
    weighed, variant = model.weigh()
    dtype = precision(device)
    place = plan(weighed, free_memory(device), memory, quantise, float(dtype.itemsize))
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "revision": model.revision, "variant": variant}
    if quantise in (Quantise.INT8, Quantise.INT4):
        options["quantization_config"] = _quantisation(diffusers, quantise, dtype, model.parts)
    try:
        pipeline = kind.from_pretrained(model.source, **options)
        pipeline.set_progress_bar_config(disable=True)
        if quantise is Quantise.FP8:
            for name in DENOISERS:
                if (net := getattr(pipeline, name, None)) is not None:
                    net.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
        if adapter:
            _load_adapter(pipeline)
        _put(pipeline, device, place)
    except StudioError:
        raise
    except Exception as error:  # loaders raise nearly anything, and name paths
        if out_of_memory(error):
            raise StudioError(TOO_LARGE.format(LESS)) from None
        log.error("a model could not be loaded", exc_info=error)
        raise StudioError(_why(error)) from None
    return pipeline, place


def _why(error: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    if isinstance(error, GatedRepoError):
        return GATED
    if isinstance(error, HfHubHTTPError | ConnectionError):
        return NO_HUB
    return NO_DIFFUSERS if isinstance(error, ImportError) else DAMAGED


def _pipeline_class(diffusers: Any, name: str) -> Any:
    """The class that opens a model for redrawing a region."""
    if name in WITH_REFERENCE:
        return getattr(diffusers, WITH_REFERENCE[name])
    own = getattr(diffusers, name, None)
    if own is None:
        raise StudioError(CANNOT_PAINT)
    if name in EDITORS or {"image", "mask_image", "callback_on_step_end"} <= set(arguments_of(own)):
        return own
    from diffusers.pipelines.auto_pipeline import AUTO_INPAINT_PIPELINES_MAPPING, SUPPORTED_TASKS_MAPPINGS

    families = [key for mapping in SUPPORTED_TASKS_MAPPINGS for key, kind in mapping.items() if kind is own]
    for family in families:
        if family in AUTO_INPAINT_PIPELINES_MAPPING:
            return AUTO_INPAINT_PIPELINES_MAPPING[family]
    raise StudioError(CANNOT_PAINT)


def _quantisation(diffusers: Any, quantise: Quantise, dtype: torch.dtype, parts: list[str]) -> Any:
    names = [name for name in parts if name in DENOISERS or name.startswith("text_encoder")]
    options: dict[str, Any] = {"load_in_8bit": True}
    if quantise is Quantise.INT4:
        options = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    backend = "bitsandbytes_8bit" if quantise is Quantise.INT8 else "bitsandbytes_4bit"
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise StudioError("int8 and int4 need a further package: pip install bitsandbytes. Or choose fp8.") from None
    return diffusers.PipelineQuantizationConfig(
        quant_backend=backend, quant_kwargs=options, components_to_quantize=names
    )


def _load_adapter(pipeline: Any) -> None:
    for begins, (folder, weights) in ADAPTERS.items():
        if type(pipeline).__name__.startswith(begins):
            pipeline.load_ip_adapter(ADAPTER_REPOSITORY, subfolder=folder, weight_name=weights)
            return
    raise StudioError(NO_ADAPTER)


def _put(pipeline: Any, device: torch.device, place: Memory) -> None:
    if place is Memory.OFFLOAD:
        pipeline.enable_model_cpu_offload(device=device)
    elif place is Memory.SEQUENTIAL:
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
