"""The program of the limited child that makes a preview of one file.

Started as `child LIMITS FILE FORM`; the answer is one JSON object on standard output.
"""

import base64
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..confine import confine
from ..domain import Form
from ..limits import Limits
from .content import Content, Unshown

_MAKERS = {
    Form.TEXT: ("texts", "preview_text"),
    Form.MARKDOWN: ("texts", "preview_markdown"),
    Form.NOTEBOOK: ("texts", "preview_notebook"),
    Form.PICTURE: ("pictures", "preview_picture"),
    Form.PAGE: ("pictures", "preview_page"),
    Form.CSV: ("tables", "preview_csv"),
    Form.PARQUET: ("columns", "preview_parquet"),
    Form.ARROW: ("columns", "preview_arrow"),
    Form.SHEET: ("sheets", "preview_sheet"),
    Form.ONNX: ("summaries", "preview_onnx"),
    Form.MLMODEL: ("summaries", "preview_mlmodel"),
    Form.ZIP: ("summaries", "preview_zip"),
    Form.TAR: ("summaries", "preview_tar"),
    Form.SAFETENSORS: ("summaries", "preview_safetensors"),
}


def main() -> None:
    """Load what reads the form, open the file, give up everything else, look into it, answer."""
    limits, path, form = sys.argv[1:4]
    module, name = _MAKERS[Form(form)]
    maker = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    with Path(path).open("rb") as file:
        sizes = (os.fstat(file.fileno()).st_size,) if form == Form.ONNX else ()
        confine(Limits.from_text(limits))
        content = _content(maker, file, *sizes)
    picture = content.pop("png", None)
    if picture is not None:
        content["png"] = base64.b64encode(picture).decode()
    json.dump(content, sys.stdout)


def _content(maker: Callable[..., Content], file: BinaryIO, *sizes: int) -> Content:
    try:
        return maker(file, *sizes)
    except Unshown as reason:
        return {"unshown": str(reason)}
    except (MemoryError, RecursionError):
        return {"unshown": "Looking into it takes more memory than a preview may use."}


if __name__ == "__main__":
    main()
