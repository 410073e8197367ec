"""Pictures say how they were made, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fitting.provenance import is_marked, marked


def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 90, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.info["exif"] = b"Exif\0\0secret place"
    image.info["comment"] = b"secret place"
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_mark_is_found_and_nothing_of_the_photo_is(kind: str) -> None:
    data = marked(picture(), kind)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == kind and is_marked(opened)
        assert not opened.getexif()
    assert b"secret" not in data


def test_a_png_keeps_every_pixel() -> None:
    image = picture()
    with Image.open(io.BytesIO(marked(image))) as opened:
        assert np.array_equal(np.asarray(opened), np.asarray(image))


def test_the_visible_mark_stays_in_its_corner_and_spares_the_original() -> None:
    image = Image.new("RGB", (300, 400), "white")
    with Image.open(io.BytesIO(marked(image, visible="AI-made picture"))) as opened:
        changed = (np.asarray(opened) != 255).any(2)
    assert changed[-20:, -100:].any() and not changed[:350].any() and not changed[:, :100].any()
    assert np.asarray(image).min() == 255


def test_other_pictures_are_not_taken_for_marked() -> None:
    assert not is_marked(picture())


def test_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="GIF"):
        marked(picture(), "GIF")
