"""What the documents list is what the code has: settings, error codes, event kinds, decisions, links."""

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from pydantic import SecretStr

from modelops_platform.core import errors
from modelops_platform.core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "modelops_platform"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def rows(page: str) -> dict[str, list[str]]:
    """The first table of a page: its first cell, without the back-ticks, to the other cells."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    lines = re.findall(r"^\| `([^`|]+)` \| (.+) \|$", text, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in lines}


def shown(default: object) -> str:
    """A default value as docs/settings.md writes it."""
    if default is None:
        return "none"
    if isinstance(default, SecretStr):
        raise AssertionError("a secret must not have a default")
    plain = default.value if isinstance(default, Enum) else default
    text = str(plain).lower() if isinstance(plain, bool) else str(plain)
    return f"`{text}`" if text else "empty"


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    expected = {
        f"{PREFIX}{name.upper()}": [shown(field.default), field.description]
        for name, field in Settings.model_fields.items()
    }
    assert rows("settings.md") == expected


def kinds_of_error() -> set[str]:
    found, waiting = set(), [errors.PlatformError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.code)
        waiting += kind.__subclasses__()
    return found


def test_every_error_code_is_documented() -> None:
    assert set(rows("errors.md")) == kinds_of_error()


def recorded() -> Iterator[tuple[str, str]]:
    """Every event kind that the code records, and where: the literal third argument of a call of `record`."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 3:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in {"record", "record_event", "record_refusal"}:
                continue
            if any(isinstance(part, ast.JoinedStr) for part in ast.walk(node.args[2])):
                continue
            for part in ast.walk(node.args[2]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value:
                    yield part.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def named_in_life_cycles() -> Iterator[tuple[str, str]]:
    """Every event kind that a shipped life cycle names for a transition, and in which file."""
    for path in sorted((SOURCE / "governance" / "data" / "lifecycles").glob("*.yaml")):
        for kind in re.findall(r"^ +event: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield kind, str(path.relative_to(ROOT))


def test_every_event_kind_is_documented() -> None:
    found = {**dict(named_in_life_cycles()), **dict(recorded())}
    if not found:
        pytest.skip("no room records an event yet")
    documented = set(rows("events.md"))
    assert not {kind: place for kind, place in found.items() if kind not in documented}, "add rows to docs/events.md"
    assert not documented - set(found), "docs/events.md lists kinds that nothing records"


def test_event_kinds_are_a_thing_and_what_happened() -> None:
    wrong = {kind: place for kind, place in recorded() if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", kind)}
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_pictures_are_there() -> None:
    if not any((ROOT / "docs" / "images").glob("*.png")):
        pytest.skip("there is no page to take a picture of yet")
    for page in PAGES:
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} shows {target}"


def test_decisions_are_numbered_once_and_have_every_heading() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]}: "), page.name
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives", "What enforces it"], page.name


def test_commands_named_in_the_readme_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= targets
