"""Checkpoints on disk: written whole or not at all, and read only by the plan that they were written for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from fitting.errors import WeightsError

FILE = "checkpoint.pt"
NEW = "checkpoint.new"  # while it is being written; a kill in the middle leaves it, and the one before


def write(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in place of the one before.

    Raises:
        WeightsError: it cannot be written, as on a full disk; the one before is as it was.
    """
    new = folder / NEW
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / FILE)
    except (OSError, RuntimeError) as error:  # PyTorch's writer has an error of its own
        new.unlink(missing_ok=True)
        reason = _because(error)
        raise WeightsError(
            f"{folder / FILE} cannot be written: {reason}. The checkpoint before is kept: make room, and go on with "
            "--resume."
        ) from error


def read(folder: Path, plan: Any = None) -> dict[str, Any] | None:
    """The folder's checkpoint; None where there is none. What a kill left half written is deleted.

    Args:
        plan: that it must be of, if any.

    Raises:
        ValueError: it is of another plan.
        WeightsError: it is damaged.
    """
    (folder / NEW).unlink(missing_ok=True)
    path = folder / FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what PyTorch makes of damage can be anything
        raise WeightsError(f"{path} is damaged. Delete it, and train without --resume.") from error
    if plan is not None and state["plan"] != plan:
        raise ValueError(f"{path} belongs to another plan; give another folder, or train without --resume")
    return state


def _because(error: Exception) -> str:
    """The reason of the system, which PyTorch's own error hides behind it."""
    known: BaseException | None = error
    while known is not None:
        if isinstance(known, OSError) and known.strerror:
            return known.strerror
        known = known.__context__
    return str(error).splitlines()[0]
