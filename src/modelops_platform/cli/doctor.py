"""`modelops doctor`: what is wrong with this installation, and what to do."""

from typing import Annotated, Literal

import typer

from .home import read_settings

_SIGNS = {"fine": "ok   ", "warning": "WARN ", "wrong": "WRONG", "skipped": "-    "}


def doctor(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where `modelops serve` is to listen.")] = 8000,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to say it.")] = "text",
) -> None:
    """Look at database, migrations, store, disk, clock, permissions, ports, system: exit 1 when something is wrong."""
    import json

    from modelops_platform.operations.doctor import State, examine

    findings = list(examine(read_settings(), port=port))
    if form == "json":
        typer.echo(json.dumps({"findings": [finding.to_json() for finding in findings]}, indent=1))
    else:
        for finding in findings:
            typer.echo(f"{_SIGNS[finding.state]}  {finding.what:<13}{finding.words}")
            if finding.remedy:
                typer.echo(f"{'':20}{finding.remedy}")
    if any(finding.state is State.WRONG for finding in findings):
        raise typer.Exit(1)
