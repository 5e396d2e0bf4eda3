"""Trained on a stored data set: what is stored, what is promoted, and what a kill or a failure leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError, FitError, NotFoundError
from tansaku.models.domain.model_registry import DatasetRecord, promoted
from tansaku.models.domain.specs.dataset import AboveSplitSpec
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec, ModelSpec
from tansaku.models.domain.surrogates import Example
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.act.commands.delete import sweep_artifacts
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.training import versions as subject
from tansaku.tasks.loop.training.versions import (
    find_dataset,
    find_model,
    models_in_use,
    not_comparable,
    open_model,
    read_report,
    train_model,
)
from tansaku.tasks.node.jobs.dataset_files import content_sha256, write_hdf5
from tansaku.tasks.node.jobs.judging import Compared
from tansaku.tasks.node.jobs.splitting import split
from tansaku.tasks.read.figures.model import draw_model, error_text

REGISTRY = SimpleNamespace(
    readable_models=lambda: (
        [SimpleNamespace(artifact=letter * 64, label=f"copper@{number}") for number, letter in enumerate("abc", 1)],
        [],
    )
)
RADIAL = (RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),)
GOOD = LocalEnergiesSpec(descriptors=RADIAL, total_weights=(0.0,), path_points=10, path_ratio=1e-3, max_iterations=300)
POOR = GOOD.model_copy(update={"path_points": 2, "path_ratio": 0.5})


@pytest.fixture
def resources(tmp_path: Path, monkeypatch, require) -> Resources:
    for package in ("h5py", "safetensors", "sklearn"):
        require(package)
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path / "home"))
    return Resources(
        settings=Settings.from_environment(),
        site=SiteSpec(),
        store=MemoryCampaignStore(),
        artifacts=FileArtifactStore(tmp_path / "artifacts"),
        open_launcher=lambda _: pytest.fail("nothing is computed here"),
    )


@pytest.fixture
def store(resources: Resources, tmp_path: Path) -> Callable[..., DatasetRecord]:
    """Stores a data set whose two most strained groups are held out."""

    def put(examples: list[Example], name: str = "copper") -> DatasetRecord:
        file = write_hdf5(examples, tmp_path / "dataset.h5", {})
        record = DatasetRecord(
            sha256=content_sha256(examples),
            name=name,
            artifact=resources.artifacts.put(file),
            spec={},
            groups=split(examples, AboveSplitSpec(key="strain", above=3.5), 0),
            structures=len(examples),
            atoms=sum(len(one.structure) for one in examples),
            properties=("energies", "energy"),
            sources={},
            created_at=datetime.now(UTC),
        )
        return resources.registry.add_dataset(record)

    return put


def spec(surrogate=GOOD, **keys: object) -> ModelSpec:
    return ModelSpec(**({"schema_version": 1, "name": "local", "dataset": "copper", "surrogate": surrogate} | keys))


def test_the_first_version_is_promoted_and_predicts_as_it_was_judged(resources, store, emt_examples):
    examples = emt_examples()
    dataset = store(examples)
    record = train_model(resources, spec())
    assert (record.label, record.parent, record.note) == ("local@1", None, "the first version")
    assert record.dataset == dataset.sha256
    assert promoted(resources.registry.models("local")) == record == find_model(resources.registry, "local")
    held_out = [example for example in examples if dataset.groups[example.group] == "held_out"]
    assert {example.group for example in held_out} == {"g4", "g5"}
    predictions = open_model(resources.artifacts, record).predict(held_out)
    errors = np.concatenate(
        [one["energies"].values - known.properties["energies"] for one, known in zip(predictions, held_out, strict=True)]
    )
    assert record.held_out["energies"].rmse == pytest.approx(np.sqrt((errors**2).mean()))
    assert record.held_out["energies"].count == 2 * 3 * 16
    assert record.training["energies"].count == 4 * 3 * 16
    assert not list((resources.settings.home / "training").rglob("*.safetensors"))


def test_a_worse_version_is_kept_and_not_promoted(resources, store, emt_examples):
    store(emt_examples())
    good = train_model(resources, spec())
    poor = train_model(resources, spec(POOR))
    assert poor.version == 2
    assert poor.parent == 1
    assert poor.promoted_at is None
    assert "worse than" in poor.note
    assert [one.version for one in resources.registry.models("local")] == [1, 2]
    assert find_model(resources.registry, "local") == good
    assert find_model(resources.registry, "local@2") == poor


def test_a_version_says_where_it_was_computed_not_what_was_asked_for(resources, store, emt_examples, monkeypatch, require):
    require("torch")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    store(emt_examples())
    assert resources.site.training.device == "auto"
    assert train_model(resources, spec()).device == "cpu"
    asking = replace(resources, site=SiteSpec.model_validate({"training": {"device": "cuda"}}))
    assert train_model(asking, spec(POOR)).device == "cpu"
    with pytest.raises(FitError, match="device: cuda, but torch sees no CUDA device"):
        train_model(asking, spec(PotentialSpec(hidden=(4,), members=1)))
    assert len(resources.registry.models("local")) == 2


def test_a_better_version_takes_over(resources, store, emt_examples):
    store(emt_examples())
    train_model(resources, spec(POOR))
    better = train_model(resources, spec())
    assert better.promoted_at is not None
    assert find_model(resources.registry, "local").version == 2


def test_a_training_begins_with_the_weights_that_it_is_told(resources, store, emt_examples):
    store(emt_examples())
    surrogate = PotentialSpec(
        environment={"type": "symmetry_functions", "cutoff": 4.0, "radial": 4, "angular": 0},
        hidden=(4,),
        members=1,
        trainer={"type": "levenberg_marquardt", "cycles": 10},
    )
    first = train_model(resources, spec(surrogate))
    short = surrogate.model_copy(update={"trainer": surrogate.trainer.model_copy(update={"cycles": 1})})
    fresh, again = (train_model(resources, spec(short, start=start)) for start in (None, "local"))
    assert again.spec["start"] == first.label == "local@1"
    errors = [read_report(resources.artifacts, record)[1][0].training for record in (first, fresh, again)]
    assert errors[0] == errors[1] > errors[2]
    with pytest.raises(NotFoundError, match="no model 'elsewhere'"):
        train_model(resources, spec(surrogate, start="elsewhere"))


def test_the_same_training_twice_is_one_version(resources, store, emt_examples):
    store(emt_examples())
    assert train_model(resources, spec()) == train_model(resources, spec())
    assert len(resources.registry.models()) == 1


def test_when_data_are_added_both_versions_are_judged_by_the_new_ones(resources, store, emt_examples):
    small = emt_examples(per_group=1)
    store(small)
    train_model(resources, spec())
    store(emt_examples())
    grown = train_model(resources, spec())
    assert grown.parent == 1
    assert "of local@1" in grown.note
    # The old version's error on the new held-out data is what it was compared with, not the one it was stored with.
    record = find_dataset(resources.registry, "copper")
    held_out = [one for one in emt_examples() if record.groups[one.group] == "held_out"]
    first = find_model(resources.registry, "local@1")
    errors = [
        prediction["energies"].values - known.properties["energies"]
        for prediction, known in zip(open_model(resources.artifacts, first).predict(held_out), held_out, strict=True)
    ]
    assert f"{np.sqrt((np.concatenate(errors) ** 2).mean()):.4g}" in grown.note
    assert not_comparable(first, grown) is not None


def test_a_version_that_learned_from_what_is_held_out_now_is_not_compared(resources, store, emt_examples):
    examples = emt_examples()
    store([replace(one, info=one.info | {"strain": 5 - one.info["strain"]}) for one in examples])
    train_model(resources, spec())
    store(examples)
    other = train_model(resources, spec())
    assert other.promoted_at is None
    assert "was trained on 'g4', which is now held out" in other.note


def test_labels_are_learned_apart(resources, store, emt_examples):
    examples = [
        replace(one, properties=dict(one.properties) | {"label_energies": 2 * one.properties["energies"]})
        for one in emt_examples()
    ]
    store(examples)
    first = train_model(resources, spec())
    label = train_model(resources, spec(learns="label"))
    assert label.learns == "label"
    assert label.promoted_at is None
    assert "was trained on energies of the calculator, not of the label" in label.note
    twice = [2 * one["energies"].values for one in open_model(resources.artifacts, first).predict(examples[:2])]
    for found, expected in zip(open_model(resources.artifacts, label).predict(examples[:2]), twice, strict=True):
        assert found["energies"].values == pytest.approx(expected, abs=0.05)


def test_killed_and_called_again_it_goes_on(resources, store, emt_examples, monkeypatch):
    store(emt_examples())
    steps: list[int] = []

    class KilledError(Exception):
        pass

    def die(progress):
        if progress.step == 4:
            raise KilledError

    with pytest.raises(KilledError):
        train_model(resources, spec(), die)
    assert resources.registry.models() == []
    assert len(list((resources.settings.home / "training").rglob("*.safetensors"))) == 1
    saved = 0
    save = subject.FileCheckpoints.save

    def count(self, weights):
        nonlocal saved
        saved += 1
        save(self, weights)

    monkeypatch.setattr(subject.FileCheckpoints, "save", count)
    record = train_model(resources, spec(), lambda progress: steps.append(progress.step))
    assert steps == list(range(1, len(steps) + 1))
    assert saved == len(steps) - 4
    elsewhere = train_model(replace(resources, registry=elsewhere_registry(resources)), spec())
    assert elsewhere.artifact == record.artifact


def elsewhere_registry(resources: Resources) -> MemoryRegistry:
    """A registry with the same data sets and no model: training there starts from nothing."""
    registry = MemoryRegistry()
    for record in resources.registry.datasets():
        registry.add_dataset(record)
    return registry


def test_failing_training_stores_nothing(resources, store, emt_examples):
    examples = emt_examples()
    store([replace(one, group="g0") if one.info["strain"] < 4 else one for one in examples])
    with pytest.raises(FitError, match="leaves one out of at least 2"):
        train_model(resources, spec())
    assert resources.registry.models() == []


@pytest.mark.parametrize(
    ("keys", "error", "message"),
    [
        ({"dataset": "silver"}, NotFoundError, "data set 'silver' is not stored"),
        ({"learns": "label"}, ConfigurationError, "has no data of a label"),
        (
            {"surrogate": KernelRidgeSpec(descriptors=RADIAL, property="gap")},
            ConfigurationError,
            "has none of gap, which kernel_ridge learns",
        ),
    ],
)
def test_what_cannot_be_learned_is_said_first(resources, store, emt_examples, keys, error, message):
    store(emt_examples(groups=5, per_group=1))
    with pytest.raises(error, match=message):
        train_model(resources, spec(**keys))


def test_a_data_set_is_found_by_name_and_by_hash(resources, store, emt_examples):
    old = store(emt_examples(groups=5, per_group=1))
    new = store(emt_examples(groups=6, per_group=1))
    assert find_dataset(resources.registry, "copper") == new
    assert find_dataset(resources.registry, old.sha256) == find_dataset(resources.registry, old.sha256[:8]) == old
    with pytest.raises(NotFoundError):
        find_dataset(resources.registry, old.sha256[:5])


def test_what_the_registry_names_is_not_swept(resources, store, emt_examples):
    store(emt_examples(groups=5, per_group=1))
    record = train_model(resources, spec(KernelRidgeSpec(descriptors=RADIAL)))
    assert sweep_artifacts(resources, older_than=-1.0) == 0
    assert resources.artifacts.exists(record.artifact)


@pytest.mark.parametrize("elements", [("Cu",), ("Cu", "Au")])
def test_figures_of_a_version(resources, store, emt_examples, tmp_path, elements):
    store(emt_examples(elements, groups=5, per_group=2))
    record = train_model(resources, spec())
    sides, curve = read_report(resources.artifacts, record)
    assert sides["held_out"]["energies"].errors() == record.held_out["energies"]
    assert sides["training"]["energy"].errors() == record.training["energy"]
    paths = draw_model(record, sides, curve, tmp_path / "figures")
    assert sorted(path.name for path in paths) == ["local-1-energies.png", "local-1-energy.png", "local-1-learning.png"]
    assert all(path.stat().st_size > 10_000 for path in paths)


def test_a_figure_names_the_errors_of_both_sides(resources, store, emt_examples):
    store(emt_examples(groups=5, per_group=2))
    record = train_model(resources, spec())
    sides, _ = read_report(resources.artifacts, record)
    for side, known in (("training", record.training), ("held_out", record.held_out)):
        atoms, cells = known["energies"], known["energy"]
        said = f"MAE {1000 * atoms.mae:.3g}, RMSE {1000 * atoms.rmse:.3g} meV, r {atoms.correlation:.4f}"
        assert error_text(sides[side]["energies"]) == said
        assert f"RMSE {1000 * cells.rmse:.3g} meV/atom" in error_text(sides[side]["energy"])
    scalar = Compared(np.array([1.0, 1.0]), np.array([1.0, 3.0]), np.empty(0), "1")
    assert error_text(scalar) == "MAE 1, RMSE 1.41"


def test_models_are_named_by_what_their_files_hold():
    spec = {
        "calculator": {
            "type": "surrogate",
            "model": "energies.safetensors",
            "model_sha256": "b" * 64,
            "relaxed_by": {"type": "potential", "model": "forces.safetensors", "model_sha256": "c" * 64},
        },
        "label": {"calculator": {"type": "potential", "model": "theirs.safetensors", "model_sha256": "d" * 64}},
        "also": [{"model": "energies.safetensors", "model_sha256": "b" * 64}],
    }
    assert models_in_use(REGISTRY, spec) == {
        "energies.safetensors": "copper@2",
        "forces.safetensors": "copper@3",
        "theirs.safetensors": "another registry's",
    }


def test_other_calculators_have_none():
    assert models_in_use(REGISTRY, {"calculator": {"type": "chgnet", "model": "0.3.0", "model_sha256": None}}) == {}
