"""Inputs that once broke something, as a fuzzer found them: `corpus/TARGET/NAME`, see `benchmarks/hostile.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import hostile
import hostile_requests
import hostile_shop

CORPUS = Path(__file__).parent / "corpus"
TARGETS = {**hostile.TARGETS, **hostile_shop.TARGETS, **hostile_requests.TARGETS}
FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, bytes], bool]]:
    """Puts an input to a target, each of which is set up once."""
    known: dict[str, hostile.Target] = {}

    def checked(name: str, content: bytes) -> bool:
        if name not in known:
            known[name] = TARGETS[name](tmp_path_factory.mktemp(name))
        return known[name].check(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", "")  # a target sets it, and it shall be as before
        yield checked
        for target in known.values():
            target.close()


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_broke_something_breaks_nothing(path: Path, check: Callable[[str, bytes], bool]) -> None:
    check(path.parent.name, path.read_bytes())


def test_there_are_inputs_of_every_folder() -> None:
    assert FOUND and {path.parent.name for path in FOUND} <= TARGETS.keys()
