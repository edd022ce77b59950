"""The command line: operator commands open the home, client commands speak HTTP."""

import sys
from typing import Annotated

import typer

from modelops_platform import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
user = typer.Typer(no_args_is_help=True, help="People and service accounts.")
token = typer.Typer(no_args_is_help=True, help="API tokens.")
db = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(user, name="user")
app.add_typer(token, name="token")
app.add_typer(db, name="db")
