"""Checkpoints of a game of generator and discriminator: exact on resuming, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitting.gan import Game
from fitting.training import checkpoint


def keep(folder: Path, step: int, plan: dict[str, Any], game: Game) -> None:
    """Write a checkpoint; see `fitting.training.checkpoint.write`."""
    state = {"step": step, "plan": plan, "turns": [game.discriminator_steps, game.generator_steps]}
    state |= {name: part.state_dict() for name, part in _parts(game).items()}
    checkpoint.write(folder, state)


def restore(folder: Path, plan: dict[str, Any], game: Game) -> int:
    """Load the folder's checkpoint and return the step to go on with; 0 where there is none."""
    state = checkpoint.read(folder, plan)
    if state is None:
        return 0
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
