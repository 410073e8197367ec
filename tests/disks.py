"""A disk that is full when a test wants it to be."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SIZE = 4 * 2**20  # bytes of the disk
LONGEST = 512  # bytes that a file may have instead, where no disk may be made


@dataclass(frozen=True)
class Disk:
    """A folder on a disk of its own, or, for whoever may not mount one, a limit on the length of every file."""

    folder: Path
    own: bool

    @contextmanager
    def full(self, room: int = 0) -> Iterator[None]:
        """Within this there is no room on it, but for so many bytes."""
        if self.own:
            filler = self.folder / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            os.truncate(filler, max(filler.stat().st_size - room, 0))
            try:
                yield
            finally:
                filler.unlink()
            return
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LONGEST + room, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A small disk at a folder, which is made."""
    folder.mkdir()
    own = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode
    try:
        yield Disk(folder, own)
    finally:
        if own:
            subprocess.run(["umount", "-l", str(folder)], check=True)
