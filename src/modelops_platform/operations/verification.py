"""Verifying the log of this installation, as the command, the API and the job do."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from modelops_platform.core import clock
from modelops_platform.core.db import parse_address
from modelops_platform.core.errors import TooMany
from modelops_platform.core.keys import find_keys
from modelops_platform.core.settings import Settings
from modelops_platform.events.proof.report import Outcome, Report
from modelops_platform.events.queries import public_keys
from modelops_platform.events.verifying import Source, source_of, verify_log

from .checkpoints import kept_elsewhere

VERIFY = "audit.verify"  # the job
RETRY_AFTER_SECONDS = 10
_verifying = threading.Lock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one caller of this process read the whole log while a request waits for it. Raises TooMany for others."""
    if not _verifying.acquire(blocking=False):
        raise TooMany(
            "The log is being verified for somebody else.",
            remedy="Wait for Retry-After and ask again, or have a job verify it on the page of the log.",
            retry_after=RETRY_AFTER_SECONDS,
        )
    try:
        yield
    finally:
        _verifying.release()


def log_of(settings: Settings) -> Source:
    """Return where the log of this installation is."""
    return source_of(parse_address(settings.database_address))


def verify_installation(
    settings: Settings,
    *,
    believed: Sequence[Ed25519PublicKey] = (),
    progress: Callable[[float], None] = lambda _fraction: None,
) -> Report:
    """Check the whole log, and compare it with the seals that are kept elsewhere; changes nothing.

    Args:
        believed: The public keys to believe; by default those of this installation.
    """
    keys = find_keys(settings.keys_folder)
    publics = list(believed) or (public_keys(keys) if keys is not None else [])
    if not publics:
        words = f"There is no key in {settings.keys_folder} to check with: name the folder, or give --public-key."
        at = clock.now().isoformat()
        return Report(outcome=Outcome.UNCHECKED, checked_at=at, seconds=0.0, notes=[words])
    checkpoints, notes = kept_elsewhere(settings, publics)
    report = verify_log(
        log_of(settings),
        keys=publics,
        secret=keys.events if keys is not None else None,
        checkpoints=checkpoints,
        progress=progress,
    )
    report.notes += notes
    return report
