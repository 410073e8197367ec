"""A picture input that hands over the file as it came, unopened."""

from __future__ import annotations

from pathlib import Path
from types import MethodType
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from fitting.ui import words


def picture_input(**options: Any) -> gr.Image:
    """A `gr.Image` whose value is the path of the uploaded file.

    Gradio's own would decode the upload itself, and show the visitor the server's path when that fails. The
    method is replaced on the instance: for a subclass, Gradio writes a stub file beside this one on import.
    """
    picture = gr.Image(type="filepath", **options)
    picture.preprocess = MethodType(_unopened, picture)  # type: ignore[method-assign]
    return picture


def _unopened(picture: gr.Image, payload: ImageData | None) -> str | None:
    """The path of the uploaded file, which is certain to lie in the upload folder."""
    if payload is None or not payload.path:
        return None
    path = Path(payload.path).resolve()
    if not path.is_relative_to(Path(picture.GRADIO_CACHE).resolve()) or not path.is_file():
        raise gr.Error(words.GONE, title=words.SORRY, print_exception=False)
    return str(path)
