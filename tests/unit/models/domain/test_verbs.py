"""The table of the states in which commands apply, and how a campaign is judged by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from tansaku.models.domain.errors import StateError
from tansaku.models.domain.records import CampaignRecord, Command, SteeringKind
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.verbs import judged_state, kinds_for, repeated

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPLY = {
    "NEW": "pause resume cancel edit",
    "RUNNING": "pause cancel edit retry rerun",
    "INTERRUPTED": "pause resume cancel edit retry rerun",
    "WAITING": "pause resume cancel edit retry rerun",
    "PAUSED": "resume cancel edit",
    "CANCELLED": "resume edit",
    "FINISHED": "resume edit retry rerun",
    "STOPPED": "resume cancel edit retry rerun",
}


def record(*kinds: str, applied: bool = True) -> CampaignRecord:
    """A campaign with commands."""
    number = 0 if applied else None
    commands = [
        Command(id=f"command-{place}", kind=kind, created_at=NOW, applied_at_number=number) for place, kind in enumerate(kinds)
    ]
    return CampaignRecord(
        name="c", spec={}, spec_hash="0", base_path="", tansaku_version="1", created_at=NOW, commands=tuple(commands)
    )


@pytest.mark.parametrize("state", CampaignState)
def test_each_state_has_its_commands_and_refuses_the_others(state):
    applying = set(APPLY[state.value].split())
    assert kinds_for(state) == applying
    held = {"PAUSED": ["pause"], "CANCELLED": ["cancel"]}.get(state.value, [])
    for kind in get_args(SteeringKind):
        campaign = record(*held)
        driven = state is CampaignState.RUNNING
        if kind in (*applying, *held):
            repetition = repeated(campaign, kind, driven=driven, find_state=lambda: state)
            assert (repetition is not None) == (kind in held)
        else:
            with pytest.raises(StateError, match=f"is {state.value}; {kind} applies to"):
                repeated(campaign, kind, driven=driven, find_state=lambda: state)


def test_what_was_asked_for_counts_before_a_driver_has_done_it():
    finished, running = CampaignState.FINISHED, CampaignState.RUNNING
    assert judged_state(record("edit"), finished, driven=False) is finished
    assert judged_state(record("edit", applied=False), finished, driven=False) is CampaignState.INTERRUPTED
    assert judged_state(record("edit", "pause", applied=False), finished, driven=False) is CampaignState.PAUSED
    assert judged_state(record("pause"), running, driven=True) is CampaignState.PAUSED
    assert judged_state(record("pause", "cancel"), running, driven=True) is CampaignState.CANCELLED
    assert judged_state(record("cancel", "resume"), running, driven=True) is running


def test_the_state_is_found_out_only_where_it_matters():
    def slow() -> CampaignState:
        raise AssertionError("the record tells enough")

    assert repeated(record(), "pause", driven=True, find_state=slow) is None
    assert repeated(record("cancel"), "resume", driven=False, find_state=slow) is None
    assert repeated(record(), "resume", driven=False, find_state=slow) is None
    assert repeated(record(), "edit", driven=False, find_state=slow) is None
