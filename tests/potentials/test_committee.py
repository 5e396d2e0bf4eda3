"""A potential that asks for its own data, in the loop: what it is asked by, what it begins with, and when it is good enough."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.retraining import in_use
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState, StopReason
from tansaku.potentials.committee import PoolCommittee
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.training.versions import open_model
from tansaku.tasks.node.jobs.dataset_files import read_hdf5
from tansaku.tasks.read.views.status import campaign_status

LOOSE = {"energy": "90 eV/atom", "forces": "900 eV/Angstrom", "structures": 1}


def retrain(growing, **keys: object) -> dict:
    return growing.document()["retrain"] | keys


def test_candidates_are_asked_for_where_the_version_in_use_disagrees(growing):
    campaign = growing()
    assert campaign.drive().reason == "evaluations"
    ends = [end for _, end in campaign.retrains()]
    assert all(end.ok for end in ends)
    spec = CampaignSpec.model_validate(campaign.resources.store.campaign("small").spec)
    space = open_space(spec.space, campaign.launcher.folder)
    asked = [one.proposal for one in campaign.evaluations()]
    for one in asked:
        used = in_use(ends, one.number)
        assert (one.predicted_mean is None) == (used is None)
        if used is None:
            continue
        record = next(model for model in campaign.resources.registry.models("small") if model.label == used.version)
        atoms = space.structure(one.candidate)
        said = open_model(campaign.resources.artifacts, record).evaluate(atoms).energies.sum(axis=1) / len(atoms)
        assert one.predicted_mean == pytest.approx(said.mean(), rel=1e-9)
    judged = [one for one in asked if one.system.startswith("bcc-rattle")]
    assert judged
    assert all(one.acquisition is None for one in judged)
    assert sum(one.acquisition is not None for one in asked) >= 5


def test_groups_that_no_network_learns_from_are_proposed_to_judge_alone(growing):
    campaign = growing.driven(proposer={"type": "disagreement", "judging": 0.0}, budget={"evaluations": 11})
    first = campaign.retrains()[0][1].uses_from
    asked = {one.proposal.system for one in campaign.evaluations() if one.proposal.number >= first}
    assert asked
    assert not any(system.startswith("bcc-rattle") for system in asked)
    for document in campaign.launcher.trained:
        assert {side for group, side in document.groups.items() if group.startswith("bcc-rattle")} <= {"held_out"}


def test_what_the_committee_is_compared_by_matters(growing):
    chosen = []
    for of in ("energy", "forces", "both"):
        campaign = growing.driven(proposer={"type": "disagreement", "of": of, "judging": 0.25})
        chosen.append([one.proposal.acquisition for one in campaign.evaluations()])
    assert len(set(map(tuple, chosen))) == 3


def test_the_choice_depends_neither_on_timing_nor_on_what_a_driver_remembers(growing):
    told = []
    for slow in (1, 30):
        campaign = growing.driven(slow=slow)
        told.append(campaign.sequence())
    assert told[0] == told[1]
    # A driver that begins anew at each proposal.
    forgetful = growing(budget={"evaluations": 9})
    for evaluations in range(9, 19):
        allowed = _allowed(forgetful, evaluations)
        forgetful.resources.store._campaigns[allowed.id] = allowed
        forgetful.drive()
    assert forgetful.sequence() == told[0]


def _allowed(campaign, evaluations: int):
    record = campaign.resources.store.campaign("small")
    return record.model_copy(update={"spec": record.spec | {"budget": record.spec["budget"] | {"evaluations": evaluations}}})


def test_a_warm_training_begins_with_the_version_in_use(growing):
    cold = growing.driven()
    assert all(one.start is None for one in cold.launcher.trained)
    warm = growing.driven(retrain=retrain(growing, warm=True))
    ends = [end for _, end in warm.retrains()]
    first, second, third = warm.launcher.trained
    assert first.start is None
    assert (second.model.start, second.start_sha256) == ("small@1", ends[0].weights)
    assert third.model.start == in_use(ends[:2]).version
    assert ends[0].weights == cold.retrains()[0][1].weights
    assert ends[1].weights != cold.retrains()[1][1].weights


def test_other_elements_begin_anew(growing):
    space = growing.document()["space"]
    fcc = {"structure": "fcc", "lattice_parameter": 3.6}
    scan = {"type": "rattle", "amplitude": 0.2, "atoms": [2, 4], "draws": 8, "strain": 2}
    mixed = {"cu": fcc | {"elements": ["Cu"]}, "ni": fcc | {"elements": ["Ni"]}, "pd": fcc | {"elements": ["Pd"]}}
    scans = [scan | {"of": ["cu", "pd"]}, scan | {"name": "more", "of": ["cu", "ni"]}]
    campaign = growing.driven(
        space=space | {"crystals": mixed, "scans": scans},
        retrain=retrain(growing, warm=True, first=4, every=4, held_out=["pd-*"]),
        proposer={"type": "disagreement", "judging": 0.2},
        budget={"evaluations": 12},
        execution=growing.document()["execution"] | {"in_flight": 1},
    )
    assert campaign.retrains()
    # Of palladium no version ever learned, so none can predict it; that is said, and stops nothing.
    assert not any(end.ok for _, end in campaign.retrains())
    assert "Pd" in campaign.retrains()[0][1].message


def test_the_last_results_are_learned_too(growing):
    campaign = growing(retrain=retrain(growing, at_end=True))
    assert campaign.drive().reason == "evaluations"
    last, end = campaign.retrains()[-1]
    assert (last.reason, last.observations, last.at_proposal, end.ok) == ("end", 18, 19, True)
    campaign_id = campaign.resources.store.campaign_id("small")
    examples = read_hdf5(campaign.resources.job_folder(campaign_id) / "training" / f"{last.dataset}.h5")
    assert len(examples) == 18
    known = len(campaign.retrains())
    assert campaign.drive().reason == "evaluations"
    assert len(campaign.retrains()) == known
    without = growing.driven()
    assert without.retrains()[-1][0].observations < 18


def test_the_search_ends_when_the_version_in_use_is_good_enough(growing):
    campaign = growing(retrain=retrain(growing, target=LOOSE, at_end=True))
    ended = campaign.drive()
    assert (ended.reason, ended.last_number) == ("target", 7)
    (begun, end), *more = campaign.retrains()
    assert (begun.at_proposal, more) == (8, [])
    status = campaign_status(campaign.resources.store, "small")
    assert (status.state, status.stop_reason) == (CampaignState.FINISHED, StopReason.TARGET)
    energy, forces = (1000 * end.held_out[name].rmse for name in ("energy", "forces"))
    stands = (
        f"target met by small@1: energy {energy:.3g} meV/atom (wanted 9e+04), forces {forces:.3g} meV/Angstrom (wanted 9e+05)"
    )
    assert status.target == f"{stands}, on {end.held_out['energy'].count} held-out structures"
    assert f"  {status.target}" in status.describe()
    (said,) = [one.data for one in campaign.resources.store.events("small") if one.kind == "target"]
    assert said == {"retrain": 1, "version": "small@1", "stands": status.target}
    assert campaign.drive().reason == "target"
    assert len(campaign.evaluations()) == 7


@pytest.mark.parametrize(
    "target",
    [
        {"energy": "0.001 meV/atom", "structures": 1},
        {"forces": "0.001 meV/Angstrom", "structures": 1},
        {"energy": "90 eV/atom", "structures": 12},
    ],
)
def test_a_target_that_is_not_met_or_not_proved_ends_nothing(growing, target):
    campaign = growing(retrain=retrain(growing, target=target))
    assert campaign.drive().reason == "evaluations"
    status = campaign_status(campaign.resources.store, "small")
    assert status.stop_reason is StopReason.EVALUATIONS
    assert status.target.startswith("target not met by small@")


def test_the_training_at_the_end_may_meet_the_target(growing):
    without = growing.driven(retrain=retrain(growing, at_end=True, every=100))
    judges = [end.held_out["energy"].count for _, end in without.retrains()]
    assert judges[0] < judges[-1]
    enough = {"energy": "90 eV/atom", "structures": judges[-1]}
    campaign = growing(retrain=retrain(growing, target=enough, at_end=True, every=100))
    assert campaign.drive().reason == "target"
    assert [begun.reason for begun, _ in campaign.retrains()] == ["first", "end"]
    assert len(campaign.evaluations()) == 18
    assert campaign_status(campaign.resources.store, "small").stop_reason is StopReason.TARGET


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (["hcp-*"], "retrain.held_out: no system 'hcp-\\*'; available: fcc-lattice"),
        (["*"], "none is left for training"),
        (1e-9, "none is held out"),
    ],
)
def test_a_division_that_cannot_be_made_is_refused_before_anything_is_spent(growing, held_out, message):
    with pytest.raises(ConfigurationError, match=message):
        growing(retrain=retrain(growing, held_out=held_out))


def test_names_that_have_no_result_yet_wait_for_one(growing):
    campaign = growing.driven(retrain=retrain(growing, held_out=["bcc-rattle*", "fcc-lattice"], first=4))
    assert all(end.ok for _, end in campaign.retrains())
    ordered = growing.driven(proposer={"type": "grid"}, retrain=retrain(growing, held_out=["fcc-lattice"], first=4, every=4))
    assert "no result yet of fcc-lattice" in ordered.retrains()[0][1].message


def test_what_has_no_structure_is_disputed_by_nobody(growing):
    crowded = {"type": "rattle", "name": "crowded", "of": ["fcc"], "amplitude": 1.0, "atoms": [4], "draws": 8}
    space = growing.document()["space"]
    campaign = growing.driven(space=space | {"scans": [*space["scans"], crowded]})
    store = campaign.resources.store
    spec = CampaignSpec.model_validate(store.campaign("small").spec)
    opened = open_space(spec.space, campaign.launcher.folder)
    pool = opened.pool()
    committee = PoolCommittee(opened, pool, spec, campaign.resources.artifacts)
    told = []

    class Asking:
        name = "asking"

        def informed(self, known):
            told.append(known)
            return self

    ledger = type("Ledger", (), {"retrains": campaign.retrains(), "evaluations": {}})()
    committee.informed(Asking(), ledger, 10**6)
    (known,) = told
    assert (known.spread[pool.system_codes == pool.systems.index("fcc-crowded")] == 0).any()
    assert np.isfinite(known.spread).all()
    assert (known.judging == np.isin(pool.system_codes, _unlearned(pool, spec))).all()


def _unlearned(pool, spec) -> list[int]:
    from tansaku.potentials.network.training import groups_aside

    learned = sorted(name for name in pool.systems if not name.startswith("bcc-rattle"))
    aside = groups_aside(learned, spec.retrain.surrogate.validation, spec.seed)
    return [code for code, name in enumerate(pool.systems) if name in aside or name not in learned]
