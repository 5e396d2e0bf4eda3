"""Retrains in the loop: what they learn from, when they count, and what they may not disturb."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tansaku.deploy.cli.results import _show_systems
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.records import Command
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.loop.driver.loop import drive
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.retraining.driver import train_for
from tansaku.tasks.loop.training.versions import read_dataset
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.jobs.dataset_files import content_sha256, read_hdf5
from tansaku.tasks.read.figures.campaign import drawings_of, sourced
from tansaku.tasks.read.figures.first_look import draw_png, looks_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import evaluation_rows, system_rows
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA


def test_each_retrain_learns_from_the_computed_results_up_to_its_horizon(retrained):
    campaign = retrained()
    assert campaign.drive().reason == "evaluations"
    done = {one.proposal.number: one for one in campaign.evaluations()}
    assert any(one.outcome.predicted_by for one in done.values())
    for begun, end in campaign.retrains():
        assert end.ok
        record = next(one for one in campaign.resources.registry.datasets("small") if one.sha256 == begun.dataset)
        examples = read_dataset(campaign.resources.artifacts, record)
        assert content_sha256(examples) == begun.dataset
        learned = {
            one.proposal.candidate
            for number, one in done.items()
            if number <= begun.horizon and one.outcome.predicted_by is None
        }
        assert {one.id for one in examples} == learned
        assert len(learned) == begun.observations
        assert all("label_energies" in one.properties for one in examples)
    first, second = (begun for begun, _ in campaign.retrains()[:2])
    assert (first.reason, first.observations, second.reason) == ("first", 7, "every")
    assert second.observations >= first.observations + 4


def test_proposals_name_the_version_that_looks_and_the_version_waits_for_its_number(retrained):
    campaign = retrained.driven()
    ends = [end for _, end in campaign.retrains()]
    for one in campaign.evaluations():
        usable = [end for end in ends if end.promoted and end.uses_from <= one.proposal.number]
        look = one.proposal.look
        assert (look.model if look else None) == (usable[-1].version if usable else None)
        assert look is None or look.weights == usable[-1].weights


@pytest.mark.parametrize("lag", [0, 3])
def test_ordered_campaign_does_not_depend_on_how_long_training_takes(retrained, lag):
    retrain = retrained.document()["retrain"] | {"lag": lag}
    told = []
    for slow in (1, 40):
        campaign = retrained.driven(slow=slow, retrain=retrain)
        told.append((campaign.sequence(), [(begun.at_proposal, begun.uses_from) for begun, _ in campaign.retrains()]))
    assert told[0] == told[1]
    assert all(uses_from == at + lag for at, uses_from in told[0][1])


def test_free_mode_waits_for_no_training(retrained):
    free = retrained.document()["execution"] | {"asynchrony": "free"}
    campaign = retrained(slow=10**6, execution=free)
    assert campaign.drive().last_number == 16
    assert all(one.proposal.look is None for one in campaign.evaluations())
    ((_, end),) = campaign.retrains()
    assert (end.ok, end.message) == (False, "the search ended first")
    quick = retrained.driven(slow=3, execution=free)
    begun, end = quick.retrains()[0]
    assert end.promoted
    assert end.uses_from > begun.at_proposal


def poor(document):
    """The same training with hyper-parameters that learn nothing, but for the first."""
    descriptors = document.model.surrogate.descriptors
    # The mean of all totals, whatever the size of the cell.
    spec = KernelRidgeSpec(descriptors=descriptors, widths=(1e-3,), regularisations=(1e6,), per_atom=False)
    return document.model_copy(update={"model": document.model.model_copy(update={"surrogate": spec})})


def test_a_worse_version_is_kept_and_not_used(retrained):
    seen = []

    def change(document):
        seen.append(document)
        return document if len(seen) == 1 else poor(document)

    campaign = retrained.driven(change=change, pre_screening={"deviations": 5.0, "check_every": 2})
    ends = [end for _, end in campaign.retrains()]
    assert [end.promoted for end in ends[:2]] == [True, False]
    assert "worse than" in ends[1].message
    assert len(campaign.resources.registry.models("small")) == len(ends)
    assert {one.proposal.look.model for one in campaign.evaluations() if one.proposal.look} == {"small@1"}


def test_a_training_that_does_not_work_is_said_and_stops_nothing(retrained):
    campaign = retrained(lose=True)
    assert campaign.drive().reason == "evaluations"
    ends = [end for _, end in campaign.retrains()]
    assert ends
    assert not any(end.ok for end in ends)
    assert "node_fail: told to lose it" in ends[0].message
    said = [one.data for one in campaign.resources.store.events("small") if one.kind == "warning.retrain"]
    assert [one["reason"] for one in said] == [end.message for end in ends]
    assert len(campaign.evaluations()) == 16


def test_results_that_cannot_be_divided_fail_the_retrain_alone(retrained):
    campaign = retrained(retrain=retrained.document()["retrain"] | {"held_out": 0.999})
    assert campaign.drive().reason == "evaluations"
    assert "no group of" in campaign.retrains()[0][1].message
    assert not campaign.launcher.trained


def test_attempts_at_training_are_those_of_evaluations(retrained):
    campaign = retrained.driven(lose=True, execution=retrained.document()["execution"] | {"retries": 3})
    trainings = len([name for name in campaign.launcher.polls if name.startswith("train-")])
    assert trainings == 4 * len(campaign.retrains())


_TOLD = {}


def told_of(campaign):
    """What the knobs change."""
    retrains, trained = campaign.retrains(), campaign.launcher.trained
    return {
        "first": [begun.at_proposal for begun, _ in retrains[:1]],
        "every": len(retrains),
        "group": [sorted(one.groups) for one in trained[:1]],
        "held_out": [one.groups for one in trained[:1]],
        "model": [end.version for _, end in retrains[:1]],
        "learns": [one.model.learns for one in trained[:1]],
        "timeout": campaign.launcher.timeouts,
        "surrogate": [one.model.surrogate for one in trained[:1]],
        "calibrate": [errors.bars for one in campaign.resources.registry.models("small") for errors in one.held_out.values()],
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("first", 12),
        ("every", None),
        ("group", "system"),
        ("held_out", 0.1),
        ("model", "other"),
        ("learns", "calculator"),
        ("timeout", 5.0),
        ("calibrate", False),
        ("surrogate", {"type": "kernel_ridge", "descriptors": [{"type": "radial", "widths": [0.8]}]}),
    ],
)
def test_every_knob_matters(retrained, key, value):
    if not _TOLD:
        campaign = retrained.driven()
        _TOLD.update(told_of(campaign))
    keys = {"pre_screening": None} if key == "learns" else {}
    drift = {"drift": {"least": 0.01, "window": 1000}} if key == "every" else {}
    campaign = retrained.driven(retrain=retrained.document()["retrain"] | {key: value} | drift, **keys)
    assert told_of(campaign)[key] != _TOLD[key]


def test_error_bars_that_are_no_longer_right_are_a_reason_to_train(retrained):
    drift = {"every": None, "drift": {"least": 0.6, "window": 4}}
    campaign = retrained.driven(
        retrain=retrained.document()["retrain"] | drift,
        pre_screening={"deviations": 50.0, "check_every": 2},
        change=narrow,
        budget={"evaluations": 18},
    )
    first, second = (begun for begun, _ in campaign.retrains()[:2])
    assert (first.reason, second.reason) == ("first", "drift")
    within = []
    for one in campaign.evaluations():
        if first.at_proposal <= one.proposal.number <= second.horizon and one.outcome.predicted_by is None:
            told = one.outcome.quantities
            error = abs(told["label_grain_boundary_energy"].value - told["first_look_energy"].value)
            within.append(error <= told["first_look_deviation"].value)
    assert sum(within[-4:]) / 4 < 0.6


def narrow(document):
    """Trained on fewer groups than there are: what it says of the others is off."""
    training = [group for group, side in document.groups.items() if side == "training"]
    return document if len(training) < 2 else poor(document)


def test_training_data_lie_where_workers_see_them(retrained):
    campaign = retrained.driven()
    document = campaign.launcher.trained[0]
    folder = campaign.resources.job_folder(campaign.resources.store.campaign_id("small")) / "training"
    assert document.dataset.startswith(str(folder))
    assert document.checkpoint.startswith(str(folder))
    assert len(read_hdf5(folder / f"{campaign.retrains()[0][0].dataset}.h5")) == 7
    assert document.device == "auto"
    assert document.calibrate
    assert {one.device for one in campaign.resources.registry.models("small")} == {"cpu"}


def test_the_site_says_where_training_computes(retrained):
    campaign = retrained()
    site = campaign.resources.site
    training = site.training.model_copy(update={"device": "cpu"})
    campaign.resources = replace(campaign.resources, site=site.model_copy(update={"training": training}))
    campaign.drive()
    assert {one.device for one in campaign.launcher.trained} == {"cpu"}
    assert {one.device for one in campaign.resources.registry.models("small")} == {"cpu"}


def test_a_campaign_may_begin_with_a_model_of_the_registry(retrained):
    teacher = retrained.driven()
    resources = teacher.resources
    spec = retrained.document(name="pupil", seed=7, retrain=None)
    spec["pre_screening"] = {"model": "small", "deviations": 0.2}
    record = prepare_campaign(resources, ADA, campaign_from_data(spec, teacher.launcher.folder, "pupil.yaml"))
    look = CampaignSpec.model_validate(record.spec).pre_screening
    promoted = next(one for one in reversed(resources.registry.models("small")) if one.promoted_at)
    assert (look.model, look.weights) == (promoted.label, promoted.artifact)
    again = prepare_campaign(resources, ADA, campaign_from_data(spec, teacher.launcher.folder, "pupil.yaml"))
    assert again.spec == record.spec
    drive(resources, "pupil")
    evaluations = resources.store.evaluations("pupil")
    assert all(one.proposal.look.model == promoted.label for one in evaluations)
    assert any(one.outcome.predicted_by == promoted.label for one in evaluations)


def test_a_first_look_needs_a_model_that_is_there_and_learned_the_label(retrained):
    teacher = retrained.driven(pre_screening=None, retrain=retrained.document()["retrain"] | {"learns": "calculator"})
    spec = retrained.document(name="pupil", retrain=None)
    for model, error, words in (("nobody", NotFoundError, "nobody"), ("small", ConfigurationError, "expected label")):
        spec["pre_screening"] = {"model": model}
        with pytest.raises(error, match=words):
            prepare_campaign(teacher.resources, ADA, campaign_from_data(spec, teacher.launcher.folder, "pupil.yaml"))


def test_a_first_look_needs_a_model_that_sees_structures_alone(retrained):
    teacher = retrained.driven()
    registry = teacher.resources.registry
    known = registry.models("small")[0]
    seeing = {**known.spec, "surrogate": {"type": "voxel_network"}}
    registry.add_model(known.model_copy(update={"name": "voxels", "spec": seeing}))
    registry.promote("voxels", 1, "")
    spec = retrained.document(name="pupil", retrain=None, pre_screening={"model": "voxels"})
    with pytest.raises(ConfigurationError, match=r"pre_screening\.model: voxels@1 sees the field density"):
        prepare_campaign(teacher.resources, ADA, campaign_from_data(spec, teacher.launcher.folder, "pupil.yaml"))


def test_results_tables_and_figures_tell_predicted_values_from_computed_ones(retrained, tmp_path, capsys):
    campaign = retrained.driven()
    resources = campaign.resources
    data = Campaign.load(resources.store, "small", resources.artifacts)
    rows = evaluation_rows(data)
    spared = [row for row in rows if row["from"] != "emt"]
    assert spared
    assert all(row["from"].startswith("small@") and row["deviation"] > 0 for row in spared)
    systems = system_rows(data)
    assert sum(row["predicted"] for row in systems) == len(spared)
    assert {row["from"] for row in systems} == {"emt"}
    found = looks_of(data)
    assert found.is_predicted.sum() == len(spared)
    assert len(found.computed) == sum(one.proposal.look is not None for one in campaign.evaluations()) - len(spared)
    assert draw_png(found, tmp_path / "looks.png").stat().st_size > 1000
    assert "predicted" in draw_png(found, tmp_path / "looks.svg").read_text()
    counts = Counter(row["from"] for row in spared)
    said = ", ".join(
        [f"{len(rows) - len(spared)} computed by emt", *(f"{counts[one]} predicted by {one}" for one in sorted(counts))]
    )
    with sourced(data):
        pages = {
            drawn.stem: drawn.draw(tmp_path / f"{drawn.stem}.svg").read_text()
            for drawn in drawings_of(data, resources.artifacts)
        }
    assert {"convergence", "first-look", "energy-angle", "structures"} <= set(pages)
    assert all(f"<!-- values: {said}" in page for page in pages.values())
    assert "colours: energies of the atoms by emt" in pages["structures"]
    _show_systems(Campaign.load(resources.store, "small"), as_json=False, as_csv=False)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert all(line.split("\t")[heading.split("\t").index("from")] == "emt" for line in lines[: len(systems)])
    status = campaign_status(resources.store, "small")
    assert status.predicted == len(spared)
    assert f"{len(rows) - len(spared)} computed, {len(spared)} predicted by a trained model" in status.describe()
    assert status.trained[0] in status.describe()
    told = {one.candidate: (one.predicted_by, one.deviation) for one in resources.store.observations("small")}
    assert told[spared[0]["candidate"]] == (spared[0]["from"], spared[0]["deviation"])


def test_what_was_predicted_is_computed_when_it_is_run_again(retrained):
    campaign = retrained.driven()
    store = campaign.resources.store
    spared = next(one for one in campaign.evaluations() if one.outcome.predicted_by)
    payload = {"candidates": [spared.proposal.candidate]}
    store.add_command("small", Command(id="again", kind="rerun", payload=payload, created_at=datetime.now(UTC)))
    campaign.drive()
    again = campaign.evaluations()[-1]
    assert (again.proposal.candidate, again.proposal.replicate) == (spared.proposal.candidate, 1)
    assert again.outcome.predicted_by is None


def test_a_service_s_run_trains_as_a_job_would(retrained):
    by_launcher = retrained.driven()
    for fails in (False, True):
        campaign = retrained(**({"retrain": retrained.document()["retrain"] | {"first": 4}} if fails else {}))
        site = campaign.resources.site
        by_service = site.training.model_copy(update={"by": "service"})
        campaign.resources = replace(campaign.resources, site=site.model_copy(update={"training": by_service}))
        asked = Asked(campaign.resources)
        drive(campaign.resources, "small", asked)
        assert not campaign.launcher.trained
        assert asked.numbers == [begun.number for begun, _ in campaign.retrains()]
        if fails:
            assert "1 group of training data" in campaign.retrains()[0][1].message
        else:
            assert campaign.sequence() == by_launcher.sequence()
            assert train_for(campaign.resources, "small", 1) is None
    with pytest.raises(NotFoundError, match="no retrain 99"):
        train_for(campaign.resources, "small", 99)


def test_a_service_s_run_begins_with_the_version_in_use(growing):
    """A job of a launcher does: `test_a_warm_training_begins_with_the_version_in_use`."""
    keys = {"retrain": growing.document()["retrain"] | {"warm": True}, "budget": {"evaluations": 13}}
    by_launcher, by_service = growing(**keys), growing(**keys)
    by_launcher.drive()
    site = by_service.resources.site
    training = site.training.model_copy(update={"by": "service"})
    by_service.resources = replace(by_service.resources, site=site.model_copy(update={"training": training}))
    drive(by_service.resources, "small", Asked(by_service.resources))
    assert not by_service.launcher.trained
    weights = [[end.weights for _, end in campaign.retrains()] for campaign in (by_launcher, by_service)]
    assert weights[0] == weights[1]
    starts = [model.spec["start"] for model in by_service.resources.registry.models("small")]
    assert starts == [None, "small@1"]


class Asked(Observer):
    """Trains when a retrain begins, as a run of the service does some time later."""

    def __init__(self, resources):
        self.resources, self.numbers = resources, []

    def on_retrain(self, retrain, end):
        if end is None:
            self.numbers.append(retrain.number)
            if retrain.dataset:
                train_for(self.resources, "small", retrain.number)


def test_a_campaign_learns_from_descriptors_of_its_structures(retrained, tmp_path_factory, tmp_path):
    rng = np.random.default_rng(0)
    structures = []
    for number in range(40):
        strain = 0.02 * rng.normal()
        atoms = bulk("Cu", "fcc", 3.6 * (1.0 + strain), cubic=True)
        atoms.info = {f"d{place:02d}": float(value) for place, value in enumerate(rng.normal(size=20))}
        atoms.info |= {"d07": strain**2, "d11": strain, "family": f"f{number % 6}"}
        structures.append(atoms)
    path = tmp_path_factory.getbasetemp() / "described.extxyz"
    write(path, structures, format="extxyz")
    surrogate = {"type": "sparse", "columns": ["d*"]}
    space = {"type": "structures", "paths": [path.name], "system_key": "family", "duplicates": "ignore"}
    space["features"] = {"described": {"type": "info", "keys": [f"d{place:02d}" for place in range(20)]}}
    campaign = retrained.driven(
        space=space,
        calculator={"type": "emt"},
        label=None,
        pre_screening=None,
        proposer={"type": "sparse"},
        objective={"property": "energy_per_atom", "unit": "meV/atom"},
        retrain={"surrogate": surrogate, "learns": "calculator", "first": 24, "every": 100, "held_out": ["f1", "f4"]},
        budget={"evaluations": 28},
    )
    ((begun, end),) = campaign.retrains()
    assert (end.ok, begun.observations) == (True, 24), end.message
    model = restored(read_weights(campaign.resources.artifacts.get(end.weights, tmp_path / "w.safetensors")))
    found = model.training["probabilities"]
    assert max(found, key=found.get) == "d07"
    # The spread of the energies is some 30 meV/atom; two descriptors explain most of it.
    assert end.held_out["energy"].rmse < 0.006
