"""What has to agree between files, so that every way to install and host the app installs the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def dependencies() -> list[str]:
    """The run-time dependencies in pyproject.toml (read by hand: tomllib is not in Python 3.10)."""
    block = re.search(r"^dependencies = (\[.*?^\])", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert block
    return ast.literal_eval(re.sub(r"^\s*#.*$", "", block[1], flags=re.M))


def front_matter() -> dict[str, str]:
    text = (ROOT / "README.md").read_text()
    assert text.startswith("---\n")
    rows = text.split("---\n")[1].strip().splitlines()
    pairs = (row.partition(":") for row in rows if not row.startswith((" ", "-")))
    return {key: value.strip().strip('"') for key, _, value in pairs}


def test_spaces_installs_what_the_package_does() -> None:
    rows = (ROOT / "requirements.txt").read_text().splitlines()
    assert [row for row in rows if row and not row.startswith("#")] == dependencies()


def test_spaces_front_matter_fits_the_package() -> None:
    fields = front_matter()
    assert fields["sdk"] == "gradio" and fields["app_file"] == "app.py" and fields["license"] == "apache-2.0"
    gradio = next(row for row in dependencies() if row.startswith("gradio"))
    version = tuple(int(part) for part in fields["sdk_version"].split("."))
    assert f">={version[0]}.{version[1]}," in gradio
    assert fields["python_version"] in ("3.10", "3.12"), "what Spaces with a GPU offers"
    assert len(fields["short_description"]) <= 60
    assert (ROOT / fields["app_file"]).is_file()


def test_every_package_is_listed_for_installation() -> None:
    listed = re.search(r"^packages = (\[.*?^\])", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert listed
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "fitting").rglob("__init__.py")}
    assert set(ast.literal_eval(listed[1])) == found


def test_the_licence_is_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_pictures_and_files_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"\]\(([^)#\s]+)\)", text)
    assert targets
    for target in targets:
        if "://" not in target:
            assert (ROOT / target).exists(), target
