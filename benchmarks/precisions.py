"""What each way to run a network takes, and what it does to the picture.

    pip install nncf
    python benchmarks/precisions.py --json benchmarks/precisions.json

Every network of a try-on, run by PyTorch and by OpenVINO in single precision, in bfloat16 where the processor counts in
it, and by OpenVINO in int8 where NNCF is installed (weights and activations, their ranges found on half of the inputs).
`milliseconds` are medians of one call, the ways taking turns; `apart` is the relative distance of the answers from
PyTorch's in single precision, output by output; `psnr` is of whole pictures at 768x1024, lowest and median, when that
network alone runs in that way: where it is infinite no picture changed (null). Sample people in sample garments.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.cores import settle

settle()  # as the app does, before PyTorch is imported
# ruff: noqa: E402

import numpy as np
import torch
from PIL import Image
from stages import ASSETS, SIZE, photo_of
from torch import Tensor, nn

from fitting.around import Around, like, tensors_of
from fitting.compiled import _converted, _Flat
from fitting.images import to_tensor
from fitting.person import understand_person
from fitting.precision import has_half
from fitting.room import FittingRoom

Inputs = tuple[Tensor, ...]
NETS = {"person": "person_net", "garment": "garment_net", "flow": "flow_net", "generator": "generator"}
PAIRS, TIMED = 24, 15


class Torch(Around):
    """A network run by PyTorch in one precision, whatever its caller's. Keeps what it was asked, if told to."""

    def __init__(self, net: nn.Module, half: bool = False, keep: bool = False) -> None:
        super().__init__(net)
        self.half, self.kept = half, [] if keep else None

    def forward(self, *given: Tensor) -> Any:
        if self.kept is not None:
            self.kept.append(tuple(each.detach().float().clone() for each in given))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            return self.net(*given)


class OpenVino(Around):
    """A network run by OpenVINO: f32, bf16 or int8, for which it is shown examples."""

    def __init__(self, net: nn.Module, precision: str, examples: list[Inputs]) -> None:
        super().__init__(net)
        self.precision, self.examples = precision, examples
        self.made: dict[tuple[torch.Size, ...], tuple[Any, Any]] = {}

    def forward(self, *given: Tensor) -> Any:
        shapes = tuple(each.shape for each in given)
        if shapes not in self.made:
            self.made[shapes] = self._make(shapes)
        request, sample = self.made[shapes]
        found = request.infer([each.float().contiguous().numpy() for each in given])
        return like(sample, iter([torch.from_numpy(found[place].copy()) for place in range(len(found))]))

    def _make(self, shapes: tuple[torch.Size, ...]) -> tuple[Any, Any]:
        import openvino

        examples = [inputs for inputs in self.examples if tuple(each.shape for each in inputs) == shapes]
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            sample, model = self.net(*examples[0]), _converted(_Flat(self.net), examples[0])
        if self.precision == "int8":
            import nncf

            shown = nncf.Dataset([[each.numpy() for each in inputs] for inputs in examples])
            model = nncf.quantize(model, shown, preset=nncf.QuantizationPreset.MIXED, subset_size=len(examples))
        options = {"INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32"}
        options |= {"INFERENCE_NUM_THREADS": str(torch.get_num_threads()), "NUM_STREAMS": "1"}
        return openvino.Core().compile_model(model, "CPU", options).create_infer_request(), sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numbers: dict[str, object] = {"networks": measure(FittingRoom.load())}
    numbers |= {"try_ons": PAIRS, "threads": options.threads, "torch": torch.__version__, "machine": machine()}
    text = json.dumps(numbers, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def machine() -> str:
    """The processor, and what it counts in beside single precision."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    has = [name for name in ("avx512_bf16", "amx_bf16", "avx512_vnni", "avx_vnni", "amx_int8") if name in flags]
    return f"{platform.machine()}, {', '.join(has) or 'neither bfloat16 nor int8'}"


def measure(room: FittingRoom) -> dict[str, object]:
    """Every network in every way."""
    single = {name: Torch(found(room, name), keep=True) for name in NETS}
    for name, net in single.items():
        put(room, name, net)
    wanted = list(pictures(room))
    table: dict[str, object] = {}
    for name, net in single.items():
        asked, net.kept = list(net.kept or ()), None
        ways: dict[str, nn.Module] = {"torch_f32": net}
        if has_half():
            ways["torch_bf16"] = Torch(net.net, half=True)
        for precision in ("f32", *(["bf16"] if has_half() else []), *(["int8"] if nncf_is_there() else [])):
            ways[f"openvino_{precision}"] = OpenVino(net.net, precision, asked[::2])
        rows = timed(ways, asked[1::2])
        for way, other in ways.items():
            put(room, name, other)
            rows[way]["psnr"] = psnr(wanted, list(pictures(room)))
        put(room, name, net)
        table[name] = rows
    return table


def nncf_is_there() -> bool:
    return importlib.util.find_spec("nncf") is not None


def found(room: FittingRoom, name: str) -> nn.Module:
    return getattr(room if hasattr(room, NETS[name]) else room.engine, NETS[name])  # type: ignore[no-any-return]


def put(room: FittingRoom, name: str, net: nn.Module) -> None:
    setattr(room if hasattr(room, NETS[name]) else room.engine, NETS[name], net)


def pictures(room: FittingRoom) -> Iterator[np.ndarray]:
    """Sample people in sample garments, understood anew each time."""
    people = [to_tensor(photo_of(path, SIZE)) for path in sorted((ASSETS / "people").glob("*.jpg"))]
    garments = sorted((ASSETS / "garments").glob("*.jpg"))
    for turn in range(PAIRS):
        person = understand_person(room.person_net, people[turn % len(people)])
        worn = Image.open(garments[2 * turn % len(garments)]).convert("RGB")
        yield np.asarray(room.try_on(person, worn).picture)
        room.forget(person)


def timed(ways: dict[str, nn.Module], asked: list[Inputs]) -> dict[str, dict[str, object]]:
    """Milliseconds of a call, by the shape of its first input, and how far the answers are apart."""
    rows: dict[str, dict[str, object]] = {way: {"milliseconds": {}, "apart": {}} for way in ways}
    for shape in dict.fromkeys(inputs[0].shape for inputs in asked):
        alike = [inputs for inputs in asked if inputs[0].shape == shape][: TIMED + 1]
        taken: dict[str, list[float]] = {way: [] for way in ways}
        away: dict[str, list[list[float]]] = {way: [] for way in ways}
        for turn, inputs in enumerate(alike):
            exact: list[Tensor] = []
            for way, net in ways.items():
                since = time.perf_counter()
                answer = [each.float() for each in tensors_of(net(*inputs))]
                seconds = time.perf_counter() - since
                exact = exact or answer
                if turn:  # the first prepares it
                    taken[way].append(1000 * seconds)
                    pairs = zip(answer, exact, strict=True)
                    away[way].append([float((one - other).norm() / other.norm()) for one, other in pairs])
        key = "x".join(map(str, shape))
        for way, row in rows.items():
            row["milliseconds"][key] = round(statistics.median(taken[way]), 1)  # type: ignore[index]
            medians = [round(statistics.median(each), 4) for each in zip(*away[way], strict=True)]
            row["apart"][key] = medians  # type: ignore[index]
    return rows


def psnr(wanted: list[np.ndarray], found: list[np.ndarray]) -> dict[str, float | None]:
    """Lowest and median, dB."""
    values = []
    for one, other in zip(wanted, found, strict=True):
        error = float(np.square(one.astype(np.float64) - other).mean())
        values.append(10 * math.log10(255**2 / error) if error else math.inf)
    summary = {"lowest": min(values), "median": statistics.median(values)}
    return {name: round(value, 1) if math.isfinite(value) else None for name, value in summary.items()}


if __name__ == "__main__":
    main()
