"""Small files of every form that is shown, made by the libraries that people make them with."""

import io
import json
import tarfile
import zipfile

import numpy as np
import onnx
import openpyxl
import pandas as pd
from PIL import Image


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    """A picture."""
    made = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(made, "PNG")
    return made.getvalue()


def picture(kind: str) -> bytes:
    """A picture of another kind."""
    made = io.BytesIO()
    Image.new("RGB", (40, 30), (30, 30, 200)).save(made, kind)
    return made.getvalue()


def pdf() -> bytes:
    """A document of one page."""
    made = io.BytesIO()
    Image.new("RGB", (200, 300), "white").save(made, "PDF")
    return made.getvalue()


def frame(rows: int = 120) -> pd.DataFrame:
    """A table of three columns."""
    return pd.DataFrame({"n": range(rows), "share": np.linspace(0, 1, rows), "word": [f"=1+{n}" for n in range(rows)]})


def parquet() -> bytes:
    """A table as Parquet."""
    made = io.BytesIO()
    frame().to_parquet(made)
    return made.getvalue()


def workbook() -> bytes:
    """A table as a workbook."""
    book, made = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(["n", "word"])
    for n in range(60):
        sheet.append([n, f"word {n}"])
    book.save(made)
    return made.getvalue()


def onnx_model() -> bytes:
    """A model that adds a weight to what it is given."""
    helper = onnx.helper
    given = helper.make_tensor_value_info("given", onnx.TensorProto.FLOAT, ["rows", 3])
    answer = helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["rows", 3])
    weight = helper.make_tensor("weight", onnx.TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    node = helper.make_node("Add", ["given", "weight"], ["answer"])
    graph = helper.make_graph([node], "adds", [given], [answer], [weight])
    model = helper.make_model(graph, producer_name="tests", opset_imports=[helper.make_opsetid("", 21)])
    helper.set_model_props(model, {"team": "cards"})
    return model.SerializeToString()


MLMODEL = b"""flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    serialization_format: cloudpickle
mlflow_version: 3.17.2
run_id: 0123456789abcdef
signature:
  inputs: '[{"type": "double", "name": "income", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""

HOSTILE_MARKDOWN = b"""# Big title

<script>alert(1)</script> <img src=x onerror=alert(2)>

[inside](javascript:alert(3)) [home](/admin) ![pixel](https://evil.example/p.png) [fine](https://example.org/)

| a | b |
| --- | --- |
| 1 | 2 |
"""


def notebook(picture: str) -> bytes:
    """A notebook with what must not be shown beside what may."""
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["printed\n"]},
        {"output_type": "display_data", "data": {"image/png": picture, "text/plain": "<Figure>"}},
        {"output_type": "display_data", "data": {"text/html": "<script>alert(4)</script>"}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(5)"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload=alert(6)>"}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "<b onclick=alert(7)>bold</b>"]},
        {"cell_type": "code", "source": "print('printed')", "outputs": outputs, "execution_count": 1},
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def zipped() -> bytes:
    """An archive with a member that climbs."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("inner/a.txt", "text")
        archive.writestr("b.txt", "more text")
    return made.getvalue()


def tarred() -> bytes:
    """A compressed tar."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo("inner/c.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    return made.getvalue()


def safetensors() -> bytes:
    """Two tensors."""
    header = json.dumps(
        {
            "__metadata__": {"made by": "tests"},
            "first": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        }
    ).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)
