"""How long the app takes from `python app.py` to its first page, and what is imported meanwhile.

    python benchmarks/start.py --json benchmarks/start.json

Every start is a process of its own. The first one finds an empty folder and lays out the sample shop; the others find
it there. CPU seconds vary little with what else the machine does; the others want an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def start(folder: Path) -> dict[str, float]:
    """Start the app, look at its page, and stop it.

    Returns:
        Seconds until it listened and until the page had come, CPU seconds until then, and megabytes of memory.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "FITTING_SHOP": str(folder)}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"app.py stopped with exit code {process.returncode}")
            time.sleep(0.05)
        listening = time.monotonic() - began
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as page:
            assert b"gradio_config" in page.read()
        return {"listening": listening, "page": time.monotonic() - began, **_used(process.pid)}
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def _used(pid: int) -> dict[str, float]:
    """CPU seconds and memory of a process; where Linux does not tell, nothing."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return {}
    ticks = os.sysconf("SC_CLK_TCK")
    memory = int(resident[1]) / 1024 if resident else 0.0
    return {"cpu": (int(fields[11]) + int(fields[12])) / ticks, "memory_mb": memory}


IMPORTS = """
from fitting.ui.stubs import without_stubs
without_stubs()
from fitting.ui.serving import assets, launch, prepare
prepare()
import fitting.room, fitting.shop, fitting.settings, fitting.ui.adviser, fitting.ui.blocks, fitting.ui.routes
"""


def imports(most: int = 12) -> list[tuple[str, float]]:
    """Packages that the app imports with the seconds that each takes by itself, the slowest first."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    spent: Counter[str] = Counter()
    for alone, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)", done.stderr):
        spent[name.partition(".")[0]] += int(alone)
    return [(name, microseconds / 1e6) for name, microseconds in spent.most_common(most)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="besides the first")
    parser.add_argument("--json", type=Path, help="where the results go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first = start(Path(folder))
        later = [start(Path(folder)) for _ in range(given.starts)]
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "first": first,
        "later": {name: statistics.median(one[name] for one in later) for name in later[0]},
        "imports": dict(imports()),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
