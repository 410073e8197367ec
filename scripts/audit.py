"""Known holes in the packages that are installed, by pip-audit: `make audit`, and a part of continuous integration.

Exit code 0: none are known, or nobody could be asked, which is said. 1: there are some. Which are known is asked of
PyPI, and not every machine reaches it: a registry that only mirrors packages knows none of their holes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PATIENCE = 120  # seconds for all packages


def main() -> int:
    """Ask, and say what came of it."""
    packages = asked()
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        say("AUDIT NOT DONE: whoever knows of holes in packages cannot be reached from here.")
        return 0
    holes = [(package, hole) for package in known for hole in package["vulns"]]
    for package, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no version yet"
        say(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    left_out = len(packages) - len(known)
    say(f"AUDIT: {len(holes)} known holes in {len(known)} packages; {left_out} could not be audited.")
    return 1 if holes else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def asked() -> list[dict[str, Any]]:
    """What pip-audit found out of each package; nothing where it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off"]
        try:
            subprocess.run(
                [*command, "--format", "json", "--output", str(report)],
                capture_output=True,
                check=False,
                timeout=PATIENCE,
            )
            found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            return []
        return found


if __name__ == "__main__":
    sys.exit(main())
