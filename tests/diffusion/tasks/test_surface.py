"""What follows from a search for a bottleneck: barriers, hops, the path."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.diffusion.tasks.surface import jump_warnings, read_surface
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.models.engine.percolation import bottleneck
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.measurements.campaign_view import CampaignView
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tests.support.records import read_campaign


@pytest.fixture(scope="module")
def surface(hydrogen):
    return read_surface(hydrogen)


def test_barriers_are_those_of_the_whole_surface(hydrogen, surface):
    calculator = open_calculator(hydrogen.spec.calculator, None)
    pool, space = hydrogen.pool, hydrogen.space
    truth = np.array([calculator.evaluate(space.structure(str(name))).energy for name in pool.ids])
    exact = bottleneck(truth, pool.grids[pool.systems[0]])
    assert [found.dimensions for found in surface.barriers] == [1, 2, 3]
    # Equal by symmetry in all directions, and found with 16 evaluations.
    assert exact.barriers[0] == pytest.approx(exact.barriers[2])
    assert surface.barriers[2].barrier == pytest.approx(exact.barriers[2], abs=1e-6)
    assert surface.barriers[2].computed
    assert surface.barriers[2].tolerance < 0.01
    assert len(surface.barriers[2].directions) == 3


def test_computed_energies_count_as_they_are(hydrogen, surface):
    positions = hydrogen.pool.positions([item.proposal.candidate for item in hydrogen.evaluations])
    assert surface.values[positions] == pytest.approx([item.outcome.value / 1000.0 for item in hydrogen.evaluations])
    assert np.abs(surface.deviations[positions]).max() == 0.0
    assert surface.computed.sum() == 16
    assert (surface.deviations[~surface.computed] > 0).all()


def again(data, evaluations=None, spec=None, **known):
    """A campaign with some parts replaced."""
    found = data.evaluations if evaluations is None else evaluations
    return read_campaign(data.record, spec or data.spec, found, **{"space": data.space, "refits": data.refits} | known)


def test_a_point_whose_evaluation_failed_is_a_wall(hydrogen):
    failure = Failure(kind=FailureKind.SCIENCE, reason="not_converged", message="")
    change = {"state": EvaluationState.FAILED, "outcome": Outcome(failure=failure)}
    lost = hydrogen.evaluations[-1].model_copy(update=change)
    known = read_surface(again(hydrogen, (*hydrogen.evaluations[:-1], lost)))
    (place,) = hydrogen.pool.positions([lost.proposal.candidate])
    assert np.isinf(known.values[place])
    assert not known.computed[place]
    assert np.isfinite(known.values).sum() == len(known.values) - 1


def test_the_path_joins_images_over_the_bottleneck(surface):
    way = surface.path(3)
    easiest = surface.network.percolations[2]
    assert way.energies.max() == pytest.approx(easiest.level)
    assert way.energies[0] == pytest.approx(way.energies[-1])
    assert way.energies[0] == surface.network.sites[surface.network.minimum].energy
    shift = way.fractions[-1] - way.fractions[0]
    assert np.abs(shift).max() > 0.5
    assert shift == pytest.approx(np.rint(shift))
    steps = np.abs(np.diff(way.fractions, axis=0)) * np.array(surface.grid.shape)
    assert steps.max() == pytest.approx(1.0)


def test_the_number_of_neighbours_matters_and_both_are_known(surface):
    rough = replace(surface, values=np.random.default_rng(0).random(len(surface.values)))
    found = rough.barriers_by_neighbours()
    # A path over faces alone is one over faces, edges and corners too.
    assert found[6][2] > found[26][2]
    for number, barriers in found.items():
        asked = replace(rough, goal=surface.goal.model_copy(update={"connectivity": number}))
        assert [item.barrier for item in asked.barriers] == pytest.approx(barriers)


def test_without_a_model_only_computed_points_count(hydrogen):
    random = hydrogen.spec.model_copy(update={"proposer": {"type": "random"}})
    spec = type(hydrogen.spec).model_validate(random.model_dump(mode="json"))
    known = read_surface(again(hydrogen, spec=spec, refits=()))
    assert np.isinf(known.values[~known.computed]).all()
    assert known.beliefs == ()
    assert [found.tolerance for found in known.barriers] == [None, None, None]
    # Between points of which most are not known there is no smooth surface.
    assert [found.grid_error for found in known.barriers] == [None, None, None]


def test_a_notebook_sees_the_surface(hydrogen, surface):
    view = CampaignView(hydrogen)
    assert [found.barrier for found in view.surface().barriers] == [found.barrier for found in surface.barriers]


def test_other_campaigns_and_empty_ones_are_refused(hydrogen):
    with pytest.raises(ConfigurationError, match="has no computed energy yet"):
        read_surface(again(hydrogen, (), refits=()))
    document = hydrogen.spec.model_dump(mode="json") | {"objective": {"property": "energy", "unit": "eV"}}
    with pytest.raises(ConfigurationError, match="does not search for the bottleneck"):
        read_surface(again(hydrogen, spec=type(hydrogen.spec).model_validate(document)))


def test_a_relaxed_host_that_jumps_between_neighbours_is_warned_of(hydrogen, surface, tmp_path):
    artifacts = FileArtifactStore(tmp_path / "store")
    keys = hydrogen.spec.space.model_copy(update={"host_atoms": "relaxed"})
    space = open_space(keys, tmp_path)
    pushed, stored = 0, []
    for evaluation in hydrogen.evaluations:
        atoms = space.structure(evaluation.proposal.candidate)
        if evaluation.proposal.candidate == str(hydrogen.pool.ids[surface.network.passes[0].candidate]):
            atoms.positions[0] += [0.0, 0.0, 0.8]
            pushed += 1
        file = tmp_path / "structure.extxyz"
        write_extended_xyz(file, [atoms])
        outcome = evaluation.outcome.model_copy(update={"artifacts": {STRUCTURE_FILE: artifacts.put(file)}})
        stored.append(evaluation.model_copy(update={"outcome": outcome}))
    assert pushed == 1
    known = again(hydrogen, stored, space=space)
    found = read_surface(known, artifacts).barriers
    # One of eight atoms is 0.8 Å elsewhere, and the mean of all an eighth of that.
    assert found[0].host_jump == pytest.approx(0.7, abs=1e-6)
    assert found[0].host_apart > 0.2
    (said,) = jump_warnings("h", found[:1])
    assert "an atom of the host moves by 0.70 Å" in said
    assert "`tansaku path h --refine`" in said
    # Without structures, or in a rigid host, nothing is compared.
    for other in (read_surface(known), read_surface(again(hydrogen, stored), artifacts)):
        assert [item.host_jump for item in other.barriers] == [None] * 3
        assert jump_warnings("h", other.barriers) == ()
