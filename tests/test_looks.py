"""Looks of pictures, as they are kept."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from shopping import FakeLooks


def test_the_first_to_try_a_garment_on_sees_what_everybody_after_sees(tmp_path: Path) -> None:
    Image.linear_gradient("L").rotate(30, expand=True).convert("RGB").save(tmp_path / "top.png")
    looks = FakeLooks(tmp_path / "shop")
    look = looks.look((tmp_path / "top.png").read_bytes())
    for kept in looks.cutouts.iterdir():
        kept.unlink()  # as of an item that nobody tried on yet
    first, second = looks.garment(look), looks.garment(look)
    assert torch.equal(first.image, second.image) and torch.equal(first.mask, second.mask)
    assert looks.looked == 2, "and it was looked at but once more"
