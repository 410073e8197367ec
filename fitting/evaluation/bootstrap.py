"""How sure a mean over cases is: seeded percentile bootstrap (Efron 1979), 95 %.

Cases are drawn anew with the same seed for every table of equally many cases, so that rows of one data set are
always compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Estimate = dict[str, float]  # mean, low, high

SEED = 20
DRAWS = 1000


def draws(cases: int, times: int = DRAWS) -> Array:
    """(times, cases) indices of the cases in each draw."""
    return np.random.default_rng(SEED).integers(0, cases, (times, cases))


def mean(values: Sequence[float], weights: Sequence[float] | None = None) -> Estimate:
    """The mean of values, or the sum of values over the sum of weights (a pooled share), with its interval.

    Raises:
        ValueError: no values.
    """
    found, weight = _columns(values, weights)
    drawn = draws(len(found))
    return estimate(_ratio(found.sum(), weight.sum()), _ratio(found[drawn].sum(1), weight[drawn].sum(1)))


def change(values: Sequence[float], others: Sequence[float]) -> Estimate:
    """How far the mean of values lies from the mean of others on the same cases, as a share: -0.2 is 20 % below."""
    found, base = _columns(values, others)
    drawn = draws(len(found))
    shares = _ratio(found[drawn].sum(1), base[drawn].sum(1)) - 1
    return estimate(_ratio(found.sum(), base.sum()) - 1, shares)


def centred(value: float, measure: Callable[[Array], float], cases: int, times: int) -> Estimate:
    """The interval of a measure of a whole set that draws with repetition push upwards.

    Draws repeat cases, so that a distance between sets grows; the spread of the draws is kept and moved back to
    the value itself.

    Args:
        value: the measure of all cases.
        measure: the measure of the cases with these indices.
        cases: how many there are.
        times: draws.
    """
    drawn = np.array([measure(chosen) for chosen in draws(cases, times)])
    return estimate(value, drawn + (value - drawn.mean()))


def estimate(value: float, drawn: Array) -> Estimate:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"mean": round(float(value), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def _columns(values: Sequence[float], weights: Sequence[float] | None) -> tuple[Array, Array]:
    found = np.asarray(values, np.float64)
    weight = np.ones_like(found) if weights is None else np.asarray(weights, np.float64)
    if len(found) == 0 or len(found) != len(weight):
        raise ValueError(f"need one weight for each of at least one value, got {len(found)} and {len(weight)}")
    return found, weight


def _ratio(above: Any, below: Any) -> Any:
    return above / np.maximum(below, 1e-12)
