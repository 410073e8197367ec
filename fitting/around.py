"""Networks around networks: called as the one inside is, and what they have to know of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn


class Around(nn.Module):
    """Stands in a network's place, where it is at work and no longer changed.

    Args:
        net: its answers are made of tensors, tuples and dataclasses.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.eval()

    def __getattr__(self, name: str) -> Any:
        """The network's own parts, for whoever looks at them."""
        if name in self.__dict__.get("_modules", {}):
            return super().__getattr__(name)
        return getattr(self._modules["net"], name)


def tensors_of(found: Any) -> Iterator[Tensor]:
    """The tensors of a network's answer, in order.

    Raises:
        ValueError: it is made of anything else.
    """
    if isinstance(found, Tensor):
        yield found
        return
    for part in _parts(found):
        yield from tensors_of(part)


def like(sample: Any, tensors: Iterator[Tensor]) -> Any:
    """An answer built as the sample is, of other tensors."""
    if isinstance(sample, Tensor):
        return next(tensors)
    parts = [like(part, tensors) for part in _parts(sample)]
    return tuple(parts) if type(sample) is tuple else type(sample)(*parts)


def _parts(found: Any) -> list[Any]:
    if is_dataclass(found):
        return [getattr(found, field.name) for field in fields(found)]
    if isinstance(found, tuple):
        return list(found)
    raise ValueError(f"a network's answer is made of tensors, tuples and dataclasses, not of {type(found).__name__}")
