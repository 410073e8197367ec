"""Hugging Face's ZeroGPU, where Spaces borrow a graphics card for the length of a call.

Nothing of the default app needs a card: a try-on takes less time than borrowing one. But such a Space does not start
unless some function asks for one, so here is one that does. It is never called, and nobody's quota is used. The studio
finish does need one, where a shop has set it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def card_name() -> str:
    """The name of the graphics card that was borrowed."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def register() -> Callable[[], str]:
    """Tell ZeroGPU of the function, if this is such a Space; call it before the app is built."""
    return on_card(card_name, 5)


def on_card(function: Function, seconds: int | Callable[..., int]) -> Function:
    """A function, or one that yields, which borrows a card for each call, if this is such a Space; else as it is.

    There, every call is made in a process of its own: what it is given and gives back has to be pickled.

    Args:
        seconds: for how long; or what works it out from the arguments of the call.
    """
    try:
        import spaces
    except ImportError:
        return function
    decorated: Function = spaces.GPU(duration=seconds)(function)
    return decorated
