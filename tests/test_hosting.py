"""What hosts need: the container's recipe, ZeroGPU's one function, and documentation that names real addresses."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fitting.settings import Settings
from fitting.ui import zero
from fitting.ui.guard import _READ
from fitting.ui.serving import on_this_host

ROOT = Path(__file__).resolve().parent.parent


def test_the_container_runs_without_rights_and_says_whether_it_lives() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)\w+$", recipe, re.M) and recipe.index("USER ") < recipe.index(
        'CMD ["python", "app'
    )
    assert "HEALTHCHECK" in recipe and "/health" in recipe
    copied = [row.split()[1] for row in recipe.splitlines() if row.startswith("COPY")]
    assert {"fitting", "weights", "assets", "app.py", "requirements.txt"} == set(copied)
    let_in = {row[1:] for row in (ROOT / ".dockerignore").read_text().splitlines() if row.startswith("!")}
    assert let_in == set(copied) and all((ROOT / name).exists() for name in copied)


def test_the_container_s_settings_are_settings() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for key in re.findall(r"FITTING_(\w+)=", recipe):
        assert key.lower() in Settings.model_fields


def test_settings_and_addresses_in_the_documentation_are_real() -> None:
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    for key in re.findall(r"FITTING_([A-Z_]+)", text):
        assert key.lower() in Settings.model_fields, key
    for address in re.findall(r"^\| `(/[^`]*)` \|", text, re.M):
        assert _READ.match(address.replace("ID", "1").replace("...", "info").replace("?", "")), address


def test_zero_gpu_is_told_of_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert zero.register() is zero.card_name
    told: list[Any] = []
    fake: Any = ModuleType("spaces")
    fake.GPU = lambda duration: lambda function: told.append((function, duration)) or function
    monkeypatch.setitem(sys.modules, "spaces", fake)
    zero.register()
    assert told == [(zero.card_name, 5)] and zero.card_name() in ("none", zero.card_name())


def test_a_space_keeps_what_the_shop_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "somebody/fitting-room")
    found = on_this_host(Settings(embed_from=("https://shop.example",))).embed_from
    assert found == ("https://shop.example", "https://huggingface.co")
