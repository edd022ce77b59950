"""The tables of governance, a module for each noun, each row with its time.

What an auditor may ask about over time stands in intervals [from_at, to_at); an open one has no end. Policies,
decisions and votes are only ever added.
"""

from .about import AskedChange
from .approvals import ApprovalComment, ApprovalRequest, VoteRecord
from .assessments import RiskAssessment
from .cards import CardEntry
from .compliance import ComplianceInterval, WhatIf, WhatIfCase
from .decisions import DecisionRecord
from .delegations import Delegation
from .documents import (
    LifeCycleVersion,
    PublishedDocument,
    PublishedText,
    QuestionnaireVersion,
    SuiteConfirmation,
    SuiteVersion,
)
from .emergencies import EmergencyAnswer, EmergencyChange
from .evidence import EvidenceRecord, TrustedKey
from .findings import DueMove, Finding, FindingInterval
from .lifecycles import LifeCycleCase, LifeCycleStay
from .policies import EnforcementChange, PolicyVersion
from .steps import StepTaken
from .test_runs import TestResult, TestRun
from .tiers import EuClassification, ModelDetermination, TierOverride
from .validations import Validation, ValidationEntry, ValidationSignature
from .waivers import Waiver, WaiverAnswer

__all__ = [
    "ApprovalComment",
    "ApprovalRequest",
    "AskedChange",
    "CardEntry",
    "ComplianceInterval",
    "DecisionRecord",
    "Delegation",
    "DueMove",
    "EmergencyAnswer",
    "EmergencyChange",
    "EnforcementChange",
    "EuClassification",
    "EvidenceRecord",
    "Finding",
    "FindingInterval",
    "LifeCycleCase",
    "LifeCycleStay",
    "LifeCycleVersion",
    "ModelDetermination",
    "PolicyVersion",
    "PublishedDocument",
    "PublishedText",
    "QuestionnaireVersion",
    "RiskAssessment",
    "StepTaken",
    "SuiteConfirmation",
    "SuiteVersion",
    "TestResult",
    "TestRun",
    "TierOverride",
    "TrustedKey",
    "Validation",
    "ValidationEntry",
    "ValidationSignature",
    "VoteRecord",
    "Waiver",
    "WaiverAnswer",
    "WhatIf",
    "WhatIfCase",
]
