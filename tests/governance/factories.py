"""Facts, voters, votes and documents with defaults that pass, for tests to change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelops_platform.artifacts.domain import Verdict
from modelops_platform.governance.defaults import default_policies, default_policy_texts, default_questionnaire
from modelops_platform.governance.domain.decisions import Decision, Judgement, Status, decide_under
from modelops_platform.governance.domain.documents import read_yaml
from modelops_platform.governance.domain.facts import (
    Action,
    DigestState,
    Facts,
    Kind,
    Scan,
    TierFact,
    Vote,
    VoteAnswer,
    Voter,
)
from modelops_platform.governance.domain.policies import Approvals, Policy
from modelops_platform.governance.domain.questionnaire import Assessment, Tier, assess

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DIGEST = "3f9a" + "0" * 58 + "c1"
QUESTIONS = [question.id for question in default_questionnaire().questions]
CHAMPION = Action.alias("champion")


def answers_of(*scores: int) -> dict[str, int]:
    return dict(zip(QUESTIONS, scores, strict=True))


def assess_default(answers: dict[str, Any], **facts: Any) -> Assessment:
    return assess(default_questionnaire(), answers, facts)


def policy_document(**changes: Any) -> dict[str, Any]:
    document = read_yaml(default_policy_texts()[0])
    assert isinstance(document, dict)
    return {**document, **changes}


def approvals_of(policy: Policy) -> Approvals:
    return next(item.check for item in policy.requirements if isinstance(item.check, Approvals))


def voter(id: str, *roles: str, unit: str = "credit", is_person: bool = True) -> Voter:
    return Voter(id, frozenset(roles), unit, is_person)


OWNER = voter("olga", "owner", "contributor")
VALIDATOR = voter("vera", "validator", unit="validation")
RISK = voter("rita", "risk", unit="risk")
EXECUTIVE = voter("emil", "executive", unit="board")
COMPLIANCE = voter("cora", "compliance", unit="legal")
PEER = voter("paul", "contributor", unit="markets")
EVERYBODY = (OWNER, VALIDATOR, RISK, EXECUTIVE, COMPLIANCE, PEER)


def vote(by: Voter, answer: str = "approve", **changes: Any) -> Vote:
    made = Vote(f"vote-{by.id}-{answer}", by, NOW - timedelta(hours=1), DIGEST, VoteAnswer(answer))
    return replace(made, **changes)


def tier_fact(tier: int, days_ago: int = 30) -> TierFact:
    return TierFact(
        Tier(tier), "assessment-1", NOW - timedelta(days=days_ago), "62.2", "questionnaire default v1", "rita"
    )


def good_facts(tier: int | None = 1, **changes: Any) -> Facts:
    facts = Facts(
        model_id="model-1",
        version_id="version-1",
        kind=Kind.ML,
        action=CHAMPION,
        environment=None,
        now=NOW,
        digest=DIGEST,
        digest_state=DigestState.VERIFIED,
        digest_checked_at=NOW,
        file_count=1,
        scans=(Scan("model.onnx", Verdict.CLEAN, "ONNX", NOW - timedelta(days=2), "scan-1"),),
        tier=tier_fact(tier) if tier else None,
        eu_class="minimal",
        people_affected=False,
        author="anna",
        author_unit="credit",
        committers=frozenset({"anna", "carl"}),
        owner="olga",
        validator="vera",
        unit_head="hugo",
        votes=(vote(OWNER), vote(VALIDATOR), vote(RISK), vote(EXECUTIVE)),
        people=EVERYBODY,
    )
    return replace(facts, **changes)


def decide_default(facts: Facts) -> Decision:
    decision = decide_under(default_policies(), facts)
    assert decision is not None
    return decision


def judgement_of(decision: Decision, id: str) -> Judgement:
    return next(item for item in decision.judgements if item.requirement_id == id)


def approvals_status(facts: Facts) -> Status:
    return judgement_of(decide_default(facts), "approvals").status
