"""Requests with limits: how large, how deep and how plain a body may be."""

import re
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request

from modelops_platform.core.errors import InvalidInput, TooLarge

DEEPEST = 32
LARGEST_INTEGER = 2**63 - 1
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class LimitedRequest(Request):
    """A request whose body is counted while it arrives and checked when it is parsed."""

    largest_body: int = 2_000_000
    largest_upload: int = 20_000_000_000
    _limit: int | None = None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's chunks. Raises TooLarge as soon as the limit is passed."""
        limit = self._limit or self.largest_upload
        announced = self.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit, int(announced))
        seen = 0
        async for chunk in super().stream():
            seen += len(chunk)
            if seen > limit:
                raise _too_large(limit, seen)
            yield chunk

    async def whole(self) -> bytes:
        """Return the body, for a route that reads it itself. Raises TooLarge beyond what is parsed elsewhere."""
        self._limit = self.largest_body
        return await self.body()

    async def parse(self, *, takes_form: bool, takes_files: bool) -> None:
        """Read and check the body now, so that the framework finds it ready.

        Raises InvalidInput, also for a body of another type than the route takes, and TooLarge.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not (kind == "multipart/form-data" and takes_files):
            self._limit = self.largest_body
        if takes_form and kind in _FORMS:
            if kind == "application/x-www-form-urlencoded":
                await self.body()
            check_form(await self.form())
            return
        if takes_form or not (kind == "application/json" or kind.endswith("+json")):
            if await self.body() or kind:
                raise _wrong_type(kind, _FORMS if takes_form else ("application/json",))
        elif body := await self.body():
            self._json = parse_json(body)


def _wrong_type(kind: str, taken: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(
        f"A body of type {kind[:80] or 'none'!r} is not taken here.",
        remedy=f"Send it as {' or '.join(taken)}, and say so in Content-Type.",
        field="Content-Type",
        value=kind[:80],
    )


def _too_large(limit: int, size: int) -> TooLarge:
    return TooLarge(
        f"The body is {size:,} bytes or more; at most {limit:,} are taken here.",
        remedy="Send less, or upload large content as a file.",
        field="body",
        limit=limit,
    )


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body that is plain enough to be stored on any database.

    Raises: InvalidInput for text that is not JSON (NaN and infinities are not), for nesting
    deeper than 32, integers beyond 64 bits, and NUL or lone surrogates in a string.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        half = _ESCAPED_SURROGATE.search(body)
        why = "a string holds half of a surrogate pair, which is no character" if half else str(error)
        raise InvalidInput(f"The body is not JSON: {why}.", remedy="Send valid JSON in UTF-8.", field="body") from None
    except RecursionError:
        raise _too_deep() from None
    check_plain(value)
    return value


def _too_deep() -> InvalidInput:
    return InvalidInput(
        f"The body is nested deeper than {DEEPEST} levels.", remedy="Send a flatter value.", field="body"
    )


def check_plain(value: Any, path: str = "body", depth: int = 0) -> None:
    """Walk a parsed value. Raises InvalidInput naming the place of what cannot be kept."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, path)
            check_plain(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            if type(item) in (float, bool, type(None)):
                continue
            check_plain(item, f"{path}.{position}", depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise InvalidInput(
            f"{path} is the integer {str(value)[:40]}, which does not fit into 64 bits.",
            remedy="Send a smaller number, or text.",
            field=path.removeprefix("body."),
        )


def check_text(text: str, field: str) -> None:
    """Raise InvalidInput for text that no database keeps: NUL and lone surrogates."""
    if found := _UNSTORABLE.search(text):
        raise InvalidInput(
            f"{field} holds the character U+{ord(found[0]):04X}, which cannot be stored.",
            remedy="Leave it out; any other Unicode text is fine.",
            field=field.removeprefix("body."),
        )


def check_form(form: FormData) -> None:
    """Check names and texts of a form as JSON strings are checked."""
    for name, value in form.multi_items():
        check_text(name, "body")
        if isinstance(value, str):
            check_text(value, name)


Shape = TypeVar("Shape", bound=BaseModel)


async def read_either(request: Request, shape: type[Shape]) -> Shape:
    """Return the body of a request in a shape, sent as a plain form or as JSON. Raises InvalidInput, TooLarge."""
    assert isinstance(request, LimitedRequest), "made by `web.routing`"
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    takes_form = kind == _FORMS[0]
    await request.parse(takes_form=takes_form, takes_files=False)
    sent = dict(await request.form()) if takes_form else getattr(request, "_json", {})
    try:
        return shape.model_validate(sent)
    except ValidationError as error:
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]) from None
