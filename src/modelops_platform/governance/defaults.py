"""The questionnaire and the policies that are shipped with the platform, as files beside this one."""

from functools import cache
from importlib import resources

from .domain.documents import read_yaml
from .domain.policies import Policy, read_policy
from .domain.questionnaire import Questionnaire, read_questionnaire

_DATA = resources.files("modelops_platform.governance") / "data"


@cache
def default_questionnaire_text() -> str:
    """Read the document of the shipped questionnaire."""
    return (_DATA / "questionnaire.yaml").read_text("utf-8")


@cache
def default_questionnaire() -> Questionnaire:
    """Read the shipped questionnaire."""
    return read_questionnaire(read_yaml(default_questionnaire_text()))


@cache
def default_policy_texts() -> tuple[str, ...]:
    """Read the documents of the shipped policies, in the order of their names."""
    files = sorted((_DATA / "policies").iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in files if file.name.endswith(".yaml"))


@cache
def default_policies() -> tuple[Policy, ...]:
    """Read the shipped policies, one for each tier."""
    return tuple(read_policy(read_yaml(text)) for text in default_policy_texts())
