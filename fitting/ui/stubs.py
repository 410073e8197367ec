"""Gradio without the stubs that it writes for editors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

NAME = "gradio.component_meta"


def without_stubs() -> None:
    """Let Gradio be imported without looking after its stubs; call it before that.

    For every class of component it reads and parses its own source, and writes a `.pyi` beside it where that differs:
    that takes long, at every start, and a server's packages may be read-only.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the one module as it is, and leaves out what it does with stubs."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != NAME:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            run = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                if hasattr(module, "create_or_modify_pyi"):  # another Gradio may do without
                    module.create_or_modify_pyi = lambda *given: None  # type: ignore[attr-defined]

            loader.exec_module = exec_module
        return spec
