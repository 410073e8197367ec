"""How exactly the networks count, by device: half precision wherever that is the faster, in one place for all."""

from __future__ import annotations

import torch
from torch import Tensor


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


def last(picture: Tensor) -> Tensor:
    """Pictures (N, C, H, W) with their channels side by side in memory, the order that half precision likes."""
    return picture.contiguous(memory_format=torch.channels_last)
