"""Tensors that behave as if they lay on a graphics card, for machines without one: what mixes places fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("cuda")
_TO_HOST = (Tensor.numpy, Tensor.__array__)


class Far(Tensor):
    """A tensor on the card. Its numbers are the host's, but only `Cards` gets at them."""


class Cards(TorchFunctionMode):
    """While it is entered, far tensors are told apart from near ones, as PyTorch does with a card's and the host's.

    Attributes:
        pinned: copies of tensors that were made in pinned memory.
        told: copies that nobody waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pinned = self.told = 0

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        far = [isinstance(tensor, Far) for tensor in tensors]
        if func == Tensor.device.__get__:
            return CARD if far[0] else torch.device("cpu")
        if func in _TO_HOST and far[0]:
            raise TypeError("a tensor on a card is no array: copy it to the host first")
        if func is torch.empty_like and kwargs.pop("pin_memory", False):  # there is nothing to pin it for
            self.pinned += 1
        self.told += func is Tensor.to and kwargs.get("non_blocking", False)
        asked = _place_asked(func, args, kwargs)
        _forbid_mixing(func, tensors, far)
        found = func(*tree_map(_on_host, args), **tree_map(_on_host, kwargs))
        there = any(far) if asked is None else asked.type == CARD.type
        return tree_map(lambda value: value.as_subclass(Far) if there and isinstance(value, Tensor) else value, found)


def _place_asked(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> torch.device | None:
    """Where the result shall lie, if the call says so."""
    if func is Tensor.cpu:
        return torch.device("cpu")
    said = [kwargs.get("device")]
    if func is Tensor.to:
        said += [arg for arg in args[1:] if isinstance(arg, (str, torch.device))]
        said += [CARD if isinstance(arg, Far) else torch.device("cpu") for arg in args[1:] if isinstance(arg, Tensor)]
    places = [torch.device(place) for place in said if place is not None]
    return places[0] if places else None


def _forbid_mixing(func: Callable[..., Any], tensors: list[Tensor], far: list[bool]) -> None:
    """Raises RuntimeError as PyTorch does. Single numbers may come from the host; so may places of a far tensor."""
    if func in (Tensor.to, Tensor.copy_) or (func in (Tensor.__getitem__, Tensor.__setitem__) and far[0]):
        return
    with torch._C.DisableTorchFunctionSubclass():
        counted = {there for tensor, there in zip(tensors, far, strict=True) if there or tensor.dim() > 0}
    if len(counted) > 1:
        raise RuntimeError(f"{getattr(func, '__name__', func)}: tensors on the card and on the host are mixed")


def _on_host(value: Any) -> Any:
    if isinstance(value, Far):
        return value.as_subclass(Tensor)
    asked = value.type if isinstance(value, torch.device) else value
    return torch.device("cpu") if asked == CARD.type else value


def far(net: nn.Module) -> nn.Module:
    """The network with its weights on the card."""
    for module in net.modules():
        for kept in (module._parameters, module._buffers):
            for name, value in kept.items():
                if value is not None:
                    kept[name] = value.detach().as_subclass(Far)  # type: ignore[assignment]
    return net
