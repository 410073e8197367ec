"""Advice on photos: what is seen in a drawn person whose light and sharpness are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from dressing import person
from PIL import ImageFilter
from scipy import ndimage

from fitting.advice import advice, blur
from fitting.anatomy import Part
from fitting.images import to_image, to_tensor, to_unit
from fitting.person import Person


def changed(by: float = 1.0, radius: float = 0.0) -> Person:
    """Somebody in a textured photo, darkened or blurred."""
    someone = person(size=(768, 1024))
    noise = torch.randint(-40, 40, someone.photo.shape, generator=torch.Generator().manual_seed(1))
    photo = ((someone.photo.int() + noise).clamp(0, 255) * by).to(torch.uint8)
    photo = to_tensor(to_image(photo).filter(ImageFilter.GaussianBlur(radius)))
    return replace(someone, photo=photo, image=someone.frame.cut(to_unit(photo)))


def test_a_good_photo_needs_no_advice() -> None:
    assert advice(changed()) == ()


@pytest.mark.parametrize(("by", "radius", "said"), [(0.25, 0.0, "DARK"), (1.0, 9.0, "BLURRED")])
def test_dark_and_blurred_photos_are_told_from_good_ones(by: float, radius: float, said: str) -> None:
    assert said in advice(changed(by, radius))


def test_dark_skin_and_dark_clothes_are_no_dark_photo() -> None:
    someone = changed()
    body = (someone.parsing != Part.BACKGROUND)[None]
    assert "DARK" not in advice(replace(someone, image=torch.where(body, someone.image * 0.25, someone.image)))


def test_a_face_in_glare_a_small_person_and_a_cut_head() -> None:
    someone = changed()
    face = (someone.parsing == Part.FACE)[None]
    assert "BRIGHT" in advice(replace(someone, image=torch.where(face, torch.ones(()), someone.image)))
    assert "SMALL" in advice(person(size=(192, 256)))
    parsing = someone.parsing.clone()
    parsing[:4, 150:230] = Part.HAIR
    assert advice(replace(someone, parsing=parsing)) == ("HEAD_CUT",)


def test_without_a_person_there_is_advice_on_the_light_alone() -> None:
    someone = changed(0.25)
    nobody = replace(someone, matte=torch.zeros_like(someone.matte), parsing=torch.zeros_like(someone.parsing))
    assert advice(nobody) == ("DARK",)


def test_blur_grows_with_blurring() -> None:
    noise = np.random.default_rng(3).random((200, 200))
    measured = [blur(ndimage.gaussian_filter(noise, radius)) for radius in (0, 1, 3, 6)]
    assert measured == sorted(measured) and 0 <= measured[0] < measured[-1] <= 1
