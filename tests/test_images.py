"""Strangers' pictures: every bad one is refused with a sentence, every good one comes out the same way."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from fitting import images
from fitting.errors import FittingError, GarmentError, PhotoError

SENTENCE = re.compile(r"^[A-Z][^\n]{20,240}\.$")


def picture(width: int = 120, height: int = 160) -> Image.Image:
    """A red left half and a blue right half with a green corner: every rotation and flip looks different."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    image.paste((30, 200, 30), (0, 0, width // 4, height // 4))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refusal(source: images.Source, error: type[FittingError] = PhotoError) -> str:
    with pytest.raises(error) as caught:
        images.decode(source, error)
    text = str(caught.value)
    assert SENTENCE.match(text), text
    assert "/" not in text and "Traceback" not in text and "PIL" not in text and "0x" not in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text


def png_header_only(width: int, height: int) -> bytes:
    """A PNG that promises width x height pixels of black in a few bytes: a decompression bomb."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(4096))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 12), ("PNG", 0), ("WEBP", 12)])
def test_allowed_formats_come_out_as_they_went_in(kind: str, tolerance: int) -> None:
    decoded = images.decode(encoded(picture(), kind, quality=95), PhotoError)
    assert decoded.mode == "RGB" and decoded.size == (120, 160)
    for point in ((5, 5), (30, 120), (100, 80)):
        assert np.abs(np.subtract(decoded.getpixel(point), picture().getpixel(point))).max() <= tolerance


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pixels_become_a_picture_channel_by_channel(channels: int, mode: str) -> None:
    pixels = torch.arange(channels * 6, dtype=torch.uint8).view(channels, 2, 3) * 7
    made = images.to_image(pixels)
    assert made.mode == mode and made.size == (3, 2)
    assert np.array_equal(np.array(made).reshape(2, 3, channels), pixels.permute(1, 2, 0).numpy())


def test_shares_become_the_nearest_bytes_whatever_their_order_in_memory() -> None:
    shares = torch.rand(3, 40, 30, generator=torch.Generator().manual_seed(2)) * 1.4 - 0.2
    wanted = (shares.clamp(0, 1) * 255).round().to(torch.uint8)
    for given in (shares, shares.permute(2, 0, 1), shares[:, ::3, 1:], shares.double()[0], shares[0, 0]):
        again = (given.float().clamp(0, 1) * 255).round().to(torch.uint8)
        assert torch.equal(images.to_pixels(given), again)
    assert torch.equal(images.to_pixels(shares), wanted) and wanted.min() == 0 and wanted.max() == 255


def test_path_text_bytes_and_opened_picture_are_the_same_source(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(picture(), "PNG"))
    expected = picture().tobytes()
    with Image.open(path) as opened:
        for source in (path, str(path), path.read_bytes(), opened):
            assert images.decode(source).tobytes() == expected


def test_a_missing_path_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        images.decode(tmp_path / "nothing.jpg")


def test_an_opened_picture_is_not_altered() -> None:
    source = picture().convert("RGBA")
    before = source.tobytes()
    images.decode(source).paste("black", (0, 0, 50, 50))
    assert source.mode == "RGBA" and source.tobytes() == before


def test_empty_file() -> None:
    assert "empty" in refusal(b"")


def test_truncated_jpeg() -> None:
    content = encoded(picture(600, 800), "JPEG")
    assert "damaged" in refusal(content[: len(content) // 2])


def test_damaged_png() -> None:
    content = encoded(picture(600, 800), "PNG")
    assert "damaged" in refusal(content[: len(content) // 2])


def test_one_pixel() -> None:
    assert "too small" in refusal(encoded(Image.new("RGB", (1, 1)), "PNG"))


def test_thin_strip() -> None:
    assert "strip" in refusal(encoded(Image.new("RGB", (2000, 100)), "PNG"))


@pytest.mark.parametrize("size", [(30000, 30000), (12000, 12000), (10000, 9500), (6000, 5000)])
def test_too_many_pixels_are_refused_before_decoding(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("was decoded"))
    assert "megapixels" in refusal(png_header_only(*size))


def test_an_opened_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("was decoded"))
    with Image.open(io.BytesIO(png_header_only(6000, 5000))) as opened:
        assert "megapixels" in refusal(opened)


def test_too_many_bytes() -> None:
    assert "25 MB" in refusal(b"\xff\xd8\xff" + bytes(images.MAX_BYTES))


def test_too_many_bytes_on_disk_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("was read"))
    assert "25 MB" in refusal(path)


def test_html_renamed_to_jpg(tmp_path: Path) -> None:
    path = tmp_path / "secret-name.jpg"
    path.write_text("<!doctype html><img src=x onerror=alert(1)>" * 20)
    text = refusal(path)
    assert "JPG, PNG or WebP" in text and "secret-name" not in text


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_formats_not_on_the_list(kind: str) -> None:
    assert "JPG, PNG or WebP" in refusal(encoded(picture(), kind))


def test_svg() -> None:
    assert "JPG, PNG or WebP" in refusal(b'<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"/>')


def test_heic_is_named_and_its_remedy_given() -> None:
    text = refusal(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200))
    assert "HEIC" in text and "JPG" in text


def test_random_bytes_after_a_good_header() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        refusal(encoded(picture(), kind)[:40] + noise)


def test_garment_pictures_are_named_as_such() -> None:
    assert "garment picture" in refusal(b"", GarmentError)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation(kind: str) -> None:
    frames = [picture(), Image.new("RGB", (120, 160), "white")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert "animation" in refusal(content)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation_of_one_frame_is_a_still(kind: str) -> None:
    content = encoded(picture(), kind, save_all=True, append_images=[], lossless=True)
    assert images.decode(content).size == (120, 160)


def test_phone_jpeg_with_a_second_picture_inside() -> None:
    content = encoded(picture(), "MPO", save_all=True, append_images=[picture(30, 40)], quality=95)
    assert images.decode(content).size == (120, 160)


def test_cmyk() -> None:
    decoded = images.decode(encoded(picture().convert("CMYK"), "JPEG", quality=95))
    assert decoded.mode == "RGB"
    assert np.abs(np.subtract(decoded.getpixel((30, 120)), (200, 30, 30))).max() <= 12


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 128).astype(np.uint16)
    content = encoded(Image.fromarray(np.tile(ramp, (96, 1))), "PNG")
    decoded = np.asarray(images.decode(content))
    assert decoded[0, 0, 0] == 0 and decoded[0, -1, 0] == 255
    assert abs(int(decoded[0, 64, 0]) - 128) <= 2 and (np.diff(decoded[0, :, 0].astype(int)) >= 0).all()


def test_palette_with_transparency_lies_on_white() -> None:
    indexed = picture().quantize(8)
    hidden = indexed.getpixel((5, 5))
    decoded = images.decode(encoded(indexed, "PNG", transparency=hidden))
    assert decoded.getpixel((5, 5)) == (255, 255, 255)
    assert np.abs(np.subtract(decoded.getpixel((100, 80)), (30, 30, 200))).max() <= 12


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP")])
def test_alpha_lies_on_white(mode: str, kind: str) -> None:
    clear = picture().convert(mode)
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    decoded = np.asarray(images.decode(encoded(clear, kind, lossless=True)))
    assert decoded[0].min() >= 253, "fully transparent is white, whatever colour lies below"
    assert decoded[-1].min() < 120


def test_grey_and_black_and_white() -> None:
    for mode in ("L", "1"):
        decoded = images.decode(encoded(picture().convert(mode), "PNG"))
        assert decoded.mode == "RGB" and decoded.size == (120, 160)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int) -> None:
    stored_by_camera = {  # how an upright scene lies in the file, per the EXIF standard
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = picture() if stored_by_camera is None else picture().transpose(stored_by_camera)
    exif = Image.Exif()
    exif[274] = orientation
    decoded = images.decode(encoded(stored, "PNG", exif=exif))
    assert decoded.tobytes() == picture().tobytes() and decoded.size == (120, 160)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow warns, which is right, and goes on
def test_broken_exif_does_not_cost_the_photo() -> None:
    content = encoded(picture(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert images.decode(content).size == (120, 160)


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera's maker"
    decoded = images.decode(encoded(picture(), "JPEG", exif=exif, comment=b"where I live"))
    assert not decoded.info and not decoded.getexif()
    assert b"maker" not in encoded(decoded, "PNG")


def test_colour_profile_is_honoured() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(lab)  # a profile whose red and blue primaries are exchanged, under another name
    red, blue = lab.find(b"rXYZ"), lab.find(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    swapped = bytearray(bytes(swapped).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be")))
    decoded = images.decode(encoded(Image.new("RGB", (80, 80), (200, 0, 0)), "PNG", icc_profile=bytes(swapped)))
    red_out, _, blue_out = decoded.getpixel((5, 5))
    assert blue_out > 150 and red_out < 80


def test_broken_colour_profile_does_not_cost_the_photo() -> None:
    content = encoded(picture(), "PNG", icc_profile=b"not a profile")
    assert images.decode(content).tobytes() == picture().tobytes()


def test_a_phone_photo_keeps_its_own_size() -> None:
    content = encoded(Image.effect_noise((4032, 3024), 20).convert("RGB"), "JPEG", quality=60)
    assert images.decode(content).size == (4032, 3024)
