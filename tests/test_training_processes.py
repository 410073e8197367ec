"""Two processes that `accelerate launch` starts learn what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import far_training
import numpy as np
import pytest
import torch

from fitting.precision import has_half
from fitting.training import checkpoint
from fitting.training.processes import Processes

pytest.importorskip("accelerate", reason="accelerate is not installed: pip install 'fitting-room[train]'")


def launched(*arguments: object) -> None:
    """Run the training on two processes of this machine."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    own = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    done = subprocess.run(
        [*command, *own, far_training.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "ACCELERATE_USE_CPU": "true",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        },
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_two_processes_have_the_loss_curve_of_one(tmp_path: Path) -> None:
    far_training.trained(tmp_path / "one")
    launched(tmp_path / "two")
    one, two = (json.loads((tmp_path / name / far_training.CURVES).read_text()) for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    for name in ("plain", "normed"):
        assert len(one[name]) == len(two[name]) == far_training.PLAN.steps
        assert np.mean(one[name][-5:]) < 0.5 * np.mean(one[name][:5]), "it learns"
    # Where training counts in half precision, sums in another order differ in the third digit.
    assert np.allclose(one["plain"], two["plain"], rtol=1e-2 if has_half() else 1e-4)
    # Each batch norm sees half a batch, that is 2 to 4 pictures: these curves agree within that noise.
    apart = np.abs(np.subtract(one["normed"], two["normed"]))
    assert apart.mean() < 0.15 * np.mean(one["normed"])
    states = [checkpoint.read(tmp_path / name) for name in ("one", "two")]
    assert all(state is not None and state["step"] == far_training.PLAN.steps for state in states)
    for name, weight in states[0]["ema"].items():  # type: ignore[index]
        if name.startswith("plain"):
            assert torch.allclose(weight, states[1]["ema"][name], atol=1e-2 if has_half() else 1e-3), name  # type: ignore[index]


def test_a_batch_is_divided_among_processes() -> None:
    batch = {"x": torch.arange(12).view(12, 1), "y": torch.arange(12), "fine": torch.tensor(True)}
    shares = [Processes(rank, 3).share_of(batch, 2) for rank in range(3)]
    assert torch.cat([share["x"] for share in shares]).flatten().tolist() == list(range(12))
    assert [share["y"].tolist() for share in shares] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert all(bool(share["fine"]) for share in shares) and Processes().share_of(batch) is batch
    for count, together in ((5, 1), (4, 2)):
        with pytest.raises(ValueError, match="cannot be divided"):
            Processes(0, count).share_of(batch, together)
    with pytest.raises(ValueError, match="cannot be divided"):
        Processes(0, 2).share_of({**batch, "z": torch.zeros(6)})
    assert Processes.joined() == Processes(), "alone where nothing was launched"
