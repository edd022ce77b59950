"""`modelops demo`: the platform with real example models."""

from typing import Annotated

import typer


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser when it is ready.")] = True,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Go on serving when the data is there.")] = True,
) -> None:
    """Fill a home of its own with real models by the platform's own API, then serve it."""
    from modelops_platform.demo.command import run

    run(port=port, browser=browser, serve=serve)
