"""What a file shows, from the real limited child; hostile ones show nothing active, or say why they show nothing."""

import base64
import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import showing
from modelops_platform.artifacts.domain import Form, Format, form_for
from modelops_platform.artifacts.store import LocalStore
from modelops_platform.artifacts.tables import Blob, Preview
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from tests.artifacts import samples
from tests.artifacts.test_api import uploader_of

FILES = "/api/v1/files"
ClientAs = Callable[..., TestClient]


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Form, bytes], dict[str, Any]]:
    """Look into bytes as the platform does."""
    store = LocalStore(tmp_path / "store")

    def into(form: Form, content: bytes) -> dict[str, Any]:
        path = tmp_path / "file"
        path.write_bytes(content)
        found, picture = showing.look_into(store, store.receive_file(path), form)
        return found | {"picture": picture}

    return into


Look = Callable[[Form, bytes], dict[str, Any]]


def test_how_a_file_is_shown_follows_from_its_content_and_name() -> None:
    for kind, name, form in (
        (Format.TEXT, "a/README.md", Form.MARKDOWN),
        (Format.CSV, "notes.md", Form.MARKDOWN),
        (Format.CSV, "code.py", Form.TEXT),
        (Format.CSV, "data.csv", Form.CSV),
        (Format.JSON, "notebook.ipynb", Form.TEXT),
        (Format.ZIP, "book.XLSX", Form.SHEET),
        (Format.XML, "picture.svg", Form.TEXT),
        (Format.IMAGE, "x", Form.PICTURE),
        (Format.PICKLE, "model.pkl", None),
    ):
        assert form_for(kind, name) == (Form.NOTEBOOK if name.endswith(".ipynb") else form), name


def test_text_is_shown_by_lines_and_nothing_in_it_is_invisible(look: Look) -> None:
    found = look(Form.TEXT, "def f():\r\n\treturn '\u202egnp'\0\x1b[0m\n".encode())
    assert found["lines"] == ["def f():", "\treturn '\\u202egnp'\\u0000\\u001b[0m"]
    assert found["is_cut"] is False
    long = look(Form.TEXT, b"line\n" * 200_000)
    assert (len(long["lines"]), long["is_cut"]) == (1_000, True)
    one = look(Form.TEXT, b"x" * 3_000_000)
    assert (len(one["lines"][0]), one["is_cut"]) == (2_000, True)


def test_markdown_and_notebooks_lose_everything_active(look: Look) -> None:
    html = str(look(Form.MARKDOWN, samples.HOSTILE_MARKDOWN)["html"])
    for forbidden in ("<script", "<img", 'href="javascript', "<h1", "/admin"):
        assert forbidden not in html
    assert "<h3>Big title</h3>" in html
    assert "<td>2</td>" in html
    assert 'href="https://example.org/"' in html
    book = look(Form.NOTEBOOK, samples.notebook(base64.b64encode(samples.png()).decode()))
    [words, code] = book["cells"]
    assert words["kind"] == "markdown"
    assert "<b" not in words["html"]
    assert "<script" not in str(book).lower()
    assert "svg onload" not in str(book)
    outputs = code["outputs"]
    assert outputs[0] == {"text": "printed\n"}
    assert base64.b64decode(outputs[1]["picture"]).startswith(b"\x89PNG")
    assert [output["left_out"] for output in outputs[2:]] == ["text/html", "application/javascript", "image/svg+xml"]


def test_tables_show_first_rows_and_types(look: Look) -> None:
    csv = samples.frame().to_csv(index=False).encode()
    for form, content, types in (
        (Form.CSV, csv, ["integer", "number", "text"]),
        (Form.CSV, csv.replace(b",", b"\t"), ["integer", "number", "text"]),
        (Form.PARQUET, samples.parquet(), ["int64", "double", "large_string"]),
        (Form.SHEET, samples.workbook(), ["integer", "text"]),
    ):
        found = look(form, content)
        assert "unshown" not in found, found
        assert [kind for _name, kind in found["columns"]] == types
        assert len(found["rows"]) == 50
        assert found["rows"][3][0] == "3"
    assert look(Form.PARQUET, samples.parquet())["total"] == 120
    assert look(Form.CSV, b"a,b\n1,2\n3\n")["rows"] == [["1", "2"], ["3", ""]]


def test_models_are_summed_up_by_their_structure(look: Look) -> None:
    found = look(Form.ONNX, samples.onnx_model())
    facts = dict(found["facts"])
    assert (facts["Producer"], facts["Operator sets"], facts["Nodes"]) == ("tests", "ai.onnx 21", "1: Add 1")
    assert (found["inputs"], found["outputs"]) == ([["given", "float [rows, 3]"]], [["answer", "float [rows, 3]"]])
    assert found["metadata"] == [["team", "cards"]]
    found = look(Form.MLMODEL, samples.MLMODEL)
    assert [name for name, _settings in found["flavors"]] == ["python_function", "sklearn"]
    assert (found["inputs"], found["outputs"]) == ([["income", "double"]], [["unnamed", "int64 [-1]"]])
    found = look(Form.SAFETENSORS, samples.safetensors())
    assert (found["tensors"], found["metadata"]) == ([["first", "F32", "[2]"]], [["made by", "tests"]])


def test_archives_are_listed_and_not_unpacked(look: Look) -> None:
    assert look(Form.ZIP, samples.zipped())["entries"] == [["inner/a.txt", 4], ["b.txt", 9]]
    assert look(Form.TAR, samples.tarred())["entries"] == [["inner/c.txt", 4]]
    assert "no archive" in str(look(Form.TAR, zlib.compress(b"x" * 100))["unshown"])


def test_pictures_and_pages_are_drawn_anew(look: Look) -> None:
    for form, content in (
        *((Form.PICTURE, samples.picture(kind)) for kind in ("JPEG", "GIF", "WEBP")),
        (Form.PICTURE, samples.png() + b"<script>alert(1)</script>"),
        (Form.PAGE, samples.pdf()),
    ):
        found = look(form, content)
        picture = found["picture"]
        assert isinstance(picture, bytes), found
        assert b"script" not in picture
        Image.open(io.BytesIO(picture)).verify()


def test_what_cannot_be_shown_says_why(look: Look) -> None:
    bomb = samples.png()
    bomb = (
        bomb[:16]
        + (60_000).to_bytes(4, "big") * 2
        + bomb[24:29]
        + zlib.crc32(bomb[12:16] + (60_000).to_bytes(4, "big") * 2 + bomb[24:29]).to_bytes(4, "big")
        + bomb[33:]
    )
    aliases = b"flavors:\n  a: &a [x, x]\n" + b"".join(
        f"  {chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n".encode() for n in range(12)
    )
    assert "flavors" in look(Form.MLMODEL, aliases)  # lazily shared, and never written out
    for form, content in (
        (Form.PICTURE, bomb),
        (Form.PICTURE, b"\x89PNG\r\n\x1a\nbroken"),
        (Form.PAGE, b"%PDF-1.7 broken"),
        (Form.PARQUET, b"PAR1broken PAR1"),
        (Form.SHEET, samples.zipped()),
        (Form.ONNX, b"\x08\x07\x3a\xff\xff\xff\xff\xff"),
        (Form.MLMODEL, b"[" * 100_000),
        (Form.NOTEBOOK, b"[" * 100_000),
        (Form.NOTEBOOK, b'{"cells": 5}'),
        (Form.ZIP, b"PK\x03\x04broken"),
        (Form.SAFETENSORS, b"\xff" * 20),
        (Form.CSV, b""),
    ):
        assert look(form, content).get("unshown"), (form, content[:20])


def scanned(database: Database, kind: Format, verdict: str = "clean", **more: object) -> None:
    with database.write() as db:
        db.execute(update(Blob).values(format=kind.value, verdict=verdict, scanned_at=clock.now(), reasons=[], **more))


def test_a_page_shows_a_file_once_looked_into_and_only_to_who_may_see_it(
    client_as: ClientAs, database: Database, db: Session
) -> None:
    maker, stranger = client_as("contributor", unit="Cards"), client_as("contributor", unit="Loans")
    sha256 = maker.put(FILES, params={"name": "dot.png"}, content=samples.png()).json()["sha256"]
    assert "has not been scanned yet" in maker.get(f"/files/{sha256}/show").text
    scanned(database, Format.IMAGE)
    for _ in range(2):
        page = maker.get(f"/files/{sha256}/show")
        assert page.status_code == 200
        assert f"/files/{sha256}/picture?form=picture" in page.text
    assert db.scalar(select(func.count()).select_from(Preview)) == 1
    sent = maker.get(f"/files/{sha256}/picture?form=picture")
    assert (sent.headers["content-type"], sent.headers["x-content-type-options"]) == ("image/png", "nosniff")
    assert "sandbox" in sent.headers["content-security-policy"]
    for path in ("show", "picture?form=picture"):
        assert stranger.get(f"/files/{sha256}/{path}").status_code == 404
    assert maker.get(f"/files/{sha256}/picture?form=page").status_code == 404
    raw = maker.get(f"/files/{sha256}")
    assert "sandbox" in raw.headers["content-security-policy"]
    assert raw.headers["content-disposition"].startswith("attachment")
    scanned(database, Format.IMAGE, "dangerous")
    assert "calls this file dangerous" in maker.get(f"/files/{sha256}/show").text
    assert maker.get(f"/files/{sha256}/picture?form=picture").status_code == 403


def test_texts_are_compared_by_lines_and_hostile_ones_in_bounded_time(
    client_as: ClientAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = client_as("contributor")

    def kept(content: bytes) -> str:
        return str(maker.put(FILES, content=content).json()["sha256"])

    before, after = kept(b"a\nb\nc\n"), kept(b"a\nB\nc\nd\n")
    slow = [kept(b"".join(b"%d\n" % (n * step % 997) for n in range(60_000))) for step in (3, 5)]
    binary = kept(bytes(range(256)))
    scanned(database, Format.TEXT)
    with database.write() as db:
        db.execute(update(Blob).where(Blob.sha256 == binary).values(format=Format.OTHER.value))
    owner = uploader_of(database, before)
    found = showing.compare_files(database, owner, before, after)
    assert (found["added"], found["removed"]) == (2, 1)
    assert found["rows"] == [
        ["equal", 1, "a", 1, "a"],
        ["changed", 2, "b", 2, "B"],
        ["equal", 3, "c", 3, "c"],
        ["changed", None, None, 4, "d"],
    ]
    assert showing.compare_files(database, owner, before, binary)["unshown"] == "They are not both text."
    monkeypatch.setattr(showing, "DIFFERENCE_LIMITS", replace(showing.DIFFERENCE_LIMITS, cpu_seconds=1))
    told = showing.compare_files(database, owner, *slow)
    assert "unshown" in told or told["is_cut"]
