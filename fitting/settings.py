"""What a shop can decide about its fitting room: one file, or the environment, and what is wrong is named.

Every setting is a key of `fitting-room.toml`, or an environment variable of the same name in capitals after
`FITTING_`; the environment comes first. `docs/settings.md` lists them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from fitting.errors import ShopError

FILE = "fitting-room.toml"
PREFIX = "FITTING_"
READABLE = 4.5  # contrast of text, WCAG 2.2, success criterion 1.4.3


class Settings(BaseSettings):
    """A shop's settings; see `load`. Frozen: one state for as long as the app runs.

    Attributes:
        name: of the fitting room, in the page's title and header.
        tagline: below the name; None for our own.
        colour: of buttons and links, as #rrggbb.
        shop: folder of the shop's database and pictures; None for the usual one.
        database: SQLAlchemy URL; None for a SQLite file in that folder.
        vectors: URI of a Milvus server; None for exact search in memory.
        vectors_token: its token.
        room_at: address of the services of a cluster that does the work; None for this process. See docs/scaling.md.
        room_token: that they ask for.
        queue: visitors who may wait; more are asked to come back.
        at_once: try-ons worked on at the same time; 0 for one on each core, up to four.
        device: where the networks of a try-on count: cpu, cuda, mps, xpu, or auto: a graphics card where there is one.
        runtime: what runs the networks: torch, openvino, compile (torch.compile) or auto.
        visit_minutes: after which a silent visit is over, and deleted.
        languages: of the page; whoever reads none of them gets the first.
        visible_mark: write "AI-made picture" into the corner of downloads; their metadata always say so.
        embed_from: origins whose pages may show the room in a frame.
        proxies: how many of the host's own proxies stand in front and append to X-Forwarded-For.
        requests_per_minute, uploads_per_minute, tries_per_minute: of one client; 0 for as many as they like.
        upload_mb: megabytes of a picture.
        log: lines of text, or one JSON object a line; see `fitting.ui.logs`.
        finish_seconds: when it is told to stop, for what is in hand.
        metrics: figures for Prometheus at /metrics.
        agents: tools for agents (Model Context Protocol) at /mcp.
        imagined: "Design for me": garments that nobody made, beside real ones.
        example_notes: beside garments without reviews, machine-written examples of a fit note, labelled so.
        studio: diffusion model of the studio finish, by its name on the Hugging Face Hub or its folder; None is off.
        studio_cpu: let it run without a graphics card too, which takes very long.
        studio_memory, studio_quantise: where its weights lie and how finely; see `fitting.studio_memory`.
        studio_adapter: show the garment to Stable Diffusion 1.5 or XL through an IP-Adapter.
        studio_steps, studio_strength: see `fitting.studio_run.Settings`.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    name: str = Field(default="Fitting Room", min_length=1, max_length=60)
    tagline: str | None = Field(default=None, max_length=160)
    colour: str = Field(default="#256250", pattern=r"^#[0-9a-fA-F]{6}$")
    shop: Path | None = None
    database: str | None = None
    vectors: str | None = None
    vectors_token: SecretStr = SecretStr("")
    room_at: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$")
    room_token: SecretStr = SecretStr("")
    queue: int = Field(default=32, ge=1, le=1000)
    at_once: int = Field(default=0, ge=0, le=64)
    device: str = Field(default="cpu", pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d)?)$")
    runtime: Literal["auto", "torch", "openvino", "compile"] = "auto"
    visit_minutes: float = Field(default=60.0, ge=1, le=24 * 60)
    languages: Annotated[tuple[Literal["en", "zh-CN", "es"], ...], NoDecode] = ("en", "zh-CN", "es")
    visible_mark: bool = False
    embed_from: Annotated[tuple[str, ...], NoDecode] = ()
    proxies: int = Field(default=0, ge=0, le=9)
    requests_per_minute: int = Field(default=600, ge=0)
    uploads_per_minute: int = Field(default=60, ge=0)
    tries_per_minute: int = Field(default=60, ge=0)
    upload_mb: int = Field(default=25, ge=1, le=25)
    log: Literal["text", "json"] = "text"
    finish_seconds: float = Field(default=8.0, ge=0, le=600)
    metrics: bool = False
    agents: bool = False
    imagined: bool = False
    example_notes: bool = False
    studio: str | None = None
    studio_cpu: bool = False
    studio_memory: Literal["auto", "full", "offload", "sequential"] = "auto"
    studio_quantise: Literal["none", "fp8", "int8", "int4"] = "none"
    studio_adapter: bool = False
    studio_steps: int = Field(default=12, ge=1, le=200)
    studio_strength: float = Field(default=0.35, ge=0.01, le=1)

    @field_validator("embed_from", "languages", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """In the environment, a list is written with spaces or commas between."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("embed_from", mode="after")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://(\*\.)?[a-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"{origin!r} is no origin; write https://shop.example, without a path")
        return origins

    @field_validator("languages", mode="after")
    @classmethod
    def _once_each(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if not languages or len(set(languages)) < len(languages):
            raise ValueError("name at least one language, and each but once")
        return languages

    @field_validator("colour", mode="after")
    @classmethod
    def _readable(cls, colour: str) -> str:
        if contrast_with_white(colour) < READABLE:
            raise ValueError("white text on it could not be read; choose a darker one")
        return colour

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, then the environment, then the file."""
        return init_settings, env_settings, _FileSource(settings_cls)

    def shown(self) -> dict[str, Any]:
        """Every setting, secrets masked: for the log at the start."""
        shown: dict[str, Any] = self.model_dump(mode="json")
        return {key: _masked(value) if isinstance(value, str) else value for key, value in shown.items()}


def _masked(value: str) -> str:
    """An address without its user and password, and without what its query may hold of the kind."""
    value = re.sub(r"://.*@", "://***@", value)
    return re.sub(r"([?&][^=&]*(?:pass|token|secret|key|user)[^=&]*=)[^&#]*", r"\1***", value, flags=re.IGNORECASE)


def contrast_with_white(colour: str) -> float:
    """Contrast ratio of a colour, #rrggbb, with white: 1 to 21 (WCAG 2.2, relative luminance)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


class _FileSource(TomlConfigSettingsSource):
    """The file that `FITTING_SETTINGS` names, or `fitting-room.toml` where the app was started, if there is one."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, settings_file())


def settings_file() -> Path | None:
    """The settings file that is read; None where there is none."""
    named = os.environ.get(f"{PREFIX}SETTINGS")
    if named:
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def load() -> Settings:
    """Read the settings.

    Raises:
        ShopError: names every key that is wrong, where it was set and what it may be.
    """
    file = settings_file()
    if file is not None and not file.is_file():
        raise ShopError(f"{PREFIX}SETTINGS names {file}, which is not there. Correct the name, or unset it.")
    try:
        return Settings()
    except ValidationError as error:
        lines = [_told(one) for one in error.errors()]
        raise ShopError("These settings cannot be used:\n" + "\n".join(lines)) from None
    except ValueError as error:  # the file is not TOML
        raise ShopError(f"The settings cannot be read: {error}") from None


def _told(error: Any) -> str:
    """A line for whoever wrote the setting: its key, what is wrong, and both ways to set it."""
    key = str(error["loc"][0]) if error["loc"] else "?"
    if key not in Settings.model_fields:
        return f"- {key}: there is no such setting; see docs/settings.md"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"- {key}: {message} (set by {PREFIX}{key.upper()} or `{key}` in {FILE})"
