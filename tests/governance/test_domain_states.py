"""States follow from records."""

import pytest

from modelops_platform.governance.domain.states import (
    ModelRecord,
    ModelState,
    RequestState,
    VersionRecord,
    VersionState,
    model_state,
    version_state,
)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (VersionRecord(), "draft"),
        (VersionRecord(RequestState.OPEN), "submitted"),
        (VersionRecord(RequestState.REJECTED), "failed"),
        (VersionRecord(RequestState.GRANTED), "approved"),
        (VersionRecord(RequestState.VOID), "draft"),
        (VersionRecord(RequestState.WITHDRAWN), "draft"),
        (VersionRecord(RequestState.GRANTED, is_live=True, was_live=True), "deployed"),
        (VersionRecord(RequestState.GRANTED, was_live=True), "superseded"),
        (VersionRecord(RequestState.GRANTED, was_live=True, is_archived=True), "archived"),
    ],
)
def test_the_state_of_a_version_follows_from_its_records(record: VersionRecord, state: str) -> None:
    assert version_state(record) == VersionState(state)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (ModelRecord(), "proposed"),
        (ModelRecord(is_assessed=True), "in_development"),
        (ModelRecord((VersionRecord(),)), "in_development"),
        (ModelRecord((VersionRecord(), VersionRecord(RequestState.OPEN))), "in_validation"),
        (ModelRecord((VersionRecord(RequestState.OPEN), VersionRecord(RequestState.GRANTED))), "approved"),
        (ModelRecord((VersionRecord(RequestState.OPEN), VersionRecord(is_live=True))), "in_production"),
        (ModelRecord((VersionRecord(is_live=True),), is_retired=True), "retiring"),
        (ModelRecord((VersionRecord(was_live=True),), is_retired=True), "retired"),
    ],
)
def test_the_state_of_a_model_is_that_of_its_furthest_version(record: ModelRecord, state: str) -> None:
    assert model_state(record) == ModelState(state)
