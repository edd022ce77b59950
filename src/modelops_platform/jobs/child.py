"""A heavy job's own process: limits first, then one function, its progress and its result as JSON lines.

The order comes in on standard input: `{"function", "limits", "engine", "prepared"}`. What goes out on standard output
is any number of `{"progress": [fraction, step]}` and at most one `{"result": ...}` or
`{"refused": words, "helps": bool}`. Whatever libraries print goes to standard error, whose end the parent quotes when
this process dies.
"""

import importlib
import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

from modelops_platform.core.errors import PlatformError
from modelops_platform.core.processes import end_with_parent, limit_resources

from . import engine
from .domain.states import Retry, may_help_again, words_for

_HEAVY = re.compile(r"(\w+\.)+heavy(\.\w+)*:\w+")


def main() -> None:
    """Do the job that standard input orders."""
    answers = _own_answers()
    order = json.load(sys.stdin)
    _limit(**order["limits"])

    def progress(fraction: float | None, step: str) -> None:
        _say(answers, progress=[fraction, step])

    try:
        with engine.running_on(order["engine"]):
            result = load(order["function"])(order["prepared"], progress)
    except (PlatformError, Retry) as error:
        _say(answers, refused=words_for(error), helps=may_help_again(error))
    except MemoryError:
        _say(answers, refused="The job needs more memory than a job may use.", helps=False)
    else:
        _say(answers, result=result)


def load(function: str) -> Callable[[Any, Callable[[float | None, str], None]], Any]:
    """Return the function with this dotted name. Raises ValueError unless it stands in a room's `heavy`."""
    if not _HEAVY.fullmatch(function):
        raise ValueError(f"{function!r} is not <package>.<room>.heavy:<function>")
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _own_answers() -> TextIO:
    """Keep the pipe to the parent for ourselves, and send what others print to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, **message: Any) -> None:
    answers.write(json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n")
    answers.flush()


def _limit(*, cpu_seconds: int, memory_bytes: int) -> None:
    limit_resources(
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 2),  # first a signal that says why, then the end
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
    )
    end_with_parent(signal.SIGKILL)
