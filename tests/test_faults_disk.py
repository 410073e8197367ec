"""A disk that is full: said in a sentence, with nothing lost and nothing half done, and mended by making room."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import served
from disks import Disk, disk
from fakes import FakeRoom, FakeShop, shop, wardrobe
from PIL import Image
from shopping import PRODUCTS, write
from test_guard import upload
from visitor import Visitor, visiting

from fitting.errors import ShopError, WeightsError
from fitting.settings import Settings
from fitting.shop import Shop
from fitting.training import checkpoint
from fitting.training.loop import reached
from fitting.ui import guard, words
from fitting.ui.blocks import build_app

ENGLISH = Settings(languages=("en",))  # a page that is quickly built


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk") as found:
        yield found


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """As for whoever may not mount a disk."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("disks.subprocess.run", lambda *given, **named: type("Done", (), {"returncode": 1}))
    with disk(tmp_path / "disk") as found:
        assert not found.own
        yield found


def said(shown: list[tuple[Any, ...]]) -> str:
    return str(shown[-1][0])


def visitor_on(place: Disk, folder: Path) -> Visitor:
    return visiting(place.folder, wardrobe(folder))


@pytest.mark.parametrize("kind", ["small", "limited"])
def test_a_result_that_cannot_be_kept_is_said_and_the_last_one_stays(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    place: Disk = request.getfixturevalue(kind)
    visitor = visitor_on(place, tmp_path)
    visitor.dress("upper-1")
    root = place.folder / "cache"
    before = visitor.wardrobe.result
    assert before is not None
    with place.full():
        shown = visitor.dress("upper-2")
    assert words.BUSY in said(shown) and 'role="alert"' in said(shown)
    assert visitor.wardrobe.result == before and Path(before).is_file()
    visitor.dress("upper-2")
    assert visitor.wardrobe.result != before and not Path(before).exists()
    names = sorted(path.name for path in root.rglob("*.*"))
    assert names == ["after.jpg", "before.jpg", "fitting-room.png", "photo.png"], "nothing of the attempt is left"


def test_an_upload_is_refused_before_the_disk_is_full(
    small: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where it fills up all the same, that is said too."""
    if not small.own:
        pytest.skip("no disk can be mounted here")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(small.folder / "cache"))
    catalogue, people = shop(tmp_path)
    photo = tmp_path / "photo.png"
    Image.effect_noise((300, 400), 50).save(photo)
    (small.folder / "cache").mkdir()
    with served(build_app(FakeRoom(), FakeShop(catalogue), people, settings=ENGLISH)) as address:  # type: ignore[arg-type]
        refused = upload(address, photo)
        assert (refused.status, refused.body.decode()) == (503, words.BUSY)
        monkeypatch.setattr(guard, "SPARE", 0)
        with small.full():
            refused = upload(address, photo)
        assert (refused.status, refused.body.decode()) == (503, words.BUSY)
        assert upload(address, photo).status == 200
    gc.collect()


@pytest.mark.usefixtures("fake_networks")
def test_an_import_is_broken_off_and_the_shop_is_as_it_was(small: Disk, files: Path) -> None:
    folder = small.folder / "shop"
    with Shop.open(folder, sample=False) as opened:
        opened.take_in(write(files / "p.csv", PRODUCTS))
        before, kept = opened.catalogue().items, {path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")}
        more = "".join(f"copy-{number},{'long name ' * 30},upper,red.png,1,1,\n" for number in range(1000))
        for text in (PRODUCTS + "blue,Blue,upper,blue.png,1,1,\n", PRODUCTS + more):  # pictures, then the database
            path = write(files / "p.csv", text)
            with small.full(), pytest.raises(ShopError, match=r"the shop is as it was: .*Mend that, then import"):
                opened.take_in(path)
            assert opened.catalogue().items == before
            left = {path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")}
            assert left == kept and not list(folder.rglob(".*.jpg.*"))
        report = opened.take_in(write(files / "p.csv", PRODUCTS + "blue,Blue,upper,blue.png,1,1,\n"))
        assert (report.new, report.refused, report.pictureless) == (1, 0, 0)


@pytest.mark.parametrize("kind", ["small", "limited"])
def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(request: pytest.FixtureRequest, kind: str) -> None:
    place: Disk = request.getfixturevalue(kind)
    folder = place.folder / "run"
    checkpoint.write(folder, {"step": 1, "net": torch.zeros(9)})
    with (
        place.full(),
        pytest.raises(WeightsError, match=r"checkpoint\.pt cannot be written: .*make room, and go on with"),
    ):
        checkpoint.write(folder, {"step": 2, "net": torch.zeros(2**18)})
    assert reached(folder) == 1 and not (folder / checkpoint.NEW).exists()
    checkpoint.write(folder, {"step": 2, "net": torch.zeros(2**18)})
    assert reached(folder) == 2
    (folder / checkpoint.FILE).write_bytes((folder / checkpoint.FILE).read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"is damaged\. Delete it, and train without --resume"):
        reached(folder)
