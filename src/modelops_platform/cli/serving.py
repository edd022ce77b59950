"""`modelops serve`, `web`, `gateway` and `worker`: the processes of the platform."""

import gc
from typing import Annotated

import typer

from .home import migrate_apart, migrated_database, read_settings

Host = Annotated[str, typer.Option(help="Address to listen on; its name is answered for.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Web processes.")]


def serve(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Run the whole platform on this machine: migrate, serve pages and API, and do the jobs."""
    gc.disable()  # until it serves: loading leaves no garbage, but a million objects to look through
    from modelops_platform.identity import service as identity

    from .processes import JobProcess, bind, run_web

    settings = read_settings()
    with bind(host, port) as listening:
        migrate_apart(settings)
        with migrated_database(settings) as database, database.write() as db:
            link = identity.make_set_up_link(db)
        address = _address(host, listening.getsockname()[1])
        jobs = JobProcess()
        jobs.prepare(listening)  # and started after the pages, which people wait for
        typer.echo(f"ModelOps is at {address}")
        if link is not None:
            typer.echo(f"There is no administrator yet. Set up here, once, within a day: {address}/set-up?link={link}")
        run_web(listening, host, workers, on_start=jobs.start, on_exit=jobs.stop)
        jobs.join()


def web(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Serve pages and API only; not ready while migrations are pending."""
    gc.disable()
    from .processes import bind, run_web

    read_settings()
    with bind(host, port) as listening:
        typer.echo(f"ModelOps is at {_address(host, listening.getsockname()[1])}")
        run_web(listening, host, workers)


def gateway(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> None:
    """Answer questions to deployments only: /v2 and /deployments/NAME/invocations."""
    gc.disable()
    from .processes import bind, run_web

    read_settings()
    with bind(host, port) as listening:
        typer.echo(f"The gateway is at {_address(host, listening.getsockname()[1])}")
        run_web(listening, host, workers, make="make_gateway")


def worker() -> None:
    """Do jobs only; waits while migrations are pending."""
    from modelops_platform.worker import main

    read_settings()
    main()


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
