"""What strangers and hosts may hand over, as targets for a fuzzer: files here and in `hostile_shop.py`, requests in
`hostile_requests.py`.

A target takes bytes, does with them what the product does with such a file, and raises only where the product does what
it must not: an error that is not documented, a sentence that gives a path away, a result that breaks its own promise.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mutations import Mutation, of_bytes, of_parts, of_safetensors
from PIL import Image, ImageCms
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fitting import images, settings, weights
from fitting.errors import FittingError, GarmentError, PhotoError, ShopError, WeightsError

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 600  # letters of a sentence that refuses something
CUT = b"\n=====\n"  # between the parts of an input that stands for several files


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        check: returns whether the input was of use to the product; raises where the product failed.
        seeds: valid inputs, and such as are known to be awkward, by name.
        words: what such inputs are made of.
        longest: bytes of an input.
        mutations: what is changed in an input, besides bytes.
        close: ends what was begun for it.
    """

    name: str
    check: Callable[[bytes], bool]
    seeds: dict[str, bytes]
    words: Sequence[bytes] = ()
    longest: int = 6000
    mutations: Sequence[Mutation] = ()
    close: Callable[[], Any] = lambda: None

    def mutated(self, content: bytes, chance: Random) -> bytes:
        """An input, changed in one of the ways."""
        return chance.choice((of_bytes(self.words), *self.mutations))(content, chance)[: self.longest]


def sentence(said: str, folder: Path) -> None:
    """A refusal has to be one: some words, not many, and no path of ours."""
    assert said.strip(), "refused without a word"
    assert len(said) <= LONGEST, f"a refusal of {len(said)} letters"
    for secret in (str(folder), str(ROOT), "Traceback", "site-packages"):
        assert secret not in said, f"a refusal that tells {secret!r}"


_PNG = b"\x89PNG\r\n\x1a\n"
_PARTS = b"IHDR PLTE tRNS iCCP eXIf acTL fcTL IDAT iTXt RIFF WEBP VP8L VP8X ANIM ANMF ALPH Adobe acspmntrRGB".split()
_MARKERS = [bytes((255, marker)) for marker in (0xD8, 0xE1, 0xE2, 0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xEE)]


def picture(folder: Path) -> Target:
    """`fitting.images.decode`: photos and garment pictures."""

    def check(content: bytes) -> bool:
        error = GarmentError if len(content) % 3 == 0 else PhotoError
        try:
            found = images.decode(mended(content), error)
        except FittingError as refused:
            assert type(refused) is error
            sentence(str(refused), folder)
            return False
        assert found.mode == "RGB" and not found.info and found.width * found.height <= images.MAX_PIXELS
        assert min(found.size) >= images.MIN_SIDE and max(found.size) <= images.MAX_RATIO * min(found.size)
        return True

    words = (*_PARTS, *_MARKERS, b"Exif\0\0", b"II*\0", b"MM\0*", b"\x01\x12\0\3", b"ICC_PROFILE\0", b"\xff" * 4)
    return Target("picture", check, _pictures(), words, 16384)


def mended(content: bytes) -> bytes:
    """The same, but in a PNG of odd length the checksums are put right: with wrong ones little of it is ever read."""
    if not content.startswith(_PNG) or len(content) % 2 == 0:
        return content
    out, at = [_PNG], len(_PNG)
    while at + 8 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        body = content[at + 4 : at + 8 + length]
        out += [content[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join(out)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pictures() -> dict[str, bytes]:
    plain = Image.radial_gradient("L").resize((64, 80)).convert("RGB")
    exif = Image.Exif()
    exif[274] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    moving: dict[str, Any] = {"save_all": True, "append_images": [Image.new("RGB", plain.size, "red")]}
    found = {
        "photo.jpg": _saved(plain, "JPEG", quality=40, **told),
        "progressive.jpg": _saved(plain, "JPEG", quality=30, progressive=True),
        "grey.jpg": _saved(plain.convert("L"), "JPEG", quality=30),
        "cmyk.jpg": _saved(plain.convert("CMYK"), "JPEG", quality=30, **told),
        "photo.png": _saved(plain, "PNG", **told),
        "alpha.png": _saved(plain.convert("LA"), "PNG"),
        "palette.png": _saved(plain.quantize(8), "PNG", transparency=3),
        "bits.png": _saved(plain.convert("1"), "PNG"),
        "deep.png": _saved(Image.frombytes("I;16", (64, 64), bytes(range(256)) * 32), "PNG"),
        "moving.png": _saved(plain, "PNG", **moving),
        "photo.webp": _saved(plain, "WEBP", quality=30, **told),
        "lossless.webp": _saved(plain.quantize(8).convert("RGBA"), "WEBP", lossless=True),
        "moving.webp": _saved(plain, "WEBP", **moving),
        "phone.heic": b"\0\0\0\x18ftypheic" + bytes(40),
    }
    header = b"IHDR" + struct.pack(">II5B", 30000, 30000, 8, 2, 0, 0, 0)
    found["bomb.png"] = _PNG + b"\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))
    found["half.jpg"] = found["photo.jpg"][: len(found["photo.jpg"]) // 2]
    return found


def host(folder: Path) -> Target:
    """`fitting.settings.load`: a settings file and, after a cut, lines of the environment."""

    def check(content: bytes) -> bool:
        file, _, environment = content.partition(CUT)
        (folder / settings.FILE).write_bytes(file)
        given = {f"{settings.PREFIX}SETTINGS": str(folder / settings.FILE)}
        for line in environment.replace(b"\0", b"").decode("utf-8", "surrogateescape").splitlines():
            key, _, value = line.partition("=")
            if key.isascii() and key.isidentifier() and key.upper() != "SETTINGS":
                given[settings.PREFIX + key.upper()] = value
        before = dict(os.environ)
        os.environ.update(given)
        try:
            settings.load().shown()
        except ShopError as error:
            assert str(error)
            return False
        finally:
            for key in given.keys() - before.keys():
                del os.environ[key]
        return True

    toml = b'name = "Corner"\nqueue = 5\ncolour = "#7a1f3d"\nembed_from = ["https://shop.example"]\nagents = true\n'
    told = b"QUEUE=7\nVISIT_MINUTES=1.5\nLANGUAGES=en, es\nDATABASE=postgresql+psycopg://me:secret@host/shop\n"
    words = (*(f"{name}=".encode() for name in settings.Settings.model_fields), *b"[[ ''' 1e999 nan -1".split(), CUT)
    return Target("settings", check, {"file": toml, "both": toml + CUT + told, "told": CUT + told}, words)


class Tiny(nn.Module):
    """The smallest network that has weights."""

    @dataclass(frozen=True)
    class Config:
        """Numbers that it is given."""

        width: int = 4

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or self.Config()
        self.layer = nn.Linear(self.config.width, 3)


def network(folder: Path) -> Target:
    """`fitting.weights.load`: a config, weights and a manifest whose checksums are right, or the manifest itself."""
    weights.save(Tiny(), folder / "tiny")
    weights.record("tiny", folder)
    usual = CUT.join((folder / "tiny" / name).read_bytes() for name in ("config.json", "model.safetensors"))

    def check(content: bytes) -> bool:
        config, state, manifest = (*content.split(CUT, 2), b"", b"")[:3]
        (folder / "tiny" / "config.json").write_bytes(config)
        (folder / "tiny" / "model.safetensors").write_bytes(state)
        (folder / "manifest.json").write_text("{}")
        weights.record("tiny", folder)
        if manifest:
            (folder / "manifest.json").write_bytes(manifest)
        try:
            net = weights.load(Tiny, "tiny", folder)
        except WeightsError as error:
            assert str(error)
            return False
        assert net.layer.weight.shape == (3, net.config.width)
        return True

    words = b'"dtype":"F16" "F64" "BOOL" "I8" "shape":[ "data_offsets":[ "__metadata__" "width": 1e9 -1 [['.split()
    seeds = {"usual": usual, "manifest": usual + CUT + (folder / "manifest.json").read_bytes()}
    return Target("weights", check, seeds, (*words, CUT), mutations=[of_parts(CUT, of_safetensors)])


TARGETS: dict[str, Callable[[Path], Target]] = {"picture": picture, "settings": host, "weights": network}
