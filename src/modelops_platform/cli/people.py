"""`modelops user` and `modelops token`: who may sign in, before the first start and while the server runs."""

import sys
from typing import Annotated

import typer

from modelops_platform.identity.domain import Role, Scope

from .home import migrated_database, read_settings

user = typer.Typer(no_args_is_help=True, help="People and service accounts.")
token = typer.Typer(no_args_is_help=True, help="API tokens.")

Email = Annotated[str, typer.Argument(help="The account's e-mail address.")]


@user.command("create")
def create_user(
    email: Email,
    role: Annotated[Role, typer.Option(help="What they are, on the unit or on the whole workspace.")],
    unit: Annotated[str | None, typer.Option(help="Their home unit, made if missing.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call them; by default from the address.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read a password from one line.")] = False,
) -> None:
    """Add somebody with a role; without a password they sign in by a one-time link."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import service
    from modelops_platform.identity.domain import checked_password
    from modelops_platform.identity.passwords import hash_password

    settings = read_settings()
    secret = checked_password(sys.stdin.readline().rstrip("\r\n")) if password_stdin else None
    kept = hash_password(secret) if secret is not None else None
    operator = system_actor(DEFAULT_WORKSPACE, "the command line")
    with migrated_database(settings) as database, database.write() as db:
        service.enrol(db, operator, email=email, role=role, name=name, unit=unit, password_hash=kept)
    typer.echo(f"Created {email} as {role.value}{f' of {unit}' if unit else ''}.")
    if kept is None and role is not Role.SERVICE:
        typer.echo(f"There is no password yet. Make a one-time sign-in link: modelops user link {email}")


@user.command("link")
def create_link(
    email: Email,
    url: Annotated[str, typer.Option(envvar="MODELOPS_URL", help="The server's address.")] = "http://127.0.0.1:8000",
) -> None:
    """Print a link that signs them in once, within a day."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import queries, service

    operator = system_actor(DEFAULT_WORKSPACE, "the command line")
    with migrated_database(read_settings()) as database, database.write() as db:
        found = queries.get_user_by_email(db, operator, email)
        secret = service.create_sign_in_link(db, operator, found)
    typer.echo(f"{url.rstrip('/')}/login?link={secret}")


@user.command("erase")
def erase_user(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a person's name and address out of their account and out of the log, for good; what they did stays."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import queries, service

    if not yes:
        typer.confirm(f"Erase {email}? It cannot be undone.", abort=True)
    operator = system_actor(DEFAULT_WORKSPACE, "the command line")
    with migrated_database(read_settings()) as database, database.write() as db:
        found = queries.get_user_by_email(db, operator, email)
        service.erase_user(db, operator, found.id)
    typer.echo(f"Erased. Their id stays: {found.id}")


@token.command("create")
def create_token(
    email: Annotated[str, typer.Option("--user", help="Whose token: an e-mail address.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[Scope, typer.Option(help="What it may be used for; `all` is all that its user may.")] = Scope.ALL,
) -> None:
    """Make an API token and print it, alone and this once."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.identity import service

    operator = system_actor(DEFAULT_WORKSPACE, "the command line")
    with migrated_database(read_settings()) as database, database.write() as db:
        secret = service.create_token_for(db, operator, email, name, scope=scope)
    typer.echo(secret)
