"""Licences of diffusion models: what their pictures may be used for.

A small table of models whose terms are known. It is no legal advice: read the licence itself before relying on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fitting.errors import StudioError


@dataclass(frozen=True)
class Licence:
    """Terms of a model.

    Attributes:
        name: of the licence.
        teaches: whether another model may be trained on its pictures.
        commercial: whether the model may be used in a business without asking.
        note: what else to know; empty if nothing.
    """

    name: str
    teaches: bool
    commercial: bool
    note: str = ""


_PASS_ON = "A network trained on its pictures is a derivative: pass the licence's use restrictions on with it."
_ASK = "For use in a business, ask its makers for a licence."

APACHE = Licence("Apache-2.0", True, True)
RAIL = Licence("CreativeML Open RAIL-M", True, True, _PASS_ON)
RAIL_PLUS = Licence("CreativeML Open RAIL++-M", True, True, _PASS_ON)
FLUX_1 = Licence("FLUX.1 [dev] Non-Commercial License", False, False, _ASK)
FLUX = Licence("FLUX Non-Commercial License", False, False, _ASK)
STABILITY = Licence("Stability AI Community License", False, False, "Businesses above a yearly revenue must ask.")

# By Hub id in lower case.
KNOWN = {
    "stable-diffusion-v1-5/stable-diffusion-inpainting": RAIL,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": RAIL,
    "runwayml/stable-diffusion-inpainting": RAIL,
    "stabilityai/stable-diffusion-2-inpainting": RAIL_PLUS,
    "stabilityai/stable-diffusion-xl-base-1.0": RAIL_PLUS,
    "diffusers/stable-diffusion-xl-1.0-inpainting-0.1": RAIL_PLUS,
    "stabilityai/stable-diffusion-3-medium-diffusers": STABILITY,
    "stabilityai/stable-diffusion-3.5-medium": STABILITY,
    "stabilityai/stable-diffusion-3.5-large": STABILITY,
    "black-forest-labs/flux.1-schnell": APACHE,
    "black-forest-labs/flux.1-dev": FLUX_1,
    "black-forest-labs/flux.1-fill-dev": FLUX_1,
    "black-forest-labs/flux.1-kontext-dev": FLUX_1,
    "black-forest-labs/flux.2-dev": FLUX,
    "black-forest-labs/flux.2-klein-4b": APACHE,
    "black-forest-labs/flux.2-klein-9b": FLUX,
    "qwen/qwen-image": APACHE,
    "qwen/qwen-image-edit": APACHE,
    "qwen/qwen-image-edit-2509": APACHE,
}
SUGGESTED = "black-forest-labs/FLUX.2-klein-4B or Qwen/Qwen-Image-Edit-2509 (both Apache-2.0)"


def licence_of(model: str) -> Licence | None:
    """The licence of a model by Hub id, or of a copy in a local folder that says what it came from."""
    folder = Path(model)
    names = _origins(folder) if folder.is_dir() else [model]
    found = [KNOWN[name.lower()] for name in names if name.lower() in KNOWN]
    return min(found, key=lambda licence: licence.teaches, default=None)  # of several, the stricter


def right_to_teach(model: str, i_have_the_right: bool = False) -> dict[str, object]:
    """What the manifest of a set says of the right to train on a model's pictures.

    Args:
        model: Hub id or local folder.
        i_have_the_right: the user's word, for models that the table does not know.

    Raises:
        StudioError: the licence forbids it, or is not known and nobody gave their word.
    """
    licence = licence_of(model)
    if licence is None:
        if not i_have_the_right:
            raise StudioError(
                "The licence of this model is not known here. Read it: if it lets you train another model on its "
                f"pictures, say so with --i-have-the-right. Or choose {SUGGESTED}."
            )
        return {"name": None, "known": False, "note": "The user stated that they have the right."}
    if not licence.teaches:
        raise StudioError(
            f"The {licence.name} does not let this model's pictures teach a model that competes with it. "
            f"Choose another teacher, such as {SUGGESTED}."
        )
    return {"name": licence.name, "known": True, "note": licence.note}


def _origins(folder: Path) -> list[str]:
    """Hub ids that the files of a local copy name as what they were loaded from."""
    names = []
    for path in (folder / "model_index.json", folder / "unet" / "config.json", folder / "transformer" / "config.json"):
        try:
            name = json.loads(path.read_text(encoding="utf-8")).get("_name_or_path")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(name, str):
            names.append(name)
    return names
