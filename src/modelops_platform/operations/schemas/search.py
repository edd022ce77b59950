"""What is searched for, and for which page help is wanted."""

from pydantic import Field

from modelops_platform.web.forms import In, Out


class SearchIn(In):
    """Words to find anywhere."""

    q: str = Field(default="", max_length=200, description="Words; all of them must occur.")


class HelpIn(In):
    """The page that help is wanted for."""

    page: str = Field(default="/", max_length=2000, description="Its path.")


class HitOut(Out):
    """Something that was found; `key` is the name or id that its address takes, `number` a version's."""

    kind: str
    key: str
    name: str
    detail: str
    number: str
