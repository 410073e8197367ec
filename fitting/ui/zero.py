"""Hugging Face's ZeroGPU, where Spaces borrow a graphics card for the length of a call.

Nothing of the default app needs a card: a try-on takes less time than borrowing one. But such a Space does not start
unless some function asks for one, so here is one that does. It is never called, and nobody's quota is used.
"""

from __future__ import annotations

from collections.abc import Callable


def card_name() -> str:
    """The name of the graphics card that was borrowed."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def register() -> Callable[[], str]:
    """Tell ZeroGPU of the function, if this is such a Space; call it before the app is built."""
    try:
        import spaces
    except ImportError:
        return card_name
    decorated: Callable[[], str] = spaces.GPU(duration=5)(card_name)
    return decorated
