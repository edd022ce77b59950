"""The rules about findings, exceptions and attestations that are shipped with the platform, beside this file."""

from functools import cache
from importlib import resources

from .domain.documents import read_yaml
from .domain.evidence import EvidenceRules, read_evidence_rules
from .domain.exceptions import ExceptionRules, read_exception_rules
from .domain.findings import FindingRules, read_finding_rules

_DATA = resources.files("modelops_platform.governance") / "data"


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
