"""Requests with limits: how large, how deep and how plain a body may be."""

import json
import re
from collections.abc import AsyncGenerator
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Scope

from modelops_platform.core.errors import InvalidInput, TooLarge

DEEPEST = 32
LARGEST_INTEGER = 2**63 - 1
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";]*)', re.IGNORECASE)
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_KEY = re.compile(rb'"\s*:')
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return a header, the first of those with this name in small letters, without reading all the others."""
    for sent, value in scope["headers"]:
        if sent == name:
            found: str = value.decode("latin-1")
            return found
    return None


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
                _check_escapes(await self.body())
            check_form(await self.form())
            return
        if takes_form or not (kind == "application/json" or kind.endswith("+json")):
            if await self.body() or kind:
                raise _wrong_type(kind, _FORMS if takes_form else ("application/json",))
        elif body := await self.body():
            self._check_coding()
            self._json = parse_json(body)

    def read_as(self, shape: TypeAdapter[Any]) -> None:
        """Put the shape in the place of the JSON that was parsed, each value of the very type that the shape names.

        The framework would take `"yes"` for true and true for 1. Raises RequestValidationError.
        """
        if not hasattr(self, "_json"):
            return
        try:
            self._json = shape.validate_json(self._body, strict=True)
        except ValidationError as error:
            raise _refused(error) from None

    def _check_coding(self) -> None:
        """Raise InvalidInput for a body that says of itself that it is packed, or not written in UTF-8."""
        packed = self.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            raise InvalidInput(
                f"A body packed as {packed[:80]!r} is not taken here.",
                remedy="Send it as it is, without Content-Encoding.",
                field="Content-Encoding",
                value=packed[:80],
            )
        charset = _CHARSET.search(self.headers.get("content-type", ""))
        if charset and charset[1].lower() not in _CHARSETS:
            raise InvalidInput(
                f"A body written in {charset[1][:80]!r} is not taken here.",
                remedy="Write it in UTF-8.",
                field="Content-Type",
                value=charset[1][:80],
            )


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
    deeper than 32, integers beyond 64 bits, NUL or lone surrogates in a string, and a key that stands twice.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        half = _ESCAPED_SURROGATE.search(body)
        why = "a string holds half of a surrogate pair, which is no character" if half else str(error)
        raise InvalidInput(f"The body is not JSON: {why}.", remedy="Send valid JSON in UTF-8.", field="body") from None
    except RecursionError:
        raise _too_deep() from None
    if check_plain(value) != len(_KEY.findall(body)):  # rarely, and then most often for a text that holds JSON
        try:
            json.loads(body, object_pairs_hook=_each_once, parse_int=str)
        except RecursionError:
            raise _too_deep() from None
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    """Raise InvalidInput for an object with two values for one key: readers differ in which of them counts."""
    seen: set[str] = set()
    for key, _value in pairs:
        if key in seen:
            raise InvalidInput(f"{key[:80]} stands twice in one object.", remedy="Send each key once.", field=key[:200])
        seen.add(key)


def _too_deep() -> InvalidInput:
    return InvalidInput(
        f"The body is nested deeper than {DEEPEST} levels.", remedy="Send a flatter value.", field="body"
    )


def check_plain(value: Any, path: str = "body", depth: int = 0) -> int:
    """Walk a parsed value, return how many keys it has. Raises InvalidInput naming the place of what cannot be kept."""
    keys = 0
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, dict):
        keys = len(value)
        for key, item in value.items():
            check_text(key, path)
            keys += check_plain(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            if type(item) in (float, bool, type(None)):
                continue
            keys += check_plain(item, f"{path}.{position}", depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise InvalidInput(
            f"{path} is the integer {str(value)[:40]}, which does not fit into 64 bits.",
            remedy="Send a smaller number, or text.",
            field=path.removeprefix("body."),
        )
    return keys


def check_text(text: str, field: str) -> None:
    """Raise InvalidInput for text that no database keeps: NUL and lone surrogates."""
    if found := _UNSTORABLE.search(text):
        raise InvalidInput(
            f"{field} holds the character U+{ord(found[0]):04X}, which cannot be stored.",
            remedy="Leave it out; any other Unicode text is fine.",
            field=field.removeprefix("body."),
        )


def is_utf8(escaped: bytes) -> bool:
    """Say whether what stands behind the escapes is UTF-8; elsewhere the rest would silently be U+FFFD."""
    try:
        unquote_to_bytes(escaped).decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_escapes(form: bytes) -> None:
    if not is_utf8(form):
        raise InvalidInput("The form is not UTF-8.", remedy="Encode it as UTF-8.", field="body")


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
        raise _refused(error) from None


def _refused(error: ValidationError) -> RequestValidationError:
    return RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()])
