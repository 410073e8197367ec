"""A shop's settings: file, environment, and messages that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from fitting import settings
from fitting.errors import ShopError

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key in (*settings.Settings.model_fields, "settings"):
        monkeypatch.delenv(f"FITTING_{key.upper()}", raising=False)
    return tmp_path


def test_without_a_word_everything_has_a_value() -> None:
    found = settings.load()
    assert found.name == "Fitting Room" and found.queue == 32
    with pytest.raises(ValidationError):
        found.name = "Other"  # type: ignore[misc]


def test_the_environment_comes_before_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "fitting-room.toml").write_text('name = "Corner Shop"\nqueue = 5\n')
    monkeypatch.setenv("FITTING_QUEUE", "7")
    found = settings.load()
    assert (found.name, found.queue) == ("Corner Shop", 7)


def test_a_file_can_be_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "mine.toml").write_text("visible_mark = true\n")
    monkeypatch.setenv("FITTING_SETTINGS", str(elsewhere / "mine.toml"))
    assert settings.load().visible_mark
    monkeypatch.setenv("FITTING_SETTINGS", str(elsewhere / "gone.toml"))
    with pytest.raises(ShopError, match=r"gone\.toml, which is not there"):
        settings.load()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "green"),
        ("queue", "0"),
        ("colour", "#ffee88"),
        ("visit_minutes", "many"),
        ("name", "x" * 61),
    ],
)
def test_what_is_wrong_is_named_with_its_key(key: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FITTING_{key.upper()}", value)
    with pytest.raises(ShopError) as caught:
        settings.load()
    assert f"- {key}:" in str(caught.value) and f"FITTING_{key.upper()}" in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(elsewhere: Path) -> None:
    (elsewhere / "fitting-room.toml").write_text('queue = -1\ncolor = "#123456"\n')
    with pytest.raises(ShopError) as caught:
        settings.load()
    assert "- queue:" in str(caught.value) and "- color: there is no such setting" in str(caught.value)


def test_a_file_that_is_no_toml_is_told(elsewhere: Path) -> None:
    (elsewhere / "fitting-room.toml").write_text("name = Corner Shop\n")
    with pytest.raises(ShopError, match="cannot be read"):
        settings.load()


def test_secrets_are_masked_where_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTING_VECTORS_TOKEN", "hush")
    monkeypatch.setenv("FITTING_DATABASE", "postgresql+psycopg://shop:hush@db.local/shop")
    shown = str(settings.load().shown())
    assert "hush" not in shown and "db.local/shop" in shown


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for key in settings.Settings.model_fields:
        assert f"`{key}`" in text, key


def test_languages_are_listed_the_first_for_whoever_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().languages[0] == "en" and len(settings.load().languages) == 3
    monkeypatch.setenv("FITTING_LANGUAGES", "es, zh-CN")
    assert settings.load().languages == ("es", "zh-CN")
    for wrong in ("klingon", "es es", ","):
        monkeypatch.setenv("FITTING_LANGUAGES", wrong)
        with pytest.raises(ShopError, match="- languages: "):
            settings.load()
