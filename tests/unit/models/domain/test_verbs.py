"""The table of the states in which commands apply, and how a campaign is judged by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from tansaku.models.domain.errors import StateError
from tansaku.models.domain.records import CampaignRecord, Command
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.verbs import VERBS, SteeringKind, judged_state, kinds_for, kinds_shown, repeated
from tests.support.records import campaign_record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPLY = {
    "pause": "NEW RUNNING INTERRUPTED WAITING",
    "resume": "NEW INTERRUPTED WAITING PAUSED CANCELLED FINISHED STOPPED",
    "cancel": "NEW RUNNING INTERRUPTED WAITING PAUSED STOPPED",
    "retry": "RUNNING INTERRUPTED WAITING FINISHED STOPPED",
    "rerun": "RUNNING INTERRUPTED WAITING FINISHED STOPPED",
    "reject": "RUNNING INTERRUPTED WAITING FINISHED STOPPED",
    "edit": "NEW RUNNING INTERRUPTED WAITING PAUSED CANCELLED FINISHED STOPPED",
}


def record(*kinds: str, applied: bool = True) -> CampaignRecord:
    """A campaign with commands."""
    number = 0 if applied else None
    commands = [
        Command(id=f"command-{place}", kind=kind, created_at=NOW, applied_at_number=number) for place, kind in enumerate(kinds)
    ]
    return campaign_record(commands=tuple(commands))


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("NEW", {"cancel"}),
        ("RUNNING", {"pause", "cancel"}),
        ("PAUSED", {"resume", "cancel"}),
        ("CANCELLED", {"resume"}),
        ("FINISHED", set()),
        ("STOPPED", {"resume", "cancel"}),
    ],
)
def test_only_buttons_that_have_a_use_are_shown(state, shown):
    found = kinds_shown(CampaignState(state))
    assert {kind for kind in found if VERBS[kind].argument == "nothing"} == shown
    assert found <= kinds_for(CampaignState(state))


@pytest.mark.parametrize("state", CampaignState)
def test_each_state_has_its_commands_and_refuses_the_others(state):
    assert set(APPLY) == set(get_args(SteeringKind)) == set(VERBS)
    applying = {kind for kind, states in APPLY.items() if state.value in states.split()}
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
    edited = record("edit", applied=False)
    noted = edited.model_copy(update={"commands": (edited.commands[0].model_copy(update={"payload": {"notes": "x"}}),)})
    assert judged_state(noted, finished, driven=False) is finished, "notes reopen nothing"
    attached = edited.model_copy(update={"commands": (edited.commands[0].model_copy(update={"kind": "attach"}),)})
    assert judged_state(attached, finished, driven=False) is finished, "and a photo of a value does not"
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
