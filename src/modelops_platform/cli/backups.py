"""`modelops backup` and `modelops restore`: a whole copy of the installation, and a place made from one."""

from pathlib import Path
from typing import Annotated

import typer

from .home import opened_database, read_settings

DAMAGED = 1


def backup(
    target: Annotated[Path, typer.Argument(help="A new folder.")],
    keys: Annotated[bool, typer.Option(help="Take the keys along; a copy without them cannot prove its log.")] = True,
) -> None:
    """Copy everything into a new folder, while the platform works on: exit 1 when stored files are damaged."""
    from modelops_platform.artifacts.store import open_store
    from modelops_platform.operations.backup import make_backup

    settings = read_settings()
    with opened_database(settings) as database:
        made = make_backup(settings, database, open_store(settings), target, with_keys=keys)
    typer.echo(
        f"Backed up {made.rows:,} rows of {len(made.tables)} tables and {made.blobs.count:,} files"
        f" ({made.blobs.size:,} bytes) to {target}."
    )
    typer.echo("Whoever has this folder has the keys of the log." if keys else "The keys are not in it.")
    if made.blobs.damaged:
        typer.echo(f"Missing or changed in the store, so not in the backup: {', '.join(made.blobs.damaged)}", err=True)
        raise typer.Exit(DAMAGED)


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `modelops backup` made.")],
) -> None:
    """Put a backup into an empty home or database, and bring it to this release: nothing is written over."""
    from modelops_platform.artifacts.store import open_store
    from modelops_platform.operations.backup import read_manifest, restore_backup, restore_keys

    from .home import bring_up

    settings = read_settings()
    manifest = read_manifest(source)
    restore_keys(settings, source, manifest)
    with opened_database(settings) as database:
        restore_backup(database, open_store(settings), source, manifest)
        bring_up(settings, database)
    typer.echo(
        f"Restored {manifest.rows:,} rows and {manifest.blobs.count:,} files as they were on"
        f" {manifest.made_at:%d %B %Y at %H:%M} UTC, from release {manifest.release}."
    )
    typer.echo("Check it: modelops audit verify, and modelops doctor.")
