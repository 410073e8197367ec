"""A few inputs of every kind that nobody should hand over, the same every time; `benchmarks/fuzz.py` tries very many.

Those of the target "api" are in `test_corpus.py`, where its server runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import hostile
import hostile_requests
import hostile_shop

TARGETS = {**hostile.TARGETS, **hostile_shop.TARGETS, **hostile_requests.TARGETS}


def breaks_nothing(target: hostile.Target, examples: int) -> None:
    """Put seeds to a target, as they are and changed, and bytes that mean nothing."""
    seeds = st.sampled_from(list(target.seeds.values()))
    changed = st.builds(lambda seed, number: target.mutated(seed, Random(number)), seeds, st.integers(0, 2**32))

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=HealthCheck)
    @given(st.one_of(seeds, changed, changed, st.binary(max_size=40)))
    def check(content: bytes) -> None:
        target.check(content)

    check()


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "api"])
def test_nothing_breaks(name: str, tmp_path: Path) -> None:
    target = TARGETS[name](tmp_path)
    try:
        breaks_nothing(target, 6 if name == "import" else 40)
    finally:
        target.close()
