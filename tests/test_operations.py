"""What a host sees: figures and the dashboard of them, log lines, masked settings, the audit of packages."""

from __future__ import annotations

import io
import json
import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fakes import FakeRoom
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from fitting.errors import PhotoError, ShopError, WeightsError
from fitting.lookups import Lookups
from fitting.settings import Settings
from fitting.ui import words
from fitting.ui.logs import JsonLines, Lines, Printed, cleared, refused
from fitting.ui.metrics import Metrics
from fitting.ui.telling import in_words, kind_of, met
from fitting.ui.traffic import Traffic

ROOT = Path(__file__).resolve().parent.parent


def exported() -> set[str]:
    """Names of everything that can be asked of /metrics."""
    metrics = Metrics()
    room: Any = FakeRoom()
    room.lookups = {"person": Lookups()}
    traffic = Traffic()
    traffic.answered(200)
    watched = metrics.watch(room)
    metrics.watch_traffic(traffic)
    picture = Image.new("RGB", (300, 400), "grey")
    watched.try_on(picture, picture)
    metrics._waited.labels("room").observe(1.0)
    families = text_string_to_metric_families(metrics.page().decode())
    return {sample.name for family in families for sample in family.samples}


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text(encoding="utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    names, known = set(re.findall(r"fitting_\w+", asked)), exported()
    assert names <= known, names - known
    assert {base(name) for name in names} == {base(name) for name in known}, "and it shows them all"


def base(name: str) -> str:
    """A figure's own name."""
    return re.sub(r"_(bucket|sum|count|created|total)$", "", name)


def test_the_documentation_names_every_figure() -> None:
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    for name in exported():
        assert base(name) in text, name


def record(message: str, logger: str = "fitting.test", error: BaseException | None = None, **told: Any) -> Any:
    thrown = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord(logger, logging.WARNING, __file__, 1, message, (), thrown)
    made.told = told
    return made


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


SECRETS = [
    "/tmp/fitting-room-x1/abc/holiday.jpg",
    "192.0.2.7",
    "2001:db8::17",
    "k3j5h2k8d0a",
    "'red dress'",
    "http://shop.example/a?b",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_libraries_write_is_cleared_of_what_may_be_a_visitors(secret: str) -> None:
    line = json.loads(JsonLines().format(record(f"Task of {secret} was lost", "asyncio")))
    assert line["message"] == "Task of … was lost" and line["level"] == "warning" and line["logger"] == "asyncio"
    for error in (ValueError(f"no {secret}"), KeyError(secret), OSError(28, "No space left on device", secret)):
        for style in (JsonLines(), Lines()):
            text = style.format(record("it failed", error=raised(error)))
            assert secret.strip("'") not in text and type(error).__name__ in text
    full = raised(OSError(28, "No space left on device", secret))
    assert "No space left on device" in JsonLines().format(record("it failed", error=full))


def test_errors_tell_their_kind_their_place_and_their_cause() -> None:
    error = raised(ShopError("The shop's database does not answer."), raised(RuntimeError("anna's photo")))
    line = json.loads(JsonLines().format(record("it failed", error=error, seconds={"warp": 0.1})))
    assert line["seconds"] == {"warp": 0.1}
    shop, cause = line["errors"]
    assert (shop["kind"], shop["said"]) == ("ShopError", "The shop's database does not answer.")
    assert cause["kind"] == "RuntimeError" and "said" not in cause and "test_operations.py" in cause["at"][0]
    text = Lines().format(record("it failed", error=error))
    assert text.splitlines()[:2] == ["WARNING fitting.test: it failed", f"  ShopError: {shop['said']}"]
    assert cleared("nothing of anybody: 3 of 12, at 09:30") == "nothing of anybody: 3 of 12, at 09:30"


def test_of_what_gradio_prints_the_log_has_the_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    printed = Printed(io.StringIO())
    try:
        raise ValueError("Received inputs:\nanna's birthday dress\n    [more of it]")
    except ValueError:
        traceback.print_exc(file=printed)
    print("A line", "and its rest.", file=printed)
    assert [record.getMessage() for record in caplog.records] == ["ValueError", "A line and its rest."]
    assert {record.name for record in caplog.records} == {"stderr"}


def test_why_the_app_does_not_start_is_a_line_of_the_log_where_that_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(WeightsError("There are none.")) == "There are none."
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    assert refused(WeightsError("There are none.")) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PhotoError("x"), "photo"),
        (ShopError("x"), "shop"),
        (OperationalError("x", {}, Exception("y")), "shop"),
        (OSError(28, "No space left on device"), "full"),
        (OSError(2, "No such file"), "broken"),
        (RuntimeError("x"), "broken"),
    ],
)
def test_what_nobody_expected_is_told_in_a_sentence_and_counted(error: Exception, kind: str) -> None:
    def step() -> Iterator[str]:
        yield "first"
        raise error

    def answer() -> str:
        raise error

    assert kind_of(error) == kind
    before = met()[kind]
    sentence = {"photo": "x", "full": words.BUSY}.get(kind, words.BROKEN)
    steps = in_words(step)()
    assert next(steps) == "first"
    for told in (lambda: next(steps), in_words(answer)):
        with pytest.raises(gr.Error) as caught:
            told()
        assert caught.value.message == sentence and not caught.value.print_exception
    assert met()[kind] == before + 2


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://shop:hush@db.local/shop",
        "postgresql://db.local/shop?user=anna&password=hush&sslmode=require",
        "postgresql://shop:hu@hush@db.local/shop",
    ],
)
def test_addresses_are_shown_without_what_is_secret_in_them(address: str) -> None:
    for key in ("database", "vectors"):
        shown = Settings(**{key: address}).shown()[key]
        assert "hush" not in shown and "anna" not in shown and "db.local/shop" in shown


def test_the_audit_tells_holes_and_that_nobody_could_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import audit

    holes = [{"id": "PYSEC-1", "fix_versions": ["2"]}]
    for packages, code, said in (
        ([], 0, "AUDIT NOT DONE"),
        ([{"name": "x", "skip_reason": "not found"}], 0, "AUDIT NOT DONE"),
        ([{"name": "x", "version": "1", "vulns": []}], 0, "AUDIT: 0 known holes in 1 packages"),
        ([{"name": "x", "version": "1", "vulns": holes}], 1, "x 1: PYSEC-1, mended in 2\nAUDIT: 1 known holes"),
    ):
        monkeypatch.setattr(audit, "asked", lambda packages=packages: packages)
        assert audit.main() == code and said in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.setattr(audit.sys, "executable", "/nowhere/python")
    assert audit.asked() == []
