"""What pictures of garments show, found once: a bounded copy, the cut-out with its mask, and the embedding."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image

from fitting import images
from fitting import weights as shipped
from fitting.attributes import Description, numbers
from fitting.cutout import LONGEST
from fitting.errors import GarmentError, ShopError, WeightsError
from fitting.garment import Category, Garment, GarmentNet, understand_garment
from fitting.person import PersonNet
from fitting.placeholder import placeholder
from fitting.profiles import Profiles
from fitting.store import Look

KEPT = 3 * LONGEST // 2  # longest side of the copy: a garment that fills it is cut out at its full size
Networks = tuple[GarmentNet, PersonNet]
END = b"\xff\xd9"  # of every JPEG
WRITING = ".writing.lock"  # held in common by all who write a file
UNKEPT = ".unkept"
NO_PICTURE = "The shop has no picture of this garment yet, so it cannot be tried on. Choose another one."


def load_networks(weights: Path | None = None) -> Networks:
    """The networks that look at pictures.

    Raises:
        WeightsError: weights are missing or damaged.
    """
    from fitting.folding import folded

    garment_net, person_net = shipped.load(GarmentNet, "garment", weights), shipped.load(PersonNet, "person", weights)
    return folded(garment_net), folded(person_net)


def network_name(weights: Path | None = None) -> str:
    """What tells one `GarmentNet` from another: embeddings of different networks cannot be compared.

    Raises:
        WeightsError: there are no weights.
    """
    path = (weights or shipped.FOLDER) / "garment" / "model.safetensors"
    if not path.is_file():
        raise WeightsError(f"{path} is missing. {shipped.REMEDY}")
    return shipped.sha256(path)[:16]


class Looks:
    """Looks at pictures, and keeps what it saw in a folder. One serves many threads."""

    def __init__(
        self,
        folder: Path,
        network: str,
        networks: Callable[[], Networks] = load_networks,
        profiles: Callable[[], Profiles | None] = lambda: None,
    ) -> None:
        """
        Args:
            folder: where copies and cut-outs go.
            network: its name, see `network_name`.
            networks: gives them when they are first needed: who only changes prices does not wait for them.
            profiles: gives what describes items without pictures; None where nothing does.
        """
        self._folder = folder
        self.pictures = folder / "pictures"
        self.cutouts = folder / "cutouts"
        self.network = network
        self._load, self._load_profiles = networks, profiles
        self._networks: Networks | None = None
        self._profiles: Profiles | None = None
        self._lock = Lock()

    def key(self, content: bytes, wanted: Category | None) -> str:
        """What a look is known by: the picture's content, the category wanted, and the network that looks."""
        digest = hashlib.sha256(f"{self.network} {'auto' if wanted is None else wanted.value} ".encode())
        digest.update(content)
        return digest.hexdigest()[:40]

    def has_picture(self, key: str) -> bool:
        """Whether there is a copy of a picture, and it was not cut short."""
        try:
            with (self.pictures / f"{key}.jpg").open("rb") as file:
                file.seek(-len(END), os.SEEK_END)
                return file.read() == END
        except OSError:  # it is not there, or is shorter than its end
            return False

    def look(self, content: bytes, wanted: Category | None = None) -> Look:
        """Look at a picture that was not seen before, and keep its copy and its cut-out.

        Args:
            content: of the picture's file.
            wanted: the garment's category; None finds out.

        Raises:
            GarmentError: the picture cannot be opened, or shows no garment.
        """
        key = self.key(content, wanted)
        self._begin(key)
        picture = self.copy(content, key)
        garment = self._understand(picture, wanted)
        self._keep(key, garment)
        embedding = garment.embedding.numpy()
        return Look(key, self.network, embedding, garment.category, garment.worn, garment.notes, time.time())

    @property
    def describes(self) -> bool:
        """Whether there can be items without pictures."""
        with self._lock:
            if self._profiles is None:
                self._profiles = self._load_profiles()
            return self._profiles is not None

    def describe(self, said: Description) -> Look:
        """What an item without a picture might look like, by what is said of it, and a drawing in its stead.

        Raises:
            ValueError: nothing `describes`.
        """
        if not self.describes or self._profiles is None:
            raise ValueError("there is nothing to describe items with")
        known = self._profiles.config
        content = f"{known.served} ".encode() + numbers(said).tobytes()
        key = self.key(b"described " + content, said.category)
        self._begin(key)
        self._write(self.pictures / f"{key}.jpg", _jpeg(placeholder(said.category), 90))
        embedding = self._profiles.of([said])[0].numpy()
        return Look(key, self.network, embedding, said.category, False, (), time.time(), True)

    def copy(self, content: bytes, key: str) -> Image.Image:
        """Keep a copy of a picture, no larger than is of use and without metadata; returns the picture.

        Raises:
            GarmentError: it cannot be opened.
        """
        picture = images.decode(content, GarmentError)
        picture.thumbnail((KEPT, KEPT), Image.Resampling.LANCZOS)
        self._write(self.pictures / f"{key}.jpg", _jpeg(picture, 92))
        return picture

    def garment(self, look: Look) -> Garment:
        """The garment of a picture that was looked at before, ready to be worn.

        Raises:
            GarmentError: there was no picture.
            ShopError: the picture's copy is gone.
        """
        if look.described:
            raise GarmentError(NO_PICTURE)
        try:
            shown, inside = self._cutout(look.key)
        except OSError:  # never made, or damaged: make it anew
            self._keep(look.key, self._understand(self._picture(look.key), look.category))
            shown, inside = self._cutout(look.key)  # as everybody after this one will see it
        embedding = torch.from_numpy(look.embedding)
        return Garment(shown, inside, look.category, embedding, look.worn, look.notes)

    def remove(self, key: str) -> None:
        """Delete the files of a look."""
        for path in (self.pictures / f"{key}.jpg", self.cutouts / f"{key}.jpg", self._mask(key)):
            path.unlink(missing_ok=True)

    def kept(self, looks: Iterable[Look]) -> None:
        """The store knows these now: their files are no leftovers any more."""
        for look in looks:
            self._unkept(look.key).unlink(missing_ok=True)

    def tidy(self, known: Callable[[Collection[str]], Collection[str]]) -> None:
        """Delete what an interrupted import left: files that were not finished, and looks that were never kept.

        Args:
            known: which of these keys the store knows.
        """
        for folder in (self.pictures, self.cutouts):
            # What somebody writes at this moment is no leftover.
            with suppress(OSError), _locked(self._folder / WRITING, fcntl.LOCK_EX | fcntl.LOCK_NB):
                for path in folder.glob(".*.*.*"):
                    path.unlink(missing_ok=True)
        left = {path.stem[1:]: path for path in self.pictures.glob(f".*{UNKEPT}")}
        for key in left.keys() - set(known(left.keys())):
            self.remove(key)
        for path in left.values():
            path.unlink(missing_ok=True)

    def _begin(self, key: str) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        self._unkept(key).touch()

    def _unkept(self, key: str) -> Path:
        """Is there as long as a look's files are, but the store does not know it."""
        return self.pictures / f".{key}{UNKEPT}"

    def _cutout(self, key: str) -> tuple[torch.Tensor, torch.Tensor]:
        """The kept cut-out (3, H, W) and its mask (H, W), both in [0, 1]. Raises OSError where either is not there."""
        with Image.open(self.cutouts / f"{key}.jpg") as image, Image.open(self._mask(key)) as mask:
            return images.to_unit(images.to_tensor(image)), images.to_unit(torch.from_numpy(_grey(mask)))

    def _mask(self, key: str) -> Path:
        return self.cutouts / f"{key}.png"

    def _picture(self, key: str) -> Image.Image:
        try:
            return images.decode(self.pictures / f"{key}.jpg", GarmentError)
        except (FileNotFoundError, GarmentError):
            raise ShopError("A picture's copy is missing or damaged. Import the products again.") from None

    def _understand(self, picture: Image.Image, wanted: Category | None) -> Garment:
        with self._lock:
            if self._networks is None:
                self._networks = self._load()
        garment_net, person_net = self._networks
        return understand_garment(garment_net, images.to_tensor(picture), wanted, person_net)

    def _keep(self, key: str, garment: Garment) -> None:
        self._write(self.cutouts / f"{key}.jpg", _jpeg(images.to_image(images.to_pixels(garment.image)), 95))
        written = io.BytesIO()
        images.to_image(images.to_pixels(garment.mask)).save(written, "PNG")
        self._write(self._mask(key), written.getvalue())

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all, whoever else writes or reads it, and whatever stops the machine."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        with _locked(self._folder / WRITING, fcntl.LOCK_SH):
            try:
                with beside.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    """Colours at full resolution: prints are small and bright."""
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality, subsampling=0)
    return written.getvalue()


def _grey(mask: Image.Image) -> np.ndarray:
    return np.array(mask.convert("L"))


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """Hold a lock among processes. Raises OSError where another holds it that is not to be waited for."""
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield
