"""Inputs that once broke something, as a fuzzer found them: `corpus/TARGET/NAME`, see `benchmarks/hostile.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_fuzz import TARGETS, breaks_nothing, hostile

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
Targets = Callable[[str], hostile.Target]


@pytest.fixture(scope="module")
def target_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    """Targets by name, each of them set up once."""
    known: dict[str, hostile.Target] = {}

    def target(name: str) -> hostile.Target:
        if name not in known:
            known[name] = TARGETS[name](tmp_path_factory.mktemp(name))
        return known[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.getbasetemp()))  # a server sets it: afterwards as before
        yield target
        for opened in known.values():
            opened.close()


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_broke_something_breaks_nothing(path: Path, target_of: Targets) -> None:
    target_of(path.parent.name).check(path.read_bytes())


def test_no_request_breaks_the_server(target_of: Targets) -> None:
    breaks_nothing(target_of("api"), 25)


def test_there_are_inputs_and_every_one_has_a_target() -> None:
    assert FOUND and {path.parent.name for path in FOUND} <= TARGETS.keys()
