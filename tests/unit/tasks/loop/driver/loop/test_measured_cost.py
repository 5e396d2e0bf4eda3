"""Campaigns whose cost is learned: what is frozen, what the budget counts, and how a resume goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from tansaku.deploy.cli.live import Tally
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.spaces.grain_boundary import GrainBoundarySpace
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.loop.ledger.summaries import summary_of
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.figures import cost as cost_figure
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.costs import MEASURED_UNIT, compare_costs
from tansaku.tasks.read.views.results import evaluation_rows, system_rows
from tansaku.tasks.read.views.status import campaign_status
from tansaku.tasks.read.views.tabulation import write_table

TRUE_POWER = 2.0
BOUNDARIES = {"planes": [[1, 1, 3], [2, 2, 5], [3, 3, 4], [1, 1, 1]]}


def space(**cost: object) -> dict:
    return {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05, "strained": True},
        "boundaries": BOUNDARIES,
        "translation": {"normal": [0.0, 0.4], "in_plane": {"step": 0.6}, "along_axis": {"step": 0.6}},
        "spacing": 8.0,
        "cost": {"model": "measured"} | cost,
    }


def atoms_of() -> dict[str, float]:
    pool = GrainBoundarySpace(GrainBoundarySpaceSpec.model_validate(space(model="atoms")), base_path=None).pool()
    return dict(zip(pool.ids.tolist(), pool.cost.tolist(), strict=True))


ATOMS = atoms_of()


def timed(machine: str = "one", failing: Callable[[str], bool] = lambda candidate: False) -> Callable[[str], Outcome]:
    """A machine on which each candidate takes a time of its own, two cores each; machines differ a little."""

    def run(candidate: str) -> Outcome:
        rng = np.random.default_rng(int(short_hash([machine, candidate]), 16) % 2**32)
        seconds = 0.5 * (ATOMS[candidate] / 100) ** TRUE_POWER * np.exp(0.1 * rng.normal())
        if failing(candidate):
            failure = Failure(kind=FailureKind.SCIENCE, reason="not_converged", message="it did not")
            return Outcome(failure=failure, wall_time=seconds, cores=2)
        value = 300.0 + 50.0 * np.sin(int(short_hash([candidate]), 16) % 1000)
        return Outcome(value=value, wall_time=seconds, cores=2)

    return run


@pytest.fixture
def open_timed(open_bench):
    def build(opening=open_bench, *, cost=None, outcome=None, **changes):
        settings = {
            "space": space(**(cost or {})),
            "calculator": {"type": "emt"},
            "budget": {"evaluations": 24},
            "execution": {"in_flight": 3, "retries": 1, "retry_backoff": 0.001, "polish": 0},
        }
        return opening(outcome=outcome or timed(), **(settings | changes))

    build.driven = partial(build, open_bench.driven)
    return build


def costs_of(bench):
    return compare_costs(bench.store.columns("small"), bench.store.refits("small"), bench.launcher.spec.space)


@pytest.mark.parametrize("proposer", [{"type": "gp", "preset": "published"}, {"type": "random"}])
def test_the_sequence_depends_on_stored_times_and_not_on_when_jobs_end(open_timed, proposer):
    benches = [open_timed(seed=seed, proposer=proposer) for seed in range(3)]
    for bench in benches:
        assert bench.drive().reason == "evaluations"
    assert len({tuple(bench.sequence()) for bench in benches}) == 1
    assert len({str([refit.cost for refit in bench.store.refits("small")]) for bench in benches}) == 1


def test_another_machine_gives_another_sequence(open_timed):
    slow = timed("one")

    def skewed(candidate: str) -> Outcome:
        found = slow(candidate)
        return found.model_copy(update={"wall_time": found.wall_time * (ATOMS[candidate] / 100) ** -4})

    benches = [open_timed(outcome=outcome) for outcome in (slow, skewed)]
    for bench in benches:
        bench.drive()
    assert benches[0].sequence() != benches[1].sequence()


@pytest.mark.parametrize("budget", [{"evaluations": 24}, {"cost": 15.0}], ids=["evaluations", "cost"])
def test_a_driver_killed_at_any_number_goes_on_with_the_stored_refits(open_timed, budget):
    undisturbed = open_timed.driven(budget=budget)
    total = undisturbed.record().last_number
    for k in range(1, total, 4):
        bench = open_timed(seed=k, budget=budget)
        bench.drive(halt_at=k)
        bench.drive()
        assert bench.sequence() == undisturbed.sequence(), f"stopped at {k}"
        assert [(one.at_proposal, one.cost, one.fitted) for one in bench.store.refits("small")] == [
            (one.at_proposal, one.cost, one.fitted) for one in undisturbed.store.refits("small")
        ]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_kill_around_the_first_use_of_a_refit_changes_nothing(open_timed, before):
    budget = {"cost": 15.0}
    undisturbed = open_timed.driven(budget=budget)
    refits = len(undisturbed.store.refits("small"))
    assert refits > 3
    for victim in range(1, refits + 1):
        bench = open_timed(seed=victim, budget=budget)
        real = bench.store.insert_refit

        def insert(lease, refit, victim=victim, real=real):
            if not before:
                real(lease, refit)
            if refit.number == victim:
                raise KeyboardInterrupt
            return real(lease, refit)

        bench.store.insert_refit = insert
        with pytest.raises(KeyboardInterrupt):
            bench.drive()
        bench.store.insert_refit = real
        bench.drive()
        assert bench.sequence() == undisturbed.sequence()


def test_times_measured_after_a_resume_count_as_they_are(open_timed):
    bench = open_timed(outcome=timed("one"))
    bench.drive(halt_at=12)
    first = bench.store.refits("small")
    bench.launcher.outcome = timed("two")
    bench.drive()
    assert bench.store.refits("small")[: len(first)] == first
    assert len(bench.store.refits("small")) > len(first)


def test_what_was_measured_is_spent_and_what_is_pending_is_predicted(open_timed):
    bench = open_timed(budget={"cost": 15.0})
    assert bench.drive().reason == "budget"
    evaluations = bench.store.evaluations("small")
    actual = sum(2 * one.outcome.wall_time for one in evaluations)
    status = campaign_status(bench.store, "small")
    assert status.cost == pytest.approx(actual)
    assert (status.limit, status.cost_unit) == (15.0, MEASURED_UNIT)
    assert status.state == "FINISHED"
    # The cheapest candidate left does not fit any more, and the last ones were over by no more than their noise.
    assert 15.0 - 0.6 < actual < 15.0 + 3 * 0.3


@pytest.mark.parametrize("anchor", [0.001, 25.0])
def test_a_wrong_anchor_neither_ends_a_campaign_early_nor_overspends(open_timed, anchor):
    bench = open_timed(cost={"anchor": anchor}, budget={"cost": 15.0})
    assert bench.drive().reason == "budget"
    assert 14.0 < campaign_status(bench.store, "small").cost < 16.0


def test_what_is_not_expected_to_fit_is_not_begun(open_timed):
    bench = open_timed(cost={"anchor": 1000.0}, budget={"cost": 15.0})
    assert bench.drive().reason == "budget"
    assert bench.sequence() == []


def test_failures_count_what_they_took_and_lost_ones_what_was_predicted(open_timed):
    plain = open_timed.driven()
    victim, lost = plain.sequence()[5], plain.sequence()[1]
    bench = open_timed.driven(
        outcome=timed(failing=lambda candidate: candidate == victim),
        lose=lambda candidate, count: "timeout" if candidate == lost else None,
    )
    rows = {row["candidate"]: row for row in evaluation_rows(Campaign.load(bench.store, "small"))}
    states = {one.proposal.candidate: one for one in bench.store.evaluations("small")}
    assert states[victim].state is EvaluationState.FAILED
    assert rows[victim]["cost"] == states[victim].outcome.wall_time * 2
    assert states[lost].state is EvaluationState.FAILED
    assert rows[lost]["cost"] == rows[lost]["predicted_cost"] == states[lost].proposal.predicted_cost


def test_predictions_become_right_and_say_so(open_timed):
    bench = open_timed.driven(budget={"evaluations": 40}, proposer={"type": "random"})
    found = costs_of(bench)
    assert found.model["exponents"]["atoms"] == pytest.approx(TRUE_POWER, abs=0.15)
    late = found.actual[20:] / found.predicted[20:]
    assert np.abs(np.log(late)).max() < 0.5
    assert abs(np.log(found.actual[:3] / found.predicted[:3])).max() > np.abs(np.log(late)).max()
    assert "atoms^2." in found.describe() or "atoms^1.9" in found.describe()
    assert found.summary()["measured"] == 40


def test_status_tally_and_figure_speak_of_core_seconds(open_timed, tmp_path):
    bench = open_timed.driven(proposer={"type": "random"}, budget={"evaluations": 12, "cost": 100.0})
    said = campaign_status(bench.store, "small").describe()
    assert " core-seconds of 100 core-seconds (" in said
    assert "median of actual" in said
    tally = Tally(bench.launcher.spec, {}, 100, 1.0, 100.0, bench.store.campaign("small").created_at)
    tally.note([summary_of(evaluation) for evaluation in bench.store.evaluations("small")])
    assert tally.cost == pytest.approx(costs_of(bench).actual.sum())
    assert "core-seconds" in tally.line()
    found = costs_of(bench)
    first = cost_figure.draw_png(found, tmp_path / "1.png").read_bytes()
    assert len(first) > 5000
    assert cost_figure.draw_png(found, tmp_path / "2.png").read_bytes() == first


def test_a_table_made_of_the_results_holds_what_was_measured(open_timed, tmp_path):
    bench = open_timed.driven(proposer={"type": "random"})
    data = Campaign.load(bench.store, "small")
    path = write_table(data, tmp_path)[-1]
    table = load_campaign(path)
    pool = open_space(table.spec.space, table.base_path).pool()
    costs = {row["candidate"]: row["cost"] for row in evaluation_rows(data)}
    assert dict(zip(pool.ids.tolist(), pool.cost.tolist(), strict=True)) == pytest.approx(costs)
    task = ReplayTask(spec=table.spec, base_path=str(tmp_path), method="random", seed=0, count_initial=True)
    assert run_one(task).cost[-1] <= table.spec.budget.fraction * sum(costs.values())


def test_results_share_the_cost_that_the_last_refit_predicts(open_timed):
    bench = open_timed.driven(proposer={"type": "random"})
    data = Campaign.load(bench.store, "small")
    true = dict.fromkeys(data.pool.systems, 0.0)
    for candidate, atoms in ATOMS.items():
        system = data.pool.systems[data.pool.system_codes[int(data.pool.positions([candidate])[0])]]
        true[system] += (atoms / 100) ** TRUE_POWER
    for row in system_rows(data):
        assert row["cost_unit"] == MEASURED_UNIT
        assert row["exhaustive_cost"] == pytest.approx(true[row["system"]], rel=0.25)
        assert row["share"] == row["cost"] / row["exhaustive_cost"]


def test_fitting_cost_does_not_count_as_fitting_the_model(open_timed):
    bench = open_timed.driven(proposer={"type": "gp", "preset": "published"})
    fitted = [one.fitted for one in bench.store.refits("small")]
    assert sum("hyperparameters" in one for one in fitted) == 1
    assert sum("cost" in one for one in fitted) > 3
    known = [one.hyperparameters for one in bench.store.refits("small")]
    assert all(one == known[0] for one in known if one)


def test_cost_decides_what_is_proposed(open_timed):
    """With times that hardly grow, large cells are as good as small ones; with steep ones they are avoided."""

    def powered(power: float) -> Callable[[str], Outcome]:
        return lambda candidate: timed()(candidate).model_copy(update={"wall_time": 0.5 * (ATOMS[candidate] / 100) ** power})

    means = []
    for power in (0.0, 4.0):
        bench = open_timed.driven(
            outcome=powered(power),
            proposer={"type": "gp", "preset": "published", "cost_exponent": 1.0},
            budget={"evaluations": 40},
        )
        means.append(np.mean([ATOMS[candidate] for candidate in bench.sequence()[4:]]))
    assert means[1] < means[0]


def test_anchor_and_power_price_the_first_proposals(open_timed):
    for anchor, power in ((1.0, 1.0), (5.0, 2.0)):
        bench = open_timed(cost={"anchor": anchor, "power": power})
        bench.drive(halt_at=1)
        first = bench.store.evaluations("small")[0].proposal
        assert first.predicted_cost == pytest.approx(anchor * (ATOMS[first.candidate] / 100) ** power)


def test_free_asynchrony_learns_too(open_timed):
    execution = {"in_flight": 3, "asynchrony": "free", "polish": 0}
    bench = open_timed(execution=execution, budget={"cost": 15.0})
    assert bench.drive().reason == "budget"
    assert 14.0 < campaign_status(bench.store, "small").cost < 16.0
    assert costs_of(bench).refit is not None


def test_a_fraction_of_an_unknown_cost_is_refused(open_timed):
    with pytest.raises(ValueError, match=r"budget\.fraction: .*core-seconds"):
        open_timed(budget={"fraction": 0.1})
    bench = open_timed()
    bench.command("edit", **{"budget.fraction": 0.1})
    bench.drive()
    assert "edit-refused" in [event.kind for event in bench.store.events("small")]
    assert CampaignSpec.model_validate(bench.record().spec).budget.fraction is None


def test_given_costs_are_not_replaced_by_times(open_bench):
    bench = open_bench.driven(budget={"cost": 200})
    assert all(one.cost is None for one in bench.store.refits("small"))
    data = Campaign.load(bench.store, "small")
    assert data.cost_comparison is None
    assert all(row["cost"] == row["predicted_cost"] for row in evaluation_rows(data))
