"""Steps of a relaxation that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.step_log import MOST, StepLog
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec


@pytest.mark.parametrize("count", [1, MOST, MOST + 1, 100, 1000])
def test_few_steps_are_kept_evenly_and_the_first_is(count):
    log = StepLog()
    for number in range(count):
        log.note(np.full((2, 3), float(number)), np.eye(3), None if number else 1.0)
    kept = log.steps()
    assert kept.positions[:, 0, 0].tolist() == kept.numbers.tolist()
    assert len(kept.numbers) <= MOST
    assert len(kept.numbers) >= min(count, MOST // 2)
    assert kept.numbers[0] == 0
    assert len(set(np.diff(kept.numbers).tolist())) <= 1
    assert kept.energies[0] == 1.0
    assert np.isnan(kept.energies[1:]).all()


def test_without_a_relaxation_there_are_none():
    assert StepLog().steps() is None
    found = evaluate_with_ase(bulk("Cu"), None, EMT(), Provenance(code="emt", code_version="1", model="m", settings={}))
    assert found.kept_steps is None


def test_a_relaxation_goes_from_its_start_downhill_to_its_end():
    start = bulk("Cu", cubic=True)
    start.rattle(0.1, seed=1)
    relaxation = RelaxationSpec(cell="fixed", translation="free", fmax=0.01)
    found = evaluate_with_ase(start, relaxation, EMT(), Provenance(code="emt", code_version="1", model="m", settings={}))
    kept = found.kept_steps
    assert np.array_equal(kept.positions[0], start.positions)
    assert kept.energies[0] > kept.energies[-1] >= found.energy - 1e-12
    assert kept.positions.shape == (len(kept.numbers), 4, 3)
    assert len(kept.numbers) == min(found.steps + 1, len(kept.numbers))
