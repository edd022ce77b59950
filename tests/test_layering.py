"""The rooms: their contracts hold, and the map in docs/architecture.md is the house as built."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "modelops_platform"
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Rooms", 1)[1].split("\n## ", 1)[0]
PACKED = {"templates", "static", "migrations"}  # folders that only the wheel has here


def contracts() -> dict[str, dict]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["name"]: contract for contract in settings["contracts"]}


def layers() -> list[set[str]]:
    """The rooms of each layer of the contract, from top to bottom."""
    return [set(re.findall(r"\w+", layer)) for layer in contracts()["rooms depend downwards only"]["layers"]]


def built() -> set[str]:
    """The rooms and entry points that stand in the source tree."""
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - PACKED
    return folders | {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}


def drawn() -> list[set[str]]:
    """The rooms of each line of the drawn map."""
    picture = MAP.split("```")[1]
    names = set().union(*layers())
    lines = [set(re.split(r"\s{2,}", line.strip())) & names for line in picture.splitlines()]
    return [line for line in lines if line]


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    """Judge the package in `source` by the contracts."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_import_goes_up_or_sideways() -> None:
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


def test_an_import_that_goes_up_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    with (tmp_path / PACKAGE.name / "core" / "clock.py").open("a", encoding="utf-8") as clock:
        clock.write("\nimport modelops_platform.registry\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "modelops_platform.core.clock -> modelops_platform.registry" in done.stdout


def test_every_room_is_in_the_contract() -> None:
    assert built() == set().union(*layers())
    assert contracts()["rooms depend downwards only"]["exhaustive"]


def test_the_drawn_map_is_the_contract() -> None:
    assert drawn() == layers()


def test_every_room_is_described_in_the_table_from_top_to_bottom() -> None:
    table = re.findall(r"^\| `(\w+)` \| \S.* \|$", MAP.split("### Inside a room", 1)[0], re.MULTILINE)
    position = {room: number for number, layer in enumerate(layers()) for room in layer}
    assert [position[room] for room in table] == sorted(position[room] for room in table)
    assert set(table) == set().union(*layers()[1:])


def test_every_room_says_in_one_sentence_what_it_is() -> None:
    for path in sorted(PACKAGE.glob("*/__init__.py")):
        first = path.read_text(encoding="utf-8").splitlines()[0] if path.parent.name not in PACKED else '"""x."""'
        assert re.fullmatch(r'""".+\."""', first), f"{path} begins with {first!r}"


def test_no_file_is_called_a_helper() -> None:
    unnamed = {"utils.py", "helpers.py", "base.py", "manager.py", "repository.py", "common.py", "misc.py"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.name in unnamed]
