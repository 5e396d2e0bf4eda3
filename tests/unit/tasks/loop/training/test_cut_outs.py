"""Boundaries that are cut out of a search: which, and with what they are named."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.training.cut_outs import CutOut, Search, choose_cut_outs, first_of
from tansaku.tasks.node.jobs.compound_cut_out import compound_cut_out


def cut(candidate: str, state: str, unsure: float) -> CutOut:
    atoms = Atoms("MgO", positions=[[0, 0, 0], [2, 0, 0]], cell=[4, 4, 4], pbc=True)
    atoms.set_array("grain", np.array([0, 1]))
    return CutOut(candidate, "210", state, atoms, unsure)


CELLS = [
    cut("a", "built", 0.9),
    cut("a", "relaxed", 0.1),
    cut("b", "built", 0.3),
    cut("b", "relaxed", 0.8),
    cut("c", "built", 0.5),
]


def test_the_lowest_as_it_relaxed_comes_first_then_the_least_sure_of_each_candidate():
    assert [(item.candidate, item.state) for item in first_of(CELLS, "a", 3)] == [
        ("a", "relaxed"),
        ("b", "relaxed"),
        ("c", "built"),
    ]
    assert [item.candidate for item in first_of(CELLS, None, 2)] == ["a", "b"]


def test_a_cell_is_grouped_by_its_candidate_and_keeps_nothing_of_the_search():
    found = CELLS[3].labelled("search")
    assert found.info == {"id": "search-b-relaxed", "group": "b", "system": "210", "unsure": 0.8}
    assert set(found.arrays) == {"numbers", "positions"}


@pytest.fixture
def campaign(tmp_path):
    write(tmp_path / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    return CampaignSpec.model_validate(
        {
            "schema_version": 1,
            "name": "copper",
            "space": {"type": "compound_boundary", "crystal": "cu.cif", "planes": [[3, 1, 0]], "thickness": 14, "step": 1.5},
            "calculator": {"type": "emt", "relaxation": {"cell": "normal", "translation": "free", "fmax": 0.2}},
            "objective": {"goal": {"type": "best_per_system"}, "unit": "mJ/m2"},
        }
    )


def test_a_relaxed_cell_is_cut_out_and_one_that_collapsed_or_is_too_large_is_not(campaign, tmp_path):
    candidate = str(open_space(campaign.space, tmp_path).pool().ids[1])
    whole = compound_cut_out(campaign, str(tmp_path), candidate, None, 1000)
    built = compound_cut_out(campaign, str(tmp_path), candidate, None, 30)
    assert 20 < len(built) <= 30 < len(whole)
    assert built.cell.array[:2] == pytest.approx(whole.cell.array[:2])
    moved = whole.copy()
    top = int(np.where(whole.arrays["grain"] == 0, whole.positions[:, 2], -np.inf).argmax())
    moved.positions[top, 0] += 0.2
    found = compound_cut_out(campaign, str(tmp_path), candidate, moved, 30)
    ways = found.positions - built.positions
    assert sorted(np.linalg.norm(ways, axis=1))[-2:] == pytest.approx([0.0, 0.2], abs=1e-6)
    with pytest.raises(CalculationError, match="more than 5 atoms"):
        compound_cut_out(campaign, str(tmp_path), candidate, None, 5)
    near = int(np.argsort(whole.get_distances(top, range(len(whole)), mic=True))[1])
    moved.positions[top] += 0.7 * whole.get_distance(top, near, mic=True, vector=True)
    with pytest.raises(CalculationError, match="Å apart") as error:
        compound_cut_out(campaign, str(tmp_path), candidate, moved, 30)
    assert error.value.reason == "overlap"


def test_a_search_without_boundaries_is_refused(campaign):
    space = {"type": "crystals", "crystals": {"cu": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}}}
    scans = {"scans": [{"type": "lattice", "percent": {"start": -3, "stop": 3, "steps": 3}}]}
    energy = {"property": "energy_per_atom", "unit": "eV/atom"}
    document = campaign.model_dump(mode="json") | {"space": space | scans, "objective": energy, "calculator": {"type": "emt"}}
    crystals = CampaignSpec.model_validate(document)
    with pytest.raises(ConfigurationError, match="a crystals space has no boundaries that can be cut out"):
        choose_cut_outs(Search(crystals, "", [], lambda _: Atoms()), None, 40, 2)
