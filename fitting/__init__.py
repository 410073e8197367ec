"""Fitting Room: see a person wearing a garment, from a photo of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitting.errors import FittingError

if TYPE_CHECKING:
    from fitting.room import FittingRoom

__all__ = ["FittingError", "FittingRoom"]


def __getattr__(name: str) -> Any:
    """`FittingRoom` on first use: importing it brings in torch, which the command line's help need not wait for."""
    if name == "FittingRoom":
        from fitting.room import FittingRoom

        return FittingRoom
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
