"""How features become columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.local_energies.columns import Columns, raw_features

SHARP = LocalEnergiesSpec(descriptors=(RadialDescriptorSpec(cutoff=5.0, shortest=1.6, widths=(0.1,)),))


def learned(spec, examples) -> Columns:
    species = species_of(one.structure for one in examples)
    return Columns.learned(spec, examples, [raw_features(spec, one, species) for one in examples])


def test_columns_are_standardised_over_the_training_atoms(emt_examples):
    examples = emt_examples()
    columns = learned(LocalEnergiesSpec(descriptors=(RadialDescriptorSpec(cutoff=5.0, widths=(0.4,)),)), examples)
    rows = np.vstack([columns.rows(one) for one in examples])[:, : columns.n_features]
    assert rows.mean(axis=0) == pytest.approx(np.zeros(columns.n_features), abs=1e-9)
    assert rows.std(axis=0) == pytest.approx(np.ones(columns.n_features))


def test_what_hardly_varies_in_training_is_not_blown_up_elsewhere(emt_examples):
    examples = emt_examples(groups=3, per_group=1)
    columns = learned(SHARP, examples)
    raw = np.vstack([raw_features(SHARP, one, ("Cu",)) for one in examples])
    # The tail of the function at the shortest distance varies a hundred thousand times less than the others do.
    tail = int(np.argmin(np.where(columns.kept[0], raw.std(axis=0), np.inf)))
    assert raw.std(axis=0)[tail] < 1e-5 * raw.std(axis=0).max()
    squeezed = examples[0].structure.copy()
    squeezed.set_cell(squeezed.cell * 0.8, scale_atoms=True)
    rows = columns.rows(replace(examples[0], structure=squeezed))[:, : columns.n_features]
    assert np.abs(rows).max() < 1e4
    blown_up = (raw_features(SHARP, replace(examples[0], structure=squeezed), ("Cu",)) - raw.mean(axis=0))[:, tail]
    assert np.abs(blown_up).max() / raw.std(axis=0)[tail] > 1e4
    assert columns.scale[0, tail] == pytest.approx(1e-3 * columns.scale[0].max())
