"""What is shown to a diffusion model, and what is taken of its answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fitting.fill import blur
from fitting.studio_finish import Canvas, compose_back, keep_print, read_latents, resized, same_tone
from fitting.tryon import brightness


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
