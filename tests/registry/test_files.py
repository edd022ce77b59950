"""The Files tab, and how the files of two versions differ."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.registry.domain.comparison import FileChange, compare_files
from modelops_platform.registry.domain.trees import as_tree

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing here is a matter of SQL


@dataclass(frozen=True)
class Line:
    path: str
    size: int


def test_files_become_a_tree_with_sums_and_shared_rows() -> None:
    lines = [
        Line("a.txt", 1),
        Line("model/weights/deep/x.bin", 10),
        Line("model/weights/deep/y.bin", 5),
        Line("b/c", 2),
    ]
    assert [(row.depth, row.name, row.size, row.files, row.file is None) for row in as_tree(lines)] == [
        (0, "b", 2, 1, True),
        (1, "c", 2, 1, False),
        (0, "model/weights/deep", 15, 2, True),
        (1, "x.bin", 10, 1, False),
        (1, "y.bin", 5, 1, False),
        (0, "a.txt", 1, 1, False),
    ]
    deep = "/".join(["d"] * 2_000)
    forked = [Line("/".join([f"{n}" for n in range(i)] + ["f"]), 1) for i in range(1_500)]
    assert [row.name for row in as_tree([Line(deep, 1)])] == [deep[:-2], "d"]
    assert max(row.depth for row in as_tree(forked)) == 1_499
    assert as_tree([]) == []


def test_a_file_is_added_removed_changed_moved_or_the_same() -> None:
    before = {"same": "1", "changed": "2", "old name": "3", "gone": "4", "twice": "5"}
    after = {"same": "1", "changed": "9", "new name": "3", "new": "7", "twice again": "5", "and again": "5"}
    found = compare_files(before, after)
    assert found.same == 1
    assert found.changes == [
        FileChange("and again", "added", None, "5"),
        FileChange("changed", "changed", "2", "9"),
        FileChange("gone", "removed", "4", None),
        FileChange("new", "added", None, "7"),
        FileChange("new name", "moved", "3", "3", old_path="old name"),
        FileChange("twice again", "moved", "5", "5", old_path="twice"),
    ]


def made(client: TestClient, files: dict[str, bytes]) -> None:
    digests = {
        path: client.put("/api/v1/files", params={"name": path}, content=content).json()["sha256"]
        for path, content in files.items()
    }
    body = {"files": [{"path": path, "sha256": sha256} for path, sha256 in digests.items()]}
    answer = client.post("/api/v1/models/churn/versions", json=body)
    assert answer.status_code == 201, answer.text


@ON_SQLITE
def test_pages_show_the_tree_a_file_and_what_changed(client_as: Callable[..., TestClient], database: Database) -> None:
    maker, stranger = client_as("contributor", unit="Cards"), client_as("contributor", unit="Loans")
    maker.post("/api/v1/models", json={"name": "churn"})
    made(maker, {"conf/a.yaml": b"rate: 1\nkeep: yes\n", "gone.bin": b"\0\1"})
    made(maker, {"conf/a.yaml": b"rate: 2\nkeep: yes\nmore: <b>\n", "new.bin": b"\0\2"})
    with database.write() as db:
        db.execute(update(Blob).values(format="text", verdict="clean", scanned_at=clock.now(), reasons=[]))
    tree = maker.get("/models/churn/versions/2/files")
    assert tree.status_code == 200
    assert "conf/" in tree.text
    one = maker.get("/models/churn/versions/2/files", params={"path": "conf/a.yaml"})
    assert one.status_code == 200
    assert "more: &lt;b&gt;" in one.text
    assert maker.get("/models/churn/versions/2/files", params={"path": "../x"}).status_code == 404
    sides = {"before": "churn/1", "after": "churn/2"}
    compared = maker.get("/compare", params=sides).text
    assert "/compare/file?" in compared
    for form in ("side", "unified"):
        difference = maker.get("/compare/file", params=sides | {"path": "conf/a.yaml", "form": form})
        assert difference.status_code == 200
        assert "2 added, 1 removed" in difference.text
        assert "more: &lt;b&gt;" in difference.text
    assert maker.get("/compare/file", params=sides | {"path": "gone.bin"}).status_code == 404
    for path in ("/models/churn/versions/2/files", "/models/churn/versions/2/files?path=conf/a.yaml"):
        assert stranger.get(path).status_code == 404
    assert stranger.get("/compare/file", params=sides | {"path": "conf/a.yaml"}).status_code == 404
