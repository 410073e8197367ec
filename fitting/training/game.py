"""Checkpoints of a game of generator and discriminator: exact on resuming, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fitting.gan import Game


def keep(folder: Path, step: int, plan: dict[str, Any], game: Game) -> None:
    """Write a checkpoint; a kill in the middle leaves the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"step": step, "plan": plan, "turns": [game.discriminator_steps, game.generator_steps]}
    state |= {name: part.state_dict() for name, part in _parts(game).items()}
    torch.save(state, folder / "checkpoint.new")
    (folder / "checkpoint.new").replace(folder / "checkpoint.pt")


def restore(folder: Path, plan: dict[str, Any], game: Game) -> int:
    """Load the folder's checkpoint and return the step to go on with; 0 where there is none."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state["plan"] != plan:
        raise ValueError(f"{path} belongs to another plan; give another folder, or train without --resume")
    for name, part in _parts(game).items():
        part.load_state_dict(state[name])
    game.discriminator_steps, game.generator_steps = state["turns"]
    return int(state["step"])


def _parts(game: Game) -> dict[str, Any]:
    return {
        "generator": game.generator,
        "discriminator": game.discriminator,
        "average": game.average,
        "generator_adam": game.generator_adam,
        "discriminator_adam": game.discriminator_adam,
    }
