"""The documents and the rules that are shipped with the platform, as files beside this one."""

from functools import cache
from importlib import resources

from .domain.cards import CardForm, read_card_form
from .domain.documents import read_document, read_yaml
from .domain.eu import Guide, read_guide
from .domain.evidence import EvidenceRules, read_evidence_rules
from .domain.exceptions import ExceptionRules, read_exception_rules
from .domain.findings import FindingRules, read_finding_rules
from .domain.lifecycles import LifeCycle, read_life_cycle
from .domain.policies import Policy
from .domain.questionnaire import Questionnaire, read_questionnaire
from .domain.reading import read_policy_text
from .domain.validation import ReportForm, read_report_form

_DATA = resources.files("modelops_platform.governance") / "data"
POLICIES = _DATA / "policies"


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
    files = sorted(POLICIES.iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in files if file.name.endswith(".yaml"))


@cache
def default_policies() -> tuple[Policy, ...]:
    """Read the shipped policies, one for each tier."""
    return tuple(read_policy_text(text) for text in default_policy_texts())


@cache
def default_life_cycle_texts() -> tuple[str, ...]:
    """Read the documents of the shipped life cycles, in the order of their names."""
    files = sorted((_DATA / "lifecycles").iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in files if file.name.endswith(".yaml"))


@cache
def default_life_cycles() -> tuple[LifeCycle, ...]:
    """Read the shipped life cycles, one for models and one for versions."""
    return tuple(read_document(text, read_life_cycle) for text in default_life_cycle_texts())


@cache
def eu_guide() -> Guide:
    """Read the guide to the classes of the EU AI Act."""
    return read_document((_DATA / "eu-ai-act.yaml").read_text("utf-8"), read_guide)


@cache
def card_form() -> CardForm:
    """Read what a model card says, and from which tier on each part of it is wanted."""
    return read_document((_DATA / "cards.yaml").read_text("utf-8"), read_card_form)


@cache
def default_suite_texts() -> tuple[str, ...]:
    """Read the documents of the shipped test suites, in the order of their names."""
    files = sorted((_DATA / "suites").iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in files if file.name.endswith(".yaml"))


@cache
def report_form() -> ReportForm:
    """Read what a validation report holds."""
    return read_document((_DATA / "validation.yaml").read_text("utf-8"), read_report_form)


@cache
def finding_rules() -> FindingRules:
    """Read how bad a finding may be, and what follows from it."""
    return read_finding_rules(read_yaml((_DATA / "findings.yaml").read_text("utf-8")))


@cache
def exception_rules() -> ExceptionRules:
    """Read who may set a rule aside, and for how long."""
    return read_exception_rules(read_yaml((_DATA / "exceptions.yaml").read_text("utf-8")))


@cache
def evidence_rules() -> EvidenceRules:
    """Read what people attest, and how fresh their password must be."""
    return read_evidence_rules(read_yaml((_DATA / "evidence.yaml").read_text("utf-8")))
