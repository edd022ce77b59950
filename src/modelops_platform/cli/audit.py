"""`modelops audit`: verify the log, hand it to others, and the keys that go with it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from modelops_platform.core.errors import InvalidInput

from .home import migrated_database, read_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from modelops_platform.events.proof.report import Report

audit = typer.Typer(no_args_is_help=True, help="The log, and the proof that it is whole.")

PublicKeys = Annotated[
    list[Path] | None, typer.Option("--public-key", help="PEM file of a key to believe; may be given again.")
]


@audit.command()
def verify(
    export: Annotated[Path | None, typer.Argument(help="An export to check; by default the log itself.")] = None,
    public_key: PublicKeys = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="How to say it.")] = "text",
) -> None:
    """Check every event, seal and signature: exit 0 the log is whole, 1 it is broken, 2 it could not be checked."""
    import json

    believed = [key for path in public_key or [] for key in _read_keys(path)]
    report = _verify_file(export, believed) if export is not None else _verify_home(believed)
    if form == "json":
        typer.echo(json.dumps(report.to_shape(), ensure_ascii=False, indent=2))
    else:
        _print(report)
    raise typer.Exit(report.status)


def _verify_home(believed: "list[Ed25519PublicKey]") -> "Report":
    from modelops_platform.operations.verification import verify_installation

    return verify_installation(read_settings(), believed=believed)


def _verify_file(path: Path, believed: "list[Ed25519PublicKey]") -> "Report":
    from modelops_platform.core import clock
    from modelops_platform.core.keys import find_keys
    from modelops_platform.events.proof.exports import verify_export
    from modelops_platform.events.queries import public_keys

    own = None if believed else find_keys(read_settings().keys_folder)
    keys = believed or (public_keys(own) if own is not None else [])
    try:
        with path.open("rb") as lines:
            return verify_export(lines, keys=keys, secret=own.events if own is not None else None, now=clock.now())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None


def _read_keys(path: Path) -> "list[Ed25519PublicKey]":
    from modelops_platform.events.proof.seals import read_pem

    try:
        return read_pem(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(f"The public key {path} cannot be used: {reason}.") from None


def _print(report: "Report") -> None:
    typer.echo(report.headline)
    if report.last_seal is not None:
        typer.echo(f"Last seal: {report.last_seal} of {report.last_sealed_at}, signed by {', '.join(report.keys)}.")
    if report.events:
        typer.echo(report.tail.words)
    for note in report.notes:
        typer.echo(note)
    for finding in report.findings:
        typer.echo(f"- {finding.words}")
    if report.found > len(report.findings):
        typer.echo(f"- and {report.found - len(report.findings):,} more")


@audit.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; by default standard output.")] = None,
    personal: Annotated[bool, typer.Option("--personal", help="With names and addresses beside the events.")] = False,
) -> None:
    """Write the whole log with its seals, for anyone to check with the public key alone."""
    from modelops_platform.core import clock
    from modelops_platform.core.keys import load_keys
    from modelops_platform.events.queries import public_keys
    from modelops_platform.events.verifying import export_log
    from modelops_platform.operations.verification import log_of

    settings = read_settings()
    with migrated_database(settings):
        pass
    keys = public_keys(load_keys(settings.keys_folder))
    lines = export_log(log_of(settings), keys=keys, personal=personal, made_at=clock.now())
    if out is None:
        _write(lines)
    else:
        try:
            with out.open("wb") as file:
                file.writelines(lines)
        except OSError as error:
            raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from None


def _write(lines: Iterator[bytes]) -> None:
    sys.stdout.buffer.writelines(lines)
    sys.stdout.buffer.flush()


@audit.command()
def key() -> None:
    """Print the public keys that sign the log, the one in use first: what an outsider checks an export with."""
    from modelops_platform.core.keys import load_keys
    from modelops_platform.events.proof.seals import fingerprint, to_pem
    from modelops_platform.events.queries import public_keys

    for public in public_keys(load_keys(read_settings().keys_folder)):
        typer.echo(f"# SHA-256 {fingerprint(public)}")
        typer.echo(to_pem(public), nl=False)


@audit.command("rotate-key")
def rotate_key() -> None:
    """Sign the log with a new key from now on; the old one names it in the log, and then is gone."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.db import DEFAULT_WORKSPACE
    from modelops_platform.events import service
    from modelops_platform.events.proof.seals import to_pem

    settings = read_settings()
    operator = system_actor(DEFAULT_WORKSPACE, "the command line")
    with migrated_database(settings) as database:
        with database.write() as db:
            made = service.rotate_key(db, operator)
            keys = db.info["keys"]
        keys.rotate_seal(made.old.key_id, to_pem(made.old.public), made.seed)
    typer.echo(f"The log is signed by the key {made.new.key_id} from now on; {made.old.key_id} signed it before.")
