"""How much of a processor there is for this process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def cores() -> int:
    """Processor cores that this process may use: those it is bound to, or the share that its container has."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # not Linux, or no limit
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(bound, int(quota) // int(period)))
    return bound


def wait_briefly() -> None:
    """Let the threads of PyTorch sleep sooner when they have nothing to do; call it before PyTorch is imported.

    By themselves they wait for the next layer of a network by spinning, for over ten milliseconds, on cores that
    OpenVINO, the server and other visitors' threads could use: in between, those are up to twice as slow. Half a
    millisecond lasts from layer to layer as well. Whoever runs the app may set another count.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # of GNU's OpenMP, which PyTorch for Linux brings
