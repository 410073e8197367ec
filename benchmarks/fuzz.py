"""Feed the product what nobody should, a hundred thousand times: nothing may crash, hang, or eat memory.

    pip install -e '.[dev,bench]'
    nice python benchmarks/fuzz.py --json benchmarks/fuzz.json --found FOLDER

Every target of `hostile*.py` is fuzzed in a process of its own by atheris (libFuzzer), which keeps what reaches new
code and mutates it further; where atheris is not installed, seeds are mutated blindly. What fails is written to FOLDER
and the fuzzing goes on; a process that dies or hangs is started again behind the input that it died of. An input fails
where the target raises, takes more than LIMIT_SECONDS of processor time, or more than LIMIT_MEGABYTES of memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 10.0
LIMIT_MEGABYTES = 500.0  # above what the process held before; a picture of 25 megapixels is 75 as RGB
MOST_BYTES = 8 << 30  # of addresses, of a process
SILENCE = 300.0  # seconds without a sign of life before a process counts as hung
RUNS = {  # 110,000 in all; those of a kind are many where an input costs little
    "picture": 40_000,
    "products": 12_000,
    "orders": 10_000,
    "reviews": 10_000,
    "catalogue": 10_000,
    "import": 1_000,
    "settings": 5_000,
    "weights": 5_000,
    "guard": 12_000,
    "api": 5_000,
}
INSTRUMENTED = ("fitting", "PIL", "safetensors", "pydantic_settings", "starlette", "python_multipart")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the counts go; without it they are only shown")
    parser.add_argument("--found", type=Path, help="folder for inputs that failed")
    parser.add_argument("--only", nargs="*", choices=RUNS, default=list(RUNS))
    parser.add_argument("--runs", type=int, help="of every target, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", nargs=3, metavar=("TARGET", "WORK", "RUNS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        name, work, runs = options.inside
        return inside(name, Path(work), int(runs), options.seed)
    targets = {name: fuzz(name, options.runs or RUNS[name], options) for name in options.only}
    report: dict[str, Any] = {
        "inputs": sum(one["inputs"] for one in targets.values()),
        "failures": sum(len(one["failures"]) for one in targets.values()),
        "limits": {"cpu_seconds": LIMIT_SECONDS, "megabytes": LIMIT_MEGABYTES},
        "targets": targets,
        "seed": options.seed,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    if options.json:
        options.json.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def fuzz(name: str, runs: int, options: argparse.Namespace) -> dict[str, Any]:
    """So many inputs for a target, in as many processes as it takes."""
    record = Record()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        began = time.monotonic()
        while record.inputs < runs:
            died = _process(name, work, runs - record.inputs, options.seed + record.inputs)
            with suppress(FileNotFoundError):
                record.add(Record(**json.loads((work / "record.json").read_text())))
                (work / "record.json").unlink()
            if died:
                record.fail((work / "current").read_bytes() if (work / "current").exists() else b"", *died)
                record.inputs += 1
        seconds = time.monotonic() - began
        log = (work / "log").read_text(errors="replace")
        if options.found and record.failures:
            (options.found / name).mkdir(parents=True, exist_ok=True)
            for digest, content in record.contents.items():
                (options.found / name / digest).write_bytes(bytes.fromhex(content))
    covered = [int(count) for count in re.findall(r"cov: (\d+)", log)]
    return {
        "inputs": record.inputs,
        "of_use": record.of_use,
        "per_second": round(record.inputs / seconds, 1),
        "slowest_cpu_seconds": round(record.slowest, 3),
        "most_megabytes": round(record.most),
        "grown_megabytes": round(record.grown),
        "guided_by_coverage": bool(covered),
        "branches_covered": max(covered, default=None),
        "failures": {why: {"input": digest, "said": record.said[digest]} for why, digest in record.failures.items()},
    }


def _process(name: str, work: Path, runs: int, seed: int) -> tuple[str, str] | None:
    """Run `inside` in a process of its own; returns what it died of and its last words, None where it did not."""
    command = [sys.executable, __file__, "--seed", str(seed), "--inside", name, str(work), str(runs)]
    with (work / "log").open("ab") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
        while child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(5)
            sign = max(work / "current", work / "log", key=lambda path: path.stat().st_mtime if path.exists() else 0)
            if child.poll() is None and time.time() - sign.stat().st_mtime > SILENCE:
                child.kill()
                child.wait()
                return f"no sign of life for {SILENCE:.0f} seconds", ""
    if child.returncode:
        return f"the process ended with {child.returncode}", (work / "log").read_text(errors="replace")[-3000:]
    return None


@dataclass
class Record:
    """What a process saw.

    Attributes:
        of_use: inputs that the product could use, wholly or in part.
        slowest: CPU seconds of one input.
        most: megabytes above those before, of one input.
        grown: megabytes held in the end above those after the first tenth.
        failures: what went wrong, with the name of the first input that did it.
        contents, said: that input as hex, and what was said of it, by its name.
    """

    inputs: int = 0
    of_use: int = 0
    slowest: float = 0.0
    most: float = 0.0
    grown: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def add(self, other: Record) -> None:
        """Take in what another process saw."""
        self.inputs, self.of_use = self.inputs + other.inputs, self.of_use + other.of_use
        self.slowest, self.most = max(self.slowest, other.slowest), max(self.most, other.most)
        self.grown = max(self.grown, other.grown)
        for why, digest in other.failures.items():
            self.fail(bytes.fromhex(other.contents[digest]), why, other.said[digest])

    def fail(self, content: bytes, why: str, said: str = "") -> None:
        """Keep the first input of every kind of failure."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        if self.failures.setdefault(why, digest) == digest:
            self.contents[digest], self.said[digest] = content.hex(), said


class Watch:
    """Puts inputs to a target, and measures."""

    def __init__(self, check: Callable[[bytes], bool], work: Path, runs: int) -> None:
        self.check, self.work, self.runs = check, work, runs
        self.record = Record()
        self._warm = 0.0
        self._current = (work / "current").open("wb", buffering=0)

    def __call__(self, content: bytes) -> None:
        self._current.seek(0)
        self._current.truncate()
        self._current.write(content)
        record, (held, _), began = self.record, _memory(), time.process_time()
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        try:
            record.of_use += bool(self.check(content))
        except Exception as error:
            record.fail(content, _kind(error), str(error)[:200])
        taken, (now, peak) = time.process_time() - began, _memory()
        record.inputs += 1
        record.slowest, record.most = max(record.slowest, taken), max(record.most, peak - held)
        if taken > LIMIT_SECONDS:
            record.fail(content, f"more than {LIMIT_SECONDS} CPU seconds")
        if peak - held > LIMIT_MEGABYTES:
            record.fail(content, f"more than {LIMIT_MEGABYTES} megabytes")
        if record.inputs == max(1, self.runs // 10):
            self._warm = now
        if record.inputs >= self.runs:
            record.grown = now - self._warm
            self.save()
            os._exit(0)
        if record.inputs % 50 == 0:
            self.save()

    def save(self) -> None:
        """Leave what was seen to the parent, even if this process dies."""
        beside = self.work / "record.part"
        beside.write_text(json.dumps(vars(self.record)))
        beside.replace(self.work / "record.json")


def _memory() -> tuple[float, float]:
    """Megabytes held now, and at most since the peak was cleared."""
    status = Path("/proc/self/status").read_text()
    held, peak = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[index]
    return held, peak


def _kind(error: Exception) -> str:
    """A failure's kind: the error, and the last line of ours that it passed through; or what was not as it must be."""
    if isinstance(error, AssertionError):
        return re.sub(r"\d+", "#", str(error))[:120]
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if "/fitting/" in frame.filename), frames[-1])
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


def inside(name: str, work: Path, runs: int, seed: int) -> None:
    """Fuzz a target in this process, and never return."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    try:
        import atheris
    except ImportError:
        target = _target(name, work)
        watch, chance = Watch(target.check, work, runs), random.Random(seed)
        while True:
            watch(target.mutated(chance.choice(list(target.seeds.values())), chance))
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        target = _target(name, work)
    corpus, words = work / "corpus", work / "words"
    corpus.mkdir(exist_ok=True)
    for seed_name, content in target.seeds.items():
        (corpus / f"seed-{seed_name}").write_bytes(content)
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words))
    watch = Watch(target.check, work, runs)
    limits = [
        f"-artifact_prefix={work}/",
        "-rss_limit_mb=0",
        "-timeout=100000",
        "-len_control=0",
        f"-max_len={target.longest}",
    ]

    def mutated(content: bytes, longest: int, number: int) -> bytes:
        chance = random.Random(number)
        if target.mutations and chance.random() < 0.5:
            return chance.choice(target.mutations)(bytes(content), chance)[:longest]
        return bytes(atheris.Mutate(content, longest))

    arguments = [__file__, f"-seed={seed}", f"-dict={words}", *limits, str(corpus)]
    atheris.Setup(arguments, watch, custom_mutator=mutated)
    atheris.Fuzz()


def _target(name: str, work: Path) -> Any:
    """A target, of the one module that has it: what another needs is not loaded."""
    folder = work / "folder"
    folder.mkdir(exist_ok=True)
    for module in ("hostile", "hostile_shop", "hostile_requests"):
        targets = import_module(module).TARGETS
        if name in targets:
            return targets[name](folder)
    raise KeyError(name)


if __name__ == "__main__":
    main()
