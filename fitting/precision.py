"""Where the networks count, and how exactly: what differs by device, in one place for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device.

    A copy from a host's usual memory to a CUDA card waits until the card has done all it was told before. One from
    pinned memory is only told to it as well; PyTorch keeps that memory until the copy is made.
    """
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return torch.empty_like(tensor, pin_memory=True).copy_(tensor).to(device, non_blocking=True)


def fetched(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors of one device on the host, when all have come: from a CUDA card with one wait for all of them."""
    device = tensors[0].device
    came = tuple(tensor.to("cpu", non_blocking=device.type == "cuda") for tensor in tensors)
    if (told := mark(device)) is not None:
        told.synchronize()
    return came


def mark(device: torch.device) -> torch.Event | None:
    """A mark behind all that this thread has told a CUDA card, which can be waited for; None for other devices."""
    if device.type != "cuda" or not torch.cuda.is_initialized():
        return None
    event = torch.Event(device, blocking=True)  # whoever waits leaves the processor to others
    event.record()
    return event


@dataclass(frozen=True)
class Manner:
    """How a thread counts on a device: what PyTorch keeps for every thread apart, and a network's answer depends on.

    Attributes:
        inference: in inference mode.
        gradients: operations are recorded.
        half: what autocast counts in; None without autocast.
    """

    inference: bool
    gradients: bool
    half: torch.dtype | None

    @classmethod
    def here(cls, device: torch.device) -> Manner:
        """This thread's."""
        half = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
        return cls(torch.is_inference_mode_enabled(), torch.is_grad_enabled(), half)

    @contextmanager
    def taken_on(self, device: torch.device) -> Iterator[None]:
        """Count in this manner, in another thread."""
        half = torch.autocast(device.type, self.half, enabled=self.half is not None)
        with torch.inference_mode(self.inference), torch.set_grad_enabled(self.gradients), half:
            yield
