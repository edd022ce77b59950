"""Shapes that several nouns use."""

from typing import Annotated

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone

Name = Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone]
Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
