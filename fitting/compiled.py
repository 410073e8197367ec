"""Networks run by OpenVINO instead of PyTorch: the same pictures, sooner.

PyTorch runs a small network layer by layer; OpenVINO fuses what belongs together. It counts in half precision where
the processor does, as `fitting.precision` lets PyTorch. Preparing that takes seconds for each network and each size of
its inputs, so what was prepared is kept on disk and found again by what it was made of.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from fitting.around import Around, like, tensors_of
from fitting.captured import Captured
from fitting.cores import cores, give_back
from fitting.errors import WeightsError
from fitting.gathered import Gathered
from fitting.precision import has_half, home

log = logging.getLogger(__name__)

Net = TypeVar("Net", bound=nn.Module)
RUNTIMES = ("auto", "torch", "openvino", "compile")
UNUSED = 60 * 86400  # seconds after which a model that was prepared is deleted, if others are
NEAR = 0.05  # of an answer's norm: farther from PyTorch's it is not what half precision rounds away, but wrong


def runtime_of(name: str) -> str:
    """What "auto" comes to here: OpenVINO where it is installed.

    Raises:
        ValueError: there is no such runtime.
        WeightsError: it is not installed.
    """
    if name not in RUNTIMES:
        raise ValueError(f"runtime must be one of {', '.join(RUNTIMES)}, not {name!r}")
    installed = importlib.util.find_spec("openvino") is not None
    if name == "openvino" and not installed:
        raise WeightsError(
            "OpenVINO is not installed: pip install 'fitting-room[openvino]', or set the runtime to torch."
        )
    if name == "auto":
        return "openvino" if installed else "torch"
    return name


def prepared(net: Net, runtime: str, half: bool = True) -> Net:
    """The network as the runtime runs it, called in the same way; on a card, for several callers at once.

    Args:
        net: lies where it will count.
        runtime: "openvino", for processors alone; "compile", which is PyTorch's own compiler; or "torch", which is
            the network itself.
        half: it bears half precision.
    """
    captured = Captured(net) if runtime == "compile" else None
    if home(net).type != "cpu":
        # Several calls share their launches already, and to compile for every number of them would take many minutes.
        return cast(Net, Gathered(net, alone=captured))
    if runtime == "openvino":
        return cast(Net, Compiled(net, usual_folder(), half))
    return net if captured is None else cast(Net, captured)


def usual_folder() -> Path:
    """Where prepared networks are kept: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "fitting-room" / "openvino"


class Compiled(Around):
    """A network that OpenVINO runs on the processor; it takes and gives what the network itself does.

    Safe to use from several threads.

    Args:
        net: must not be changed afterwards; its answers are made of tensors, tuples and dataclasses.
        folder: for what was prepared; None keeps it in memory alone.
        half: count in half precision where the processor does.
    """

    def __init__(self, net: nn.Module, folder: Path | None = None, half: bool = True) -> None:
        super().__init__(net)
        self.folder, self.bears_half = folder, half
        self._ready: dict[tuple[Any, ...], tuple[Any, Any] | None] = {}
        self._lock = threading.Lock()
        self._idle: dict[tuple[Any, ...], list[Any]] = {}

    def forward(self, *inputs: Tensor) -> Any:
        if any(given.device.type != "cpu" for given in inputs):
            return self.net(*inputs)
        shapes = (torch.get_num_threads(), *(tuple(given.shape) for given in inputs))
        with self._lock:
            if shapes not in self._ready:
                try:
                    self._ready[shapes] = self._prepare(inputs)
                    give_back()
                except Exception:  # whatever OpenVINO cannot do must not cost a visitor their try-on
                    log.warning("OpenVINO cannot run a network here; PyTorch does", exc_info=True)
                    self._ready[shapes] = None
            ready = self._ready[shapes]
        if ready is None:
            return self.net(*inputs)
        model, sample = ready
        with self._lock:  # as many requests as callers at once, not one for every thread: each holds all tensors
            idle = self._idle.setdefault(shapes, [])
            request = idle.pop() if idle else model.create_infer_request()
        try:
            found = request.infer([given.detach().float().contiguous().numpy() for given in inputs])
            return like(sample, iter([torch.from_numpy(found[k].copy()) for k in range(len(found))]))
        finally:
            with self._lock:
                idle.append(request)

    def _prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Any, Any]:
        """The model for inputs of these shapes, and an answer that shows how answers are built."""
        exactly = torch.autocast("cpu", enabled=False)  # whatever the caller's precision: it is not OpenVINO's matter
        with torch.inference_mode(False), torch.no_grad(), exactly:
            random = torch.Generator().manual_seed(0)
            given = tuple(torch.rand(each.shape, generator=random) for each in inputs)
            sample = self.net(*given)
            core, name = _core(), self._name(given)
            # As many callers at once as there are cores for; by itself OpenVINO would let them wait for each other.
            threads = torch.get_num_threads()
            streams = max(1, cores() // threads)
            options: dict[str, Any] = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams * threads}
            options |= {
                "INFERENCE_PRECISION_HINT": "bf16" if self.bears_half and has_half() else "f32",
                "PERFORMANCE_HINT": "LATENCY",
            }
            if self.folder is not None and (kept := self.folder / name / "model.xml").is_file():
                with suppress(RuntimeError):  # OpenVINO cannot read it
                    if _agrees(model := core.compile_model(kept, "CPU", options), given, sample):
                        _used(kept.parent)
                        return model, sample
                log.warning("a prepared network is damaged and made anew: %s", kept)
                shutil.rmtree(kept.parent, ignore_errors=True)
            made = _converted(_Flat(self.net), given)
            if not _agrees(model := core.compile_model(made, "CPU", options), given, sample):
                raise RuntimeError("its answers differ from PyTorch's")
            if self.folder is not None:
                _keep(made, self.folder, name)
            return model, sample

    def _name(self, given: tuple[Tensor, ...]) -> str:
        """What a model is found again by: the network, its code, its weights, its inputs and who prepares it."""
        import openvino

        known = hashlib.sha256(f"{openvino.__version__} {torch.__version__} {self.net}".encode())
        known.update(str([tuple(each.shape) for each in given]).encode())
        code = {inspect.getsourcefile(type(part)) for part in self.net.modules()} | {__file__}
        for path in sorted(path for path in code if path and Path(path).is_relative_to(Path(__file__).parent)):
            known.update(Path(path).read_bytes())
        for key, value in self.net.state_dict().items():
            known.update(key.encode() + value.float().contiguous().numpy().tobytes())
        return known.hexdigest()[:32]


@cache
def _core() -> Any:
    """One for all networks, which then share its threads."""
    import openvino

    return openvino.Core()


def _agrees(model: Any, given: tuple[Tensor, ...], wanted: Any) -> bool:
    """Whether a model says of an input what PyTorch does, as far as half precision can tell."""
    found = model.create_infer_request().infer([each.numpy() for each in given])
    pairs = [(torch.from_numpy(found[place]), tensor) for place, tensor in enumerate(tensors_of(wanted))]
    return len(found) == len(pairs) and all(
        one.shape == other.shape and float((one - other).norm()) <= NEAR * float(other.norm()) + 1e-6
        for one, other in pairs
    )


class _Flat(nn.Module):
    """A network whose answer is a plain tuple of tensors."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensors_of(self.net(*inputs)))


def _converted(net: nn.Module, given: tuple[Tensor, ...]) -> Any:
    """OpenVINO's form of a network. Its usual converter would report its use to its makers; this path does not."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    with _quiet_root():
        decoder = TorchFXPythonDecoder.from_exported_program(torch.export.export(net.eval(), given))
    frontend = FrontEndManager().load_by_framework("pytorch")
    return frontend.convert(frontend.load(decoder))


@contextmanager
def _quiet_root() -> Iterator[None]:
    """OpenVINO reports, with a traceback and in nobody's name, operations that it need not take apart."""

    def not_that(record: logging.LogRecord) -> bool:
        return "not found in decomp table" not in record.getMessage()

    root = logging.getLogger()
    root.addFilter(not_that)
    try:
        yield
    finally:
        root.removeFilter(not_that)


def _used(folder: Path) -> None:
    """Remember that a model was used now."""
    with suppress(OSError):  # a folder that may only be read
        os.utime(folder)


def _keep(model: Any, folder: Path, name: str) -> None:
    """Write a model whole or not at all: another process may be looking for it. What nobody uses any more goes."""
    import openvino

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if time.time() - old.stat().st_mtime > UNUSED:
                shutil.rmtree(old, ignore_errors=True)
        new = Path(tempfile.mkdtemp(dir=folder))
        try:
            openvino.save_model(model, new / "model.xml", compress_to_fp16=False)
            new.rename(folder / name)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except (OSError, RuntimeError) as error:  # another was quicker, or the disk is full: it works from memory
        log.info("a prepared network is not kept: %s", error)
