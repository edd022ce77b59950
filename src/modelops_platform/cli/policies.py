"""`modelops policy plan` and `apply`: policies as files, reviewed before they are published."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelops_platform.core.errors import InvalidInput

from .models import connected

if TYPE_CHECKING:
    from modelops_platform.client import Client

INVALID = 2
_MARKS = {"added": "+", "removed": "-", "changed": "~"}

policy = typer.Typer(help="Plan and publish policies that are kept as files.", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Policies as YAML, one in each file.")]


@policy.command()
def plan(
    files: Files,
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait for who would newly fail or pass.")] = 60,
) -> None:
    """Show what publishing the files would change, and for whom: exit 0, or 2 when a file is no policy."""
    documents = [_read(file) for file in files]
    with connected() as client:
        items = client.plan_policies(documents)
        _tell(files, items)
        _stop_if_invalid(items)
        drafts = [document for document, item in zip(documents, items, strict=True) if item["changes"]]
        if not drafts:
            typer.echo("Nothing changes.")
        elif wait:
            _tell_counts(client, drafts, wait)


@policy.command()
def apply(files: Files, reason: Annotated[str, typer.Option(help="Why they change, in a sentence.")]) -> None:
    """Publish the files that change something; each is checked before the first is published."""
    documents = [_read(file) for file in files]
    with connected() as client:
        items = client.plan_policies(documents)
        _tell(files, items)
        _stop_if_invalid(items)
        for document, item in zip(documents, items, strict=True):
            if item["changes"]:
                made = client.publish_policy(document, reason)
                typer.echo(f"Published {made['policy_id']} v{made['number']}.")
            else:
                typer.echo(f"{item['policy_id']} v{item['in_force']} is in force already.")


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.") from None


def _tell(files: list[Path], items: list[dict[str, Any]]) -> None:
    for file, item in zip(files, items, strict=True):
        problem = item["problem"]
        if problem is not None:
            line = f":{problem['line']}" if problem["line"] else ""
            typer.echo(f"{file}{line}: {problem['message']} {problem['remedy'] or ''}".rstrip(), err=True)
            continue
        before = f"v{item['in_force']}" if item["in_force"] else "new"
        changes = item["changes"]
        what = "no change" if not changes else f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
        typer.echo(f"{item['policy_id']} {before} -> v{item['version']}: {what}")
        for change in changes:
            typer.echo(f"  {_MARKS[change['change']]} {change['id']}")
            if change["before"]:
                typer.echo(f"      is:    {change['before']}")
            if change["after"]:
                typer.echo(f"      would: {change['after']}")


def _stop_if_invalid(items: list[dict[str, Any]]) -> None:
    if any(item["problem"] for item in items):
        raise typer.Exit(INVALID)


def _tell_counts(client: "Client", drafts: list[str], wait: int) -> None:
    """Ask who would newly fail or pass, and say so when it is known in time; only who publishes may ask."""
    from modelops_platform.client import Refused

    try:
        asked = client.ask_what_if(drafts)
    except Refused as error:
        typer.echo(f"Who would newly fail was not asked: {error}", err=True)
        return
    deadline, pause = time.monotonic() + wait, 0.2
    while asked["done_at"] is None and time.monotonic() < deadline:
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.0)))
        pause = min(pause * 1.5, 3.0)
        asked = client.what_if(asked["id"])
    found = asked["summary"]
    if asked["problem"] or not found:
        typer.echo(asked["problem"] or f"It is still being worked out: question {asked['id']}.", err=True)
        return
    typer.echo(f"Of {found['judged']} standings, {found['fail']} would newly fail and {found['pass']} newly pass.")
    for group in found["groups"]:
        if group["fail"] or group["pass"]:
            typer.echo(f"  {group['unit']}, tier {group['tier']}: {group['fail']} fail, {group['pass']} pass")
