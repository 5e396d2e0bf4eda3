"""Views of a campaign: columns, counts, pages and changes agree with the evaluations that are stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tansaku.models.domain.identifiers import evaluation_id
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import (
    CampaignRecord,
    Command,
    Evaluation,
    Failure,
    Lease,
    Look,
    Outcome,
    Proposal,
    Quantity,
)
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.models.domain.views import STATE_CODES, Cursor, Mark, PageQuery
from tansaku.tasks.backends.stores.columns import columns_of

OVERLAP = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms in one place")
LOST = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="it took too long")
LOOK = Look(model="m@1", weights="f" * 64, bound=0.5, deviations=2.0)
RESULTS = {
    1: Outcome(value=3.0, wall_time=2.0, cores=4, quantities={"gap": Quantity(value=1.5, unit="eV")}, properties={"note": "x"}),
    2: Outcome(failure=OVERLAP, wall_time=1.0),
    3: Outcome(value=1.0, predicted_by="m@1", deviation=0.25),
    4: Outcome(value=3.0, wall_time=5.0),
    5: Outcome(value=-2.0, properties={"a.dotted": 1}),
}
LARGEST = 8


def proposal(number: int, candidate: str | None = None, **changes: object) -> Proposal:
    given = {
        "number": number,
        "candidate": candidate or f"c{number}",
        "system": "odd" if number % 2 else "even",
        "surface": "s/0",
        "source": "x",
        "predicted_cost": number / 3,
        "model": "grid",
        "look": LOOK if number == 3 else None,
        "purpose": "polish" if number == 5 else "search",
        "predicted_mean": 2.5 if number == 4 else None,
        "predicted_deviation": 0.5 if number == 4 else None,
    }
    return Proposal.model_validate(given | changes)


def begin(store: CampaignStore, lease: Lease, evaluation: Evaluation, attempt: int = 1) -> str:
    token = f"{evaluation.id}-{attempt}"
    store.begin_attempt(lease, evaluation.id, attempt, token, f"job-{token}")
    store.record_handle(lease, evaluation.id, token, {"name": token})
    return token


def finish(store: CampaignStore, lease: Lease, evaluation: Evaluation, outcome: Outcome, attempt: int = 1) -> None:
    assert store.accept_outcome(lease, evaluation.id, begin(store, lease, evaluation, attempt), outcome)


@pytest.fixture
def filled(store: CampaignStore, lease: Lease) -> list[Evaluation]:
    """Five evaluations that have ended, one that lost an attempt, one in progress, one only proposed."""
    for number in range(1, LARGEST + 1):
        evaluation = store.insert_proposal(lease, proposal(number))
        if number in RESULTS:
            finish(store, lease, evaluation, RESULTS[number])
        elif number == 6:
            store.mark_lost(lease, evaluation.id, begin(store, lease, evaluation), LOST, 5.0)
        elif number == 7:
            begin(store, lease, evaluation)
    return store.evaluations("search")


def numbers(evaluations: tuple[Evaluation, ...] | list[Evaluation]) -> list[int]:
    return [evaluation.proposal.number for evaluation in evaluations]


# ---------------------------------------------------------------- columns and counts


def test_columns_are_those_of_the_evaluations(store: CampaignStore, filled: list[Evaluation]) -> None:
    found = store.columns("search", quantities=("gap",), properties=("note", "a.dotted"))
    assert found.numbers.tolist() == list(range(1, LARGEST + 1))
    assert found.candidates == tuple(evaluation.proposal.candidate for evaluation in filled)
    assert found.systems == tuple(evaluation.proposal.system for evaluation in filled)
    assert [*found.state_codes] == [STATE_CODES[evaluation.state] for evaluation in filled]
    assert found.searched.tolist() == [number != 5 for number in range(1, LARGEST + 1)]
    assert found.predicted_costs.tolist() == [evaluation.proposal.predicted_cost for evaluation in filled]
    # Whole milliseconds, of the end or else of the proposal.
    moments = [evaluation.finished_at or evaluation.proposed_at for evaluation in filled]
    assert found.changed_at.tolist() == [round(1000 * moment.timestamp()) for moment in moments]
    np.testing.assert_array_equal(found.means, [np.nan] * 3 + [2.5] + [np.nan] * 4)
    np.testing.assert_array_equal(found.mean_deviations, [np.nan] * 3 + [0.5] + [np.nan] * 4)
    np.testing.assert_array_equal(found.values, [3.0, np.nan, 1.0, 3.0, -2.0, np.nan, np.nan, np.nan])
    expected = [np.nan if evaluation.measured_cost is None else evaluation.measured_cost for evaluation in filled]
    np.testing.assert_array_equal(found.measured_costs, expected)
    assert found.measured_costs[0] == 8.0
    assert found.spared.tolist() == [evaluation.spared for evaluation in filled]
    assert found.spared[2]
    assert (found.predicted_by[2], found.deviations.tolist()) == ("m@1", [0, 0, 0.25, 0, 0, 0, 0, 0])
    assert found.incidents.tolist() == [number in (2, 6) for number in range(1, LARGEST + 1)]
    assert found.quantities["gap"] == (RESULTS[1].quantities["gap"], *[None] * 7)
    assert (found.properties["note"][0], found.properties["a.dotted"][4], found.problems) == ("x", 1, ())


def test_columns_of_records_and_of_the_store_are_equal(store: CampaignStore, filled: list[Evaluation]) -> None:
    found, expected = store.columns("search", quantities=("gap",)), columns_of(filled, ("gap",))
    for name, column in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), column, err_msg=name)


def test_an_empty_campaign_has_empty_views(store: CampaignStore, lease: Lease) -> None:
    assert len(store.columns("search")) == len(store.columns("nothing")) == 0
    assert store.state_counts("search") == store.state_counts("nothing") == {}
    assert store.page("search", PageQuery()).evaluations == ()
    assert list(store.each_evaluation("search")) == store.numbered("search", [1]) == []


def test_states_are_counted(store: CampaignStore, filled: list[Evaluation]) -> None:
    counts = store.state_counts("search")
    states = [evaluation.state for evaluation in filled]
    assert counts == {state: states.count(state) for state in set(states)}
    assert counts[EvaluationState.DONE] == 4


def test_parts_of_a_campaign_are_read(store: CampaignStore, filled: list[Evaluation]) -> None:
    assert list(store.each_evaluation("search")) == filled
    assert store.numbered("search", [7, 2, 99]) == [filled[1], filled[6]]


# ---------------------------------------------------------------- pages


QUERIES = {
    "all": (PageQuery(limit=3), [1, 2, 3, 4, 5, 6, 7, 8]),
    "newest first": (PageQuery(limit=3, descending=True), [8, 7, 6, 5, 4, 3, 2, 1]),
    "states": (PageQuery(limit=1, states=(EvaluationState.FAILED, EvaluationState.LOST)), [2, 6]),
    "system": (PageQuery(limit=2, system="even"), [2, 4, 6, 8]),
    "by value": (PageQuery(limit=2, sort="value"), [5, 3, 1, 4]),
    "equal values": (PageQuery(limit=1, sort="value", descending=True), [4, 1, 3, 5]),
    "system by value": (PageQuery(limit=1, sort="value", system="odd"), [5, 3, 1]),
    "range": (PageQuery(limit=2, least=1.0, most=3.0), [1, 3, 4]),
    "open range": (PageQuery(limit=2, above=-2.0, below=3.0), [3]),
    "half open range": (PageQuery(limit=1, least=-2.0, below=3.0, sort="value"), [5, 3]),
    "candidates": (PageQuery(limit=1, candidates=("c4", "c7", "$ne", "c2")), [2, 4, 7]),
    "no candidates": (PageQuery(candidates=()), []),
    "a further result": (PageQuery(quantity="gap"), [1]),
    "a further result above": (PageQuery(quantity="gap", above=1.5), []),
    "a further result, by value": (PageQuery(quantity="gap", least=1.5, sort="value"), [1]),
    "text that is no operator": (PageQuery(system="$where"), []),
}


@pytest.mark.parametrize("name", QUERIES)
def test_pages_follow_each_other(store: CampaignStore, filled: list[Evaluation], name: str) -> None:
    query, expected = QUERIES[name]
    found: list[int] = []
    after: Cursor | None = None
    for _ in range(len(expected) or 1):
        page = store.page("search", query.model_copy(update={"after": after}))
        assert page.problems == ()
        assert all(evaluation in filled for evaluation in page.evaluations)
        found += numbers(page.evaluations)
        after = page.after
        if after is None:
            break
    assert found == expected
    assert after is None


def test_a_page_is_limited() -> None:
    with pytest.raises(ValueError, match="500"):
        PageQuery(limit=501)


@pytest.mark.parametrize("name", ["$gt", "a.b", "gap.value", "", "_gap"])
def test_the_name_of_a_further_result_is_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        PageQuery(quantity=name)


# ---------------------------------------------------------------- changes


def seen(store: CampaignStore, since: Mark | None) -> tuple[Mark, list[int]]:
    changes = store.changes("search", since)
    assert changes.mark is not None
    assert not changes.reset
    return changes.mark, numbers(changes.evaluations)


@pytest.fixture
def mark(store: CampaignStore, filled: list[Evaluation]) -> Mark:
    first = store.changes("search")
    assert first.reset
    assert first.mark is not None
    return first.mark


def test_without_changes_nothing_is_reported(store: CampaignStore, mark: Mark) -> None:
    assert seen(store, mark) == (mark, [])
    before, changes, after = store.now(), store.changes("search", mark), store.now()
    assert changes.record == store.campaign("search")
    assert before <= changes.now <= after


def test_new_and_finished_evaluations_are_reported(store: CampaignStore, lease: Lease, mark: Mark) -> None:
    running = store.numbered("search", [7])[0]
    store.accept_outcome(lease, running.id, f"{running.id}-1", RESULTS[1])
    store.insert_proposal(lease, proposal(9))
    mark, found = seen(store, mark)
    assert found == [7, 9]
    begin(store, lease, store.numbered("search", [8])[0])
    mark, found = seen(store, mark)
    assert found == [8]
    assert seen(store, mark) == (mark, [])


def test_a_rerun_is_a_new_number(store: CampaignStore, lease: Lease, mark: Mark) -> None:
    finish(store, lease, store.insert_proposal(lease, proposal(9, "c1", replicate=1)), RESULTS[4])
    assert seen(store, mark)[1] == [9]


def test_a_retry_in_progress_is_reported(store: CampaignStore, lease: Lease, mark: Mark) -> None:
    begin(store, lease, store.numbered("search", [2])[0], attempt=2)
    assert seen(store, mark)[1] == [2]


def test_a_retry_that_ended_between_two_readings_is_not_missed(store: CampaignStore, lease: Lease, mark: Mark) -> None:
    store.add_command("search", Command(id="r", kind="retry", created_at=datetime.now(UTC)))
    assert seen(store, mark)[1] == []
    finish(store, lease, store.numbered("search", [2])[0], RESULTS[2], attempt=2)
    store.apply_command(lease, "r", 9, None)
    changes = store.changes("search", mark)
    assert changes.reset
    assert changes.mark is not None
    assert seen(store, changes.mark)[1] == []


def imported(evaluation: Evaluation, campaign: str, number: int) -> Evaluation:
    chosen = proposal(number, f"i{number}")
    identifier = evaluation_id(campaign, chosen.candidate, chosen.source, 0)
    return evaluation.model_copy(update={"id": identifier, "campaign": campaign, "proposal": chosen})


def test_an_import_is_reported(store: CampaignStore, lease: Lease, filled: list[Evaluation], mark: Mark) -> None:
    new = imported(filled[0], "search", 9)
    assert store.import_observations("search", [new]) == 1
    assert seen(store, mark)[1] == [9]


def test_an_import_below_the_highest_number_is_not_missed(
    store: CampaignStore, record: CampaignRecord, filled: list[Evaluation]
) -> None:
    store.create_campaign(record.model_copy(update={"id": "other", "name": "other"}))
    later, earlier = (imported(filled[0], "other", number) for number in (2, 1))
    store.import_observations("other", [later])
    first = store.changes("other").mark
    assert store.changes("other", first).evaluations == ()
    store.import_observations("other", [earlier])
    assert store.changes("other", first).reset


def test_a_deleted_campaign_is_distinguished_from_its_namesake(
    store: CampaignStore, lease: Lease, record: CampaignRecord, mark: Mark
) -> None:
    store.release_lease(lease)
    store.begin_deletion("search")
    assert store.changes("search", mark).mark is None
    store.delete_campaign("search")
    assert (store.changes("search", mark).mark, store.changes("search", mark).reset) == (None, True)
    store.create_campaign(record.model_copy(update={"created_at": record.created_at + timedelta(seconds=1)}))
    changes = store.changes("search", mark)
    assert (changes.reset, changes.evaluations) == (True, ())
    assert changes.mark is not None
    assert changes.mark.number == 0
