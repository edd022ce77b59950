"""`modelops db`: the database's schema."""

import typer

from .home import bring_up, opened_database, read_settings

db = typer.Typer(no_args_is_help=True, help="The database.")


@db.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    settings = read_settings()
    with opened_database(settings) as database:
        bring_up(settings, database)
    typer.echo("The database has the schema of this release.")


@db.command()
def check() -> None:
    """Say whether the database has the schema of this release: exit 0 when it has, 1 when migrations are pending."""
    from modelops_platform.core.schema import is_current

    with opened_database(read_settings()) as database, database.read() as session:
        is_there = is_current(session)
    if not is_there:
        typer.echo("Migrations are pending. Run `modelops db upgrade`.", err=True)
        raise typer.Exit(1)
    typer.echo("The database has the schema of this release.")
