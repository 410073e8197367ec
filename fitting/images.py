"""Pictures in and out: safe decoding, and the only place where value ranges change.

Ranges by name: *pixels* are uint8 in [0, 255]; *unit* is float in [0, 1]; *signed* is float in [-1, 1].
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageCms
from torch import Tensor

from fitting.errors import FittingError, PhotoError

Source = str | Path | bytes | Image.Image  # a path, a file's content, or a picture already opened

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 25 * 2**20
MAX_PIXELS = 25_000_000  # phones' 24-megapixel pictures are 5712x4284
MIN_SIDE = 64
MAX_RATIO = 4  # longer strips show no whole person or garment, and their 3:4 frame would be huge


def to_tensor(image: Image.Image) -> Tensor:
    """RGB picture -> (3, H, W) uint8 pixels."""
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def to_image(pixels: Tensor) -> Image.Image:
    """(3, H, W) uint8 pixels -> RGB picture, (4, H, W) -> RGBA; (1, H, W) or (H, W) -> grey picture."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels must be uint8, not {pixels.dtype}")
    if pixels.ndim == 3 and pixels.shape[0] == 1:
        pixels = pixels[0]
    array = pixels.cpu().numpy()
    # Side by side first: Pillow would gather each pixel's channels from afar.
    return Image.fromarray(array if array.ndim == 2 else cv2.merge(list(array)))


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 pixels -> float in [0, 1]."""
    return pixels / 255


def to_pixels(unit: Tensor) -> Tensor:
    """Float in [0, 1] -> uint8 pixels, rounded; values outside are clipped."""
    if unit.device.type != "cpu":
        return unit.clamp(0, 1).mul_(255).round_().to(torch.uint8)
    # OpenCV rounds and clips in one go, in a quarter of the time; of what is negative it would take the size.
    line = unit.detach().float().clamp(min=0).reshape(1, -1)
    return torch.from_numpy(cv2.convertScaleAbs(line.numpy(), alpha=255.0)).view(unit.shape)


def to_signed(unit: Tensor) -> Tensor:
    """Float in [0, 1] -> [-1, 1], what networks see."""
    return unit * 2 - 1


def from_signed(signed: Tensor) -> Tensor:
    """Float in [-1, 1] -> [0, 1], clipped."""
    return ((signed + 1) / 2).clamp(0, 1)


def decode(source: Source, error: type[FittingError] = PhotoError) -> Image.Image:
    """Open a stranger's picture safely.

    Size and format are checked from the header before any pixel is decoded. The result is upright (EXIF),
    in sRGB, without transparency (on white) and without metadata.

    Args:
        source: a path, the bytes of a file, or an opened picture. Never altered.
        error: what to raise: `PhotoError` or `GarmentError`.

    Returns:
        RGB picture at its own size.

    Raises:
        FittingError: the given kind, with a sentence that says what to do; no path and no decoder's text.
        FileNotFoundError: the path does not exist.
    """
    noun = "photo" if issubclass(error, PhotoError) else "garment picture"
    image = source if isinstance(source, Image.Image) else _open(_read(source, noun, error), noun, error)
    _check_size(image, noun, error)
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise error(f"This {noun} is an animation. Choose a still picture: a JPG, PNG or WebP.")
    try:
        return _flatten(_upright(image))
    except Exception:  # decoders raise nearly anything on damaged files; their text may name paths
        raise error(f"This {noun} is damaged or incomplete. Save or download it again.") from None


def _read(source: str | Path | bytes, noun: str, error: type[FittingError]) -> bytes:
    size = len(source) if isinstance(source, bytes) else os.stat(source).st_size  # noqa: PTH116
    if size == 0:
        raise error(f"This {noun} is an empty file. Choose it again, or choose another one.")
    if size > MAX_BYTES:
        raise error(f"This {noun} is larger than {MAX_BYTES >> 20} MB. Save it as a JPG or make it smaller.")
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _open(content: bytes, noun: str, error: type[FittingError]) -> Image.Image:
    """Read the header only, of an allowed format only: other decoders are never offered a stranger's file."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(noun, error) from None
    except Exception:  # as in decode(): hostile headers raise nearly anything
        pass
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheif"):
        raise error(
            f"This {noun} is a HEIC file, which cannot be opened here. Share or export it as JPG; "
            "on an iPhone, Settings > Camera > Formats > Most Compatible takes JPG photos."
        )
    raise error(f"This {noun} cannot be opened. Choose a picture saved as JPG, PNG or WebP.")


def _too_many_pixels(noun: str, error: type[FittingError]) -> FittingError:
    limit = MAX_PIXELS // 1_000_000
    return error(f"This {noun} has more than {limit} megapixels. Make it smaller, then choose it again.")


def _check_size(image: Image.Image, noun: str, error: type[FittingError]) -> None:
    short, long = sorted(image.size)
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(noun, error)
    if short < MIN_SIDE:
        raise error(f"This {noun} is too small to work with. Choose one of at least 512 x 512 pixels.")
    if long > MAX_RATIO * short:
        raise error(f"This {noun} is a long, thin strip. Crop it to the part that matters.")


_UPRIGHT = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image) -> Image.Image:
    """Decode, and turn as the camera was held. Damaged EXIF is ignored: the pixels may still be fine."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(274, 1))
    except Exception:
        turn = None
    image.load()
    return image if turn is None else image.transpose(turn)


def _flatten(image: Image.Image) -> Image.Image:
    """Any colour mode -> RGB in sRGB on white, carrying nothing of the file's metadata."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit grey: keep the high byte, as Pillow does for 16-bit colour
        image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear)
    elif profile and image.mode in ("RGB", "CMYK"):
        image = _to_srgb(image, profile)
    flat = image.convert("RGB")
    flat.info = {}
    return flat


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Phones save in wider colour spaces (Display P3); without this their photos would come out pale."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        return image  # an unusable profile: the numbers themselves are the best guess
