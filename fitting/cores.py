"""How much of a processor there is for this process."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path


def cores() -> int:
    """Processor cores that this process may use: those it is bound to, or the share that its container has."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # not Linux, or no limit
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(bound, int(quota) // int(period)))
    return bound


def settle() -> None:
    """Let the threads and the memory of this process suit short work on pictures; call it before PyTorch is imported.

    By themselves PyTorch's threads wait for the next layer of a network by spinning, long after the last, on cores that
    OpenVINO, the server and other visitors' threads could use. A short wait lasts from layer to layer as well. And by
    itself the C library gives every map of some megabytes back to the system and asks for it anew, which takes time.
    Whoever runs the app may set either otherwise in the environment; `benchmarks/cost.py` tells what that does.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # of GNU's OpenMP, which PyTorch for Linux brings
    if sys.platform == "linux" and not any(name.startswith("MALLOC_") for name in os.environ):
        with suppress(AttributeError):  # another C library than GNU's
            set_option = ctypes.CDLL(None).mallopt
            set_option(M_MMAP_THRESHOLD, 32 << 20)
            set_option(M_TRIM_THRESHOLD, 256 << 20)
            set_option(M_ARENA_MAX, cores())  # or each of many threads would keep as much for itself


def give_back() -> None:
    """Return free memory to the system: after work that needs much of it once."""
    if sys.platform == "linux":
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # as <malloc.h> numbers them
