"""`modelops test push`: what a pipeline's tests found, sent to the version they were about."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from modelops_platform.core.errors import InvalidInput

from .models import connected

test = typer.Typer(help="Send the results of tests that ran in a pipeline.", no_args_is_help=True)


@test.callback()
def _commands() -> None:
    """Keep `push` a command of its own, though it is the only one yet."""


@test.command()
def push(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[int, typer.Argument(min=1, help="Number of the version that was tested.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: a list of results, or the body.")],
    suite: Annotated[str, typer.Option(help="Id of the suite, when the file is a list.")] = "pipeline",
    key: Annotated[str | None, typer.Option(help="The same key and results again change nothing.")] = None,
) -> None:
    """Send results, each `{"test", "outcome", "value", ...}`; the digest is taken from the version unless given."""
    body = _read(file)
    body = {"suite": suite, "results": body} if isinstance(body, list) else dict(body)
    if key is not None:
        body["key"] = key
    with connected() as client:
        body.setdefault("digest", client.version(model, version)["manifest_digest"])
        run = client.push_test_results(model, version, body)
    for result in run["results"]:
        segment = f" {result['segment']}" if result["segment"] else ""
        typer.echo(f"[{result['outcome'].replace('_', ' ')}] {result['test']}{segment} {result['detail']}".rstrip())


def _read(file: Path) -> Any:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is no JSON: {error}.", remedy="Write a list of results.") from None
    if not isinstance(found, list | dict):
        raise InvalidInput(f"{file} holds no results.", remedy="Write a list of results.")
    return found
