"""A game of generator and discriminator in training: its rate, and its checkpoints, exact on resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitting.gan import Game
from fitting.training import checkpoint


def keep(folder: Path | None, step: int, plan: dict[str, Any], game: Game) -> None:
    """Write a checkpoint; see `fitting.training.checkpoint.write`. Without a folder nothing is kept."""
    if folder is None:
        return
    state = {"step": step, "plan": plan, "turns": [game.discriminator_steps, game.generator_steps]}
    state |= {name: part.state_dict() for name, part in _parts(game).items()}
    checkpoint.write(folder, state)


def restore(folder: Path | None, plan: dict[str, Any], game: Game) -> int:
    """Load the folder's checkpoint and return the step to go on with; 0 where there is none."""
    state = checkpoint.read(folder, plan) if folder is not None else None
    if state is None:
        return 0
    for name, part in _parts(game).items():
        part.load_state_dict(state[name])
    game.discriminator_steps, game.generator_steps = state["turns"]
    return int(state["step"])


def set_rate(game: Game, rate: float) -> None:
    """Let both players learn at this rate; a group of parameters with a `share` at that part of it."""
    for adam in (game.generator_adam, game.discriminator_adam):
        for group in adam.param_groups:
            group["lr"] = rate * group.get("share", 1.0)


def _parts(game: Game) -> dict[str, Any]:
    return {
        "generator": game.generator,
        "discriminator": game.discriminator,
        "average": game.average,
        "generator_adam": game.generator_adam,
        "discriminator_adam": game.discriminator_adam,
    }
