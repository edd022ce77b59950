"""The command line: operator commands open the home, client commands speak HTTP."""

from typing import Any

import typer
from typer.core import TyperGroup

from modelops_platform.core.errors import PlatformError

from . import audit, backups, database, demo, doctor, models, people, policies, serving, signing, testing

CANNOT = 2


class _OneLine(TyperGroup):
    """Says what went wrong in one line on standard error, without a traceback, and exits with 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PlatformError as error:
            typer.echo(f"Error: {error.message} {error.remedy or ''}".rstrip(), err=True)
        raise typer.Exit(CANNOT)


app = typer.Typer(
    cls=_OneLine,
    help="ModelOps: keep, ship, watch and govern every model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serving.serve)
app.command()(serving.web)
app.command()(serving.gateway)
app.command()(serving.worker)
app.command()(demo.demo)
for command in (models.register, models.models, models.versions, models.gate):
    app.command()(command)
app.command()(signing.sign)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(doctor.doctor)
app.add_typer(people.user, name="user")
app.add_typer(people.token, name="token")
app.add_typer(database.db, name="db")
app.add_typer(audit.audit, name="audit")
app.add_typer(policies.policy, name="policy")
app.add_typer(testing.test, name="test")
