"""What is special to the average of sparse models; what all surrogates share is in the contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from tansaku.models.averaging.averaging import fit_average
from tansaku.models.domain.errors import FitError
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import Example, TrainingRun
from tansaku.models.surrogates.sparse.training import SparseTrainer

SPEC = SparseSpec(property="binding", per_atom=False, columns=("d*",))


def molecules(count: int = 40, seed: int = 0, noise: float = 0.05) -> list[Example]:
    """Structures that say nothing, with thirty descriptors, two of which explain the property."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        row = rng.normal(size=30)
        info = {f"d{place:02d}": float(value) for place, value in enumerate(row)} | {"name": f"molecule {number}"}
        value = np.asarray(3.0 + 2.0 * row[4] - row[17] + noise * rng.normal())
        group = f"g{number % 8}"
        found.append(Example(f"{number:03d}", group, Atoms("CO", [[0, 0, 0], [0, 0, 1.1]]), {"binding": value}, info=info))
    return found


def fit(examples, **changes):
    return SparseTrainer(SPEC.model_copy(update=changes)).fit(examples, TrainingRun())


def test_it_finds_the_columns_and_its_error_bars_are_right():
    model = fit(molecules())
    assert model.keys == tuple(f"d{place:02d}" for place in range(30))
    assert set(list(model.training["probabilities"])[:2]) == {"d04", "d17"}
    assert model.training["probabilities"]["d04"] > 0.99
    unseen = molecules(200, seed=1)
    said = [prediction["binding"] for prediction in model.predict(unseen)]
    off = np.array([float(one.values - known.properties["binding"]) for one, known in zip(said, unseen, strict=True)])
    scores = np.abs(off) / [float(one.deviation) for one in said]
    assert np.sqrt(np.mean(off**2)) < 0.07
    assert 0.55 < np.mean(scores <= 1.0) < 0.85


def test_mean_and_posterior_are_those_of_the_proposer():
    examples = molecules(25)
    model = fit(examples)
    x = np.array([[example.info[key] for key in model.keys] + [0.5, 0.5] for example in examples])
    average = fit_average(x, np.array([float(example.properties["binding"]) for example in examples]))
    expected, _ = average.predict(x)
    said = [float(prediction["binding"].values) for prediction in model.predict(examples)]
    assert said == pytest.approx(expected.tolist(), abs=1e-9)


def test_numbers_of_a_structure_given_alone_are_its_own():
    examples = molecules(25)
    model = fit(examples)
    alone = examples[3].structure.copy()
    alone.info = dict(examples[3].info)
    one, other = (model.predict([item])[0]["binding"] for item in (examples[3], Example("", "", alone, {})))
    assert one == other


@pytest.mark.parametrize("change", [{"max_features": 1}, {"folds": 2}, {"columns": ("d0*",)}])
def test_every_knob_matters(change):
    examples = molecules(25)
    one, other = (model.predict(examples[:1])[0]["binding"] for model in (fit(examples), fit(examples, **change)))
    assert (float(one.values), float(one.deviation)) != (float(other.values), float(other.deviation))


def test_a_property_per_atom_grows_with_the_structure():
    examples = molecules(25)
    large = replace(examples[0], structure=examples[0].structure + examples[0].structure)
    for per_atom, factor in ((True, 2), (False, 1)):
        one, two = (item["binding"].values for item in fit(examples, per_atom=per_atom).predict([examples[0], large]))
        assert two == pytest.approx(factor * one)


def test_descriptors_stand_beside_columns(emt_examples):
    examples = emt_examples()
    spec = SparseSpec(columns=("strain",), descriptors=(RadialDescriptorSpec(cutoff=5.0, widths=(0.8,)),))
    model = SparseTrainer(spec).fit(examples, TrainingRun())
    assert model.keys == ("strain",)
    assert any(name.startswith("descriptor") for name in model.training["probabilities"])


def leaking(examples, name="copy"):
    return [replace(item, info=item.info | {name: 5.0 - 2.0 * float(item.properties["binding"])}) for item in examples]


@pytest.mark.parametrize(
    ("change", "examples", "message"),
    [
        ({"columns": ("e*",)}, molecules(10), r"fits 'e\*'; these do: d00, d01"),
        ({"columns": ("d99",)}, molecules(10), "000: no number 'd99'"),
        ({"columns": ("name",)}, molecules(10), "000: no number 'name'"),
        ({"columns": ("copy",)}, leaking(molecules(10)), "'copy' is the property itself in another form"),
        ({}, [replace(item, group="one") for item in molecules(10)], "1 group"),
        ({"property": "gap"}, molecules(10), "no gap is known"),
    ],
)
def test_what_cannot_be_learned_is_refused_by_name(change, examples, message):
    with pytest.raises(FitError, match=message):
        fit(examples, **change)


def test_a_pattern_takes_no_known_property():
    examples = [replace(item, info=item.info | {"binding": float(item.properties["binding"])}) for item in molecules(10)]
    assert "binding" not in fit(examples, columns=("*",)).keys
    with pytest.raises(ValueError, match="'binding' is the property that is learned"):
        SparseSpec(property="binding", columns=("binding",))
    with pytest.raises(ValueError, match="expected at least one"):
        SparseSpec()
