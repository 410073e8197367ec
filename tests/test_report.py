"""A training run as one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fitting.cli import app
from fitting.report import SHEETS, RunError, chart_of, report, series_of, sheets_of

pytest.importorskip("tensorboard", reason="TensorBoard is in the train extra")
pytest.importorskip("plotly", reason="Plotly is in the train extra")


def write(folder: Path, numbers: dict[str, dict[int, float]]) -> None:
    from fitting.training.loop import summary_writer

    folder.mkdir(parents=True, exist_ok=True)
    writer = summary_writer(folder)
    for name, values in numbers.items():
        for step, value in values.items():
            writer.add_scalar(name, value, step)
    writer.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "tryon"
    write(folder / "game", {"likeness": {50: 0.5, 100: 0.4}, "fake": {50: -1.0, 100: -0.5}, "recall": {100: 0.7}})
    write(folder / "flow", {"flow": {100: 3.0, 200: 1.5}})
    Image.new("RGB", (40, 30), "teal").save(folder / "game" / "preview-000100.png")
    return folder


def test_the_page_holds_everything_and_asks_for_nothing(run: Path) -> None:
    page = report(run)
    assert "<h2>flow</h2>" in page and "<h2>game</h2>" in page
    for title in ("Losses", "Balance of the players", "Collapse monitors", "Samples at step 100"):
        assert title in page
    assert "data:image/jpeg;base64," in page
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=", outside.replace('src="data:', "")) and "<script src" not in page


def test_a_resumed_run_keeps_the_later_value_of_a_step(tmp_path: Path) -> None:
    write(tmp_path, {"loss": {100: 9.0, 200: 8.0}})
    write(tmp_path, {"loss": {200: 2.0, 300: 1.0}})
    (line,) = series_of(tmp_path)
    assert line.steps == [100, 200, 300]
    assert line.values == pytest.approx([9.0, 2.0, 1.0])


def test_previews_are_spread_over_the_run(tmp_path: Path) -> None:
    for step in range(1, 41):
        (tmp_path / f"preview-{step:06d}.png").touch()
    (tmp_path / "preview-last.png").touch()
    shown = [step for step, _ in sheets_of(tmp_path)]
    assert len(shown) == SHEETS and shown[0] == 1 and shown[-1] == 40 and shown == sorted(set(shown))


def test_series_find_their_chart() -> None:
    assert chart_of("real") == "Balance of the players"
    assert chart_of("coverage") == "Collapse monitors"
    assert chart_of("perceptual") == "Losses"


def test_a_folder_without_logs_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no training logs"):
        report(tmp_path)
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 1 and "no training logs" in result.output


def test_the_command_writes_the_page(run: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(run)])
    assert result.exit_code == 0
    assert "Losses" in (run / "report.html").read_text(encoding="utf-8")
