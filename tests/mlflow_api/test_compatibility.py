"""docs/mlflow-compatibility.md says what is served, and nothing else is."""

import re
from pathlib import Path

from modelops_platform.mlflow_api.api import router
from modelops_platform.mlflow_api.routes import full_paths

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mlflow-compatibility.md"
ROW = re.compile(
    r"^\| `(\w+) (?:([23]\.0) )?(\S+)` \| T\d \| (works|partly|missing|not planned) \| .*\|$", re.MULTILINE
)
SERVED = ("works", "partly")


def listed() -> dict[tuple[str, str], str]:
    """The addresses that the page lists, with their state; the names of parameters do not matter."""
    found: dict[tuple[str, str], str] = {}
    for method, version, path, state in ROW.findall(PAGE.read_text(encoding="utf-8")):
        for full in full_paths(path, version) if version else [path]:
            found[method, re.sub(r"\{[^}]*\}", "{}", full)] = state
    return found


def served() -> set[tuple[str, str]]:
    """The addresses of the routes; what both roots share is looked at below the first."""
    return {
        (method, re.sub(r"\{[^}]*\}", "{}", route.path))  # type: ignore[attr-defined]
        for route in router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }


def test_every_row_is_read() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(ROW.findall(PAGE.read_text(encoding="utf-8"))) == len(lines)


def test_what_the_page_calls_served_is_served_and_the_rest_is_not() -> None:
    routes = served()
    wrong = {address: state for address, state in listed().items() if (address in routes) is not (state in SERVED)}
    assert not wrong


def test_every_route_is_on_the_page() -> None:
    known = listed()
    also = {(method, path.replace("/ajax-api/", "/api/", 1)) for method, path in served()}
    assert not {address for address in also if address not in known}
