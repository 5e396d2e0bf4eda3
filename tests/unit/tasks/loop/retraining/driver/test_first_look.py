"""First looks in the loop: what they spare, what they may not, and what it costs."""

import threading

import pytest

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.loop.driver.loop import CampaignLoop, drive
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.read.views.costs import compare_costs
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA

GOALS = {
    "best_per_system": {"type": "best_per_system"},
    "best_overall": {"type": "best_overall"},
    "top_k": {"type": "top_k", "k": 3},
    "all_below": {"type": "all_below", "threshold": "600 mJ/m2"},
}


@pytest.mark.parametrize(
    ("goal", "direction"), [*((goal, "minimize") for goal in GOALS.values()), (GOALS["top_k"], "maximize")]
)
def test_what_a_goal_asks_for_is_always_computed(retrained, goal, direction):
    objective = retrained.document()["objective"] | {"goal": goal, "direction": direction}
    campaign = retrained.driven(objective=objective, budget={"evaluations": 20})
    sign, done, spared = 1.0 if direction == "minimize" else -1.0, campaign.evaluations(), 0
    for one in done:
        look, number = one.proposal.look, one.proposal.number
        known = [other for other in done if other.proposal.number <= one.proposal.horizon and not other.outcome.predicted_by]
        same = [other for other in known if other.proposal.system == one.proposal.system]
        rivals = sorted(sign * other.outcome.value for other in (same if goal["type"] == "best_per_system" else known))
        if goal["type"] == "all_below":
            level = sign * 600.0
        else:
            place = goal.get("k", 1)
            level = rivals[place - 1] if len(rivals) >= place else None
        if look is not None:
            assert look.bound == (None if number % 5 == 0 or level is None else pytest.approx(sign * level))
        if one.outcome.predicted_by:
            spared += 1
            assert sign * one.outcome.value > level + 0.2 * one.outcome.deviation
    assert spared
    answers = sorted(done, key=lambda one: sign * one.outcome.value)
    if goal["type"] == "all_below":
        answers = [one for one in answers if sign * one.outcome.value <= sign * 600.0]
    else:
        answers = answers[: goal.get("k", 1)]
    assert not any(one.outcome.predicted_by for one in answers)


def test_looks_and_transfer_go_together_and_a_halted_search_goes_on_to_the_same_end(retrained):
    teacher = retrained.driven()
    resources = teacher.resources
    document = retrained.document(seed=8, retrain=None, budget={"evaluations": 20})
    spec = document | {
        "objective": document["objective"] | {"goal": {"type": "all_below", "threshold": "400 mJ/m2"}},
        "pre_screening": {"model": "small", "deviations": 0.2, "check_every": 5},
        "proposer": {"type": "gp"},
        "transfer": {"sources": [{"type": "campaign", "name": "small"}]},
    }
    told = {}
    for name, halts in (("whole", ()), ("halted", (3, 9, 13))):
        loaded = campaign_from_data(spec | {"name": name}, teacher.launcher.folder, f"{name}.yaml")
        prepare_campaign(resources, ADA, loaded)
        for number in halts:
            watcher = Halting(number)
            with CampaignLoop(resources, name, watcher, halt=watcher.halt) as loop:
                loop.advance()
            assert resources.store.campaign(name).last_number < 20
        assert drive(resources, name).reason == "evaluations"
        done = resources.store.evaluations(name)
        refits = [one.hyperparameters for one in resources.store.refits(name)]
        told[name] = ([(one.proposal.candidate, one.outcome.value, one.outcome.predicted_by) for one in done], refits)
    assert told["whole"] == told["halted"]
    done, refits = told["whole"]
    assert any(predicted for *_, predicted in done)
    assert all(one["transfer"]["sources"] for one in refits)
    assert not any(predicted for _, value, predicted in done if value <= 400.0)


class Halting(Observer):
    """Ends the driver when a number is proposed."""

    def __init__(self, number):
        self.number, self.halt = number, threading.Event()

    def on_proposal(self, evaluation):
        if evaluation.proposal.number >= self.number:
            self.halt.set()


def test_a_learned_cost_is_that_of_computed_evaluations(retrained):
    space = retrained.document()["space"] | {"cost": {"model": "measured"}}
    campaign = retrained.driven(space=space, budget={"evaluations": 20})
    store, done = campaign.resources.store, campaign.evaluations()
    spared = [one for one in done if one.outcome.predicted_by]
    assert spared
    assert all(one.measured_cost > 0 for one in spared)
    fits = [one for one in store.refits("small") if "cost" in one.fitted]
    for fit in fits:
        known = [one for one in done if one.proposal.number <= fit.horizon]
        assert fit.cost["n_measured"] == sum(one.outcome.predicted_by is None for one in known)
    assert any(one.proposal.number <= fits[-1].horizon for one in spared)
    compared = compare_costs(store.columns("small"), store.refits("small"), campaign_spec(campaign).space)
    assert len(compared.actual) == len(done) - len(spared)
    # What the budget counts is what was really spent, spared or not.
    assert campaign_status(store, "small").cost == pytest.approx(sum(one.measured_cost for one in done))


def campaign_spec(campaign):
    return CampaignSpec.model_validate(campaign.resources.store.campaign("small").spec)


def test_first_looks_spare_less_the_surer_they_must_be_and_the_more_are_checked(retrained):
    spared = {}
    for deviations, check_every in ((0.2, 5), (50.0, 5), (0.2, 2)):
        campaign = retrained.driven(pre_screening={"deviations": deviations, "check_every": check_every})
        done = campaign.evaluations()
        spared[deviations, check_every] = {one.proposal.number for one in done if one.outcome.predicted_by}
        checked = [one for one in done if one.proposal.number % check_every == 0]
        assert all(one.outcome.predicted_by is None for one in checked)
        for one in done:
            if one.outcome.predicted_by:
                assert one.outcome.value - deviations * one.outcome.deviation > one.proposal.look.bound
    assert len(spared[50.0, 5]) < len(spared[0.2, 5])
    assert spared[0.2, 2] != spared[0.2, 5]
    assert all(number % 2 for number in spared[0.2, 2])
