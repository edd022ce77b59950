"""`modelops register`, `models`, `versions` and `gate`: commands that speak HTTP to a running server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelops_platform.core.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from modelops_platform.client import Client

ALLOW, DENY = 0, 1


class Form(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


class GateForm(StrEnum):
    """How a decision is printed."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


Format = Annotated[Form, typer.Option("--format", help="How to print.")]


@contextmanager
def connected() -> "Iterator[Client]":
    """Connect by MODELOPS_URL and MODELOPS_TOKEN; a refusal becomes one line in the server's own words."""
    from modelops_platform.client import Client, ClientError, Refused

    try:
        with Client() as client:
            yield client
    except Refused as error:
        raise InvalidInput(str(error)) from None
    except ClientError as error:
        raise Unavailable(str(error), remedy="Set MODELOPS_URL and MODELOPS_TOKEN.") from None


def register(
    name: Annotated[str, typer.Argument(help="Name of the model; made if it is not in the inventory yet.")],
    file: Annotated[Path | None, typer.Option(exists=True, help="File or folder that becomes a version.")] = None,
    kind: Annotated[str, typer.Option(help="ml, statistical, rules, spreadsheet, llm, agent, vendor or other.")] = "ml",
    purpose: Annotated[str, typer.Option(help="What it decides, for whom.")] = "",
    unit: Annotated[str | None, typer.Option(help="The unit it belongs to; by default your home unit.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A figure of the version: auc=0.84.")] = None,
    commit: Annotated[str | None, typer.Option(help="Source commit of the version.")] = None,
) -> None:
    """Add a model to the inventory, or a version to one that is there."""
    from modelops_platform.client import Refused

    metrics = [_metric(text) for text in metric or []]
    with connected() as client:
        try:
            model = client.register(name, kind=kind, purpose=purpose, **({"unit": unit} if unit else {}))
            typer.echo(f"Registered {model['name']}.")
        except Refused as error:
            if error.status != 409 or file is None:
                raise
        if file is not None:
            source = {"commit": commit} if commit else {}
            version = client.add_version(name, file, metrics=metrics, source=source)
            typer.echo(f"Version {version['number']} of {name}, digest {version['manifest_digest']}.")


def _metric(text: str) -> dict[str, Any]:
    name, _, value = text.partition("=")
    try:
        return {"name": name, "value": float(value)}
    except ValueError:
        raise InvalidInput(f"The metric {text!r} is not NAME=NUMBER.", remedy="Write auc=0.84.") from None


def models(
    query: Annotated[str, typer.Argument(help="Search, such as `kind:ml tier:1 churn`.")] = "",
    form: Format = Form.TEXT,
) -> None:
    """List the models you may see."""
    with connected() as client:
        found = list(client.models(query))
    _print(found, form, ("name", "kind", "unit", "summary.tier", "summary.light", "summary.state"))


def versions(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    form: Format = Form.TEXT,
) -> None:
    """List the versions of a model."""
    with connected() as client:
        found = list(client.versions(model))
    _print(found, form, ("number", "created_at", "digest_state", "manifest_digest"))


def gate(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.")],
    to: Annotated[str, typer.Option(help="The environment it should go to.")],
    form: Annotated[GateForm, typer.Option("--format", help="How to print the decision.")] = GateForm.TEXT,
    wait: Annotated[int, typer.Option(min=0, max=604_800, help="Seconds to wait for approvals still missing.")] = 0,
) -> None:
    """Ask whether a version may go to an environment: exit 0 allow, 1 deny, 2 could not decide.

    With --wait it asks again, ever more seldom, as long as nothing but approvals is missing.
    """
    with connected() as client:
        answer = client.gate(model, version, to=to, form=form.value)
        if wait and _lacks_approvals(answer):
            typer.echo("Waiting for approvals.", err=True)
            if client.wait_for_approvals(model, version, to=to, seconds=wait):
                answer = client.gate(model, version, to=to, form=form.value)
        outcome = answer.headers.get("x-decision")
    typer.echo(answer.text.rstrip("\n"))
    if outcome not in ("allow", "deny"):
        raise Unavailable("The server gave no decision.", remedy="Ask an administrator for the server's log.")
    raise typer.Exit(ALLOW if outcome == "allow" else DENY)


def _lacks_approvals(answer: Any) -> bool:
    """Tell whether approvals are all that stands in the way."""
    return bool(answer.headers.get("x-decision") == "deny" and answer.headers.get("x-missing") == "approvals")


def _print(found: list[dict[str, Any]], form: Form, columns: tuple[str, ...]) -> None:
    if form is Form.JSON:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    lines = [[_heading(column) for column in columns]]
    lines += [[_shown(item, column) for column in columns] for item in found]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:  # never cut: names and digests are copied, and lines are filtered
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _heading(column: str) -> str:
    return column.rpartition(".")[2].replace("_", " ")


def _shown(item: dict[str, Any], column: str) -> str:
    """Return the value at a path such as `summary.tier`, as a cell of a table."""
    value: Any = item
    for key in column.split("."):
        value = value.get(key)
    if value is None:
        return "-"
    return str(value.get("name", value)) if isinstance(value, dict) else str(value).replace("_", " ")
