"""Saddle points that a barrier needs, and bounds of the others."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.hops import HopResult
from tansaku.calculators.workflows.migration.needed import ComputedHop, next_needed
from tansaku.calculators.workflows.migration.network import Hop, HopClass
from tansaku.calculators.workflows.migration.report import describe
from tansaku.calculators.workflows.migration_barrier import MigrationBarrier, migration_barrier
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

SITES = {0: 0.0, 1: 0.1}
TO_X, BACK_X, DIRECT = ((0, 1, (0, 0, 0)), (1, 0, (1, 0, 0)), (0, 0, (1, 0, 0)))
"""A way along x over site 1, in two hops, and one without it."""

AGCU = {"ion": "Cu", "max_hop": 4.2, "image_distance": 6.0}


def hop(between: tuple[int, int, tuple[int, int, int]], most: float | None, least: float | None = None) -> ComputedHop:
    """A hop whose saddle point is known, or is in bounds."""
    first, second, cell = between
    result = None
    if most is not None:
        result = HopResult("midpoint", most, (), None, (), 0.0, "", kept=None, positions=None)
    way = Hop(first, second, cell)
    return ComputedHop(HopClass(way, (way,), 1.0), result, "", least)


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, 0.4), hop(DIRECT, 0.9, 0.5)], None, id="no easier way, however low"),
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, 0.4), hop(DIRECT, 0.9, 0.45)], 2, id="a way that may be easier"),
        pytest.param([hop(TO_X, 0.5, 0.2), hop(BACK_X, 0.4), hop(DIRECT, 0.9)], 0, id="the highest of the easiest"),
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, 0.4, 0.2), hop(DIRECT, 0.9)], None, id="below the highest anyway"),
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, None, 0.3), hop(DIRECT, 0.9)], 1, id="no upper bound"),
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, None, 0.95), hop(DIRECT, 0.9)], None, id="above the barrier anyway"),
        pytest.param([hop(TO_X, 0.5), hop(BACK_X, None), hop(DIRECT, 0.9)], None, id="looked for and not found"),
        pytest.param([hop(TO_X, None, 0.2), hop(BACK_X, None, 0.3), hop(DIRECT, None)], 0, id="nothing known yet"),
    ],
)
def test_a_saddle_point_is_needed_while_the_barrier_may_depend_on_it(hops, expected):
    assert next_needed(SITES, hops, 1, None) == expected


def ordered() -> Atoms:
    """Copper in ordered AgCu: three kinds of hops, the easiest of them over a summit between two saddle points."""
    host = bulk("Ag", "fcc", a=3.95, cubic=True)
    host.symbols[[1, 2]] = "Cu"
    return host


@pytest.fixture(scope="module")
def needed() -> MigrationBarrier:
    return migration_barrier(EmtCalculator(), ordered(), MigrationBarrierSpec(**AGCU, hops="needed"))


def test_the_barrier_is_that_of_all_hops_for_fewer_evaluations(needed):
    every = migration_barrier(EmtCalculator(), ordered(), MigrationBarrierSpec(**AGCU, hops="all"))
    assert needed.barrier(1) == pytest.approx(every.barrier(1), abs=1e-3)
    assert needed.evaluations < 0.9 * every.evaluations
    assert every.barrier(3) > 3.0
    assert needed.barrier(2) is needed.barrier(3) is None
    limiting, *others = describe(needed, 1)["hops"]
    assert (limiting["method"], limiting["limits"]) == ("refined", ["1d"])
    for bound, known in zip(others, describe(every, 1)["hops"][1:], strict=True):
        assert bound["method"] == "at_most"
        assert bound["ts_energy"] > known["ts_energy"] - 1e-3


@pytest.mark.parametrize("evaluations", [40, 75, 110])
def test_a_killed_evaluation_goes_on_and_ends_in_the_same_bits(needed, tmp_path, evaluations, limited):
    spec, checkpoint = MigrationBarrierSpec(**AGCU, hops="needed"), Checkpoint(tmp_path / "parts", "key")
    with pytest.raises(limited.PowerCut):
        migration_barrier(limited(evaluations), ordered(), spec, checkpoint)
    again = migration_barrier(limited(needed.evaluations), ordered(), spec, checkpoint)
    assert describe(again, 1) == describe(needed, 1)
    assert describe(migration_barrier(limited(0), ordered(), spec, checkpoint), 1) == describe(needed, 1)


def test_hops_that_do_not_join_to_a_path_are_a_failure_with_a_reason():
    spec = MigrationBarrierSpec(**AGCU | {"max_hop": 2.9}, dimensions=3, hops="needed")
    with pytest.raises(CalculationError) as caught:
        migration_barrier(EmtCalculator(), ordered(), spec)
    assert caught.value.reason == "no_path"


def test_a_crystal_is_relaxed_further_for_fewer_evaluations():
    class Counting(EmtCalculator):
        count = 0

        def evaluate(self, structure, relaxation=None):
            self.count += len(structure) == 4
            return super().evaluate(structure, relaxation)

    energies = {}
    for hops in (None, "all"):
        calculator = Counting()
        spec = MigrationBarrierSpec(ion="Cu", max_hop=2.9, image_distance=6.0, hops=hops)
        found = migration_barrier(calculator, ordered(), spec)
        energies[hops] = EmtCalculator().evaluate(found.host).energy, calculator.count
    assert energies["all"][0] < energies[None][0]
    assert energies["all"][1] <= energies[None][1] + 5
