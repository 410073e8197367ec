"""Gradio is imported without reading its own source, and is whole all the same."""

from __future__ import annotations

import subprocess
import sys

IMPORTED = """
import ast
from fitting.ui.stubs import without_stubs

read = []
segment = ast.get_source_segment
ast.get_source_segment = lambda *given, **named: read.append(1) or segment(*given, **named)
without_stubs()
without_stubs()
import gradio

with gradio.Blocks():
    button = gradio.Button()
    button.click(lambda: None)
print(len(read), gradio.component_meta.create_or_modify_pyi.__module__)
"""


def test_gradio_is_imported_without_reading_its_own_source() -> None:
    run = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "fitting.ui.stubs"]
