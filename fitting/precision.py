"""Where the networks count, and how exactly: what differs by device, in one place for all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fitting.errors import ShopError


def quick(device: torch.device, enabled: bool = True) -> torch.autocast:
    """Half precision (bfloat16) inside, on graphics cards and on processors that have it in hardware.

    Elsewhere bfloat16 would be emulated, and slower, or missing: there nothing changes.

    Args:
        enabled: False where a computation does not bear it.
    """
    faster = device.type != "cpu" or has_half()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and faster)


def has_half() -> bool:
    """Whether this machine's processor counts in bfloat16 itself."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def device_of(name: str) -> torch.device:
    """The device that a setting names: "auto" is this machine's graphics card, or its processor where it has none.

    Raises:
        ShopError: there is no such device here.
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return found or torch.device("cpu")
    asked = torch.device(name)
    have = torch.accelerator.device_count() if found is not None and found.type == asked.type else 0
    if asked.type != "cpu" and (asked.index or 0) >= have:
        raise ShopError(
            f"PyTorch finds no {name} on this machine. Install the PyTorch that is made for your graphics card, "
            "or set the device to cpu."
        )
    return asked


def home(net: nn.Module) -> torch.device:
    """Where a network's weights lie, and its inputs must; the processor for one that has none."""
    return next((weight.device for weight in net.parameters()), torch.device("cpu"))


def last(picture: Tensor) -> Tensor:
    """Pictures (N, C, H, W) with their channels side by side in memory, the order that half precision likes."""
    return picture.contiguous(memory_format=torch.channels_last)
