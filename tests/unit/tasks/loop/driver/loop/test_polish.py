"""Polishing: the best of each system, once, with numbers of their own, and no observations of the proposer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tansaku.models.domain.history import search_entries
from tansaku.models.domain.records import Outcome
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.source import polish_source, source_of
from tests.support.campaign_files import boundary_space

KEYS = {
    "space": boundary_space("Al", 3.994, [1, 1, 1], [1, 1, 3], axis=[1, 1, 0], spacing=8, translation={"normal": [0.0, 0.4]}),
    "calculator": {"type": "emt"},
    "proposer": {"type": "random"},
    "budget": {"evaluations": 12},
    "execution": {"in_flight": 3, "polish": 2},
}


@dataclass
class NumberedSpace:
    """A boundary space whose outcomes are made up: what is polished depends on values alone."""

    space: object

    def recorded(self, candidate):
        return Outcome(value=float(sum(map(ord, candidate)) % 97))


@pytest.fixture
def bench(open_bench):
    made = open_bench(**KEYS)
    made.launcher.space = NumberedSpace(made.launcher.space)
    return made


def best(bench, count):
    search = [one for one in bench.store.evaluations("small") if one.proposal.purpose == "search"]
    systems = {one.proposal.system for one in search}
    return {
        one.proposal.candidate
        for system in systems
        for one in sorted((one for one in search if one.proposal.system == system), key=lambda one: one.outcome.value)[:count]
    }


def polished(bench):
    return [one for one in bench.store.evaluations("small") if one.proposal.purpose == "polish"]


def test_the_best_of_each_system_are_polished_after_the_search(bench):
    assert bench.drive().reason == "evaluations"
    assert {one.proposal.candidate for one in polished(bench)} == best(bench, 2)
    assert [one.proposal.number for one in polished(bench)] == [13, 14, 15, 16]
    assert {one.proposal.source for one in polished(bench)} == {
        polish_source(bench.launcher.spec, source_of(bench.launcher.spec))
    }
    relaxations = [job["relaxation"] for job in bench.launcher.documents]
    assert relaxations[:12] == [None] * 12
    assert all((one["cell"], one["translation"]) == ("normal", "free") for one in relaxations[12:])


def test_a_raised_budget_polishes_what_is_newly_best_only(bench):
    bench.drive()
    first = [one.proposal.candidate for one in polished(bench)]
    bench.command("edit", **{"budget.evaluations": 24})
    assert bench.drive().reason == "evaluations"
    candidates = [one.proposal.candidate for one in polished(bench)]
    assert candidates[: len(first)] == first
    assert len(set(candidates)) == len(candidates)
    assert best(bench, 2) <= set(candidates)


def test_polishing_is_resumed_and_is_no_part_of_the_search(bench, open_bench):
    bench.drive()
    other = open_bench(seed=4, **KEYS)
    other.launcher.space = NumberedSpace(other.launcher.space)
    for number in (13, 14, 15):
        assert other.drive(halt_at=number).reason == "interrupted"
    other.drive()
    assert other.sequence() == bench.sequence()
    pool = open_space(bench.launcher.spec.space, bench.folder).pool()
    assert len(search_entries(pool, bench.store.evaluations("small"))) == 12
