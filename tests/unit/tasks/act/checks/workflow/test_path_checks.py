"""A goal whose path cannot be is refused before anything is computed."""

from __future__ import annotations

import pytest
import yaml
from ase import Atoms

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import preview_campaign


@pytest.fixture
def campaign_file(tmp_path):
    def write(dimensions: int, calculator: dict[str, object], **space: object):
        # Planes of atoms: between them the ion moves freely, across them it does not.
        planes = Atoms("Al4", scaled_positions=[[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0]], cell=[4, 4, 6], pbc=True)
        planes.write(tmp_path / "planes.vasp", format="vasp")
        document = {
            "schema_version": 1,
            "space": {
                "type": "energy_surface",
                "host": {"file": "planes.vasp"},
                "ion": "H",
                "grid": 0.5,
                "exclusion": 1.0,
                **space,
            },
            "calculator": {"type": "emt"} | calculator,
            "objective": {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck", "dimensions": dimensions}},
            "proposer": {"type": "random"},
            "budget": {"evaluations": 5},
            "execution": {"polish": 0},
        }
        path = tmp_path / "planes.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


def test_a_host_without_percolation_is_refused_and_its_name_is_not_taken(campaign_file, assert_refused):
    says = r"objective\.goal\.dimensions: 3; .* paths lead in 2 directions; expected at most 2"
    assert_refused(campaign_file(3, {}), says)
    assert preview_campaign(campaign_file(2, {})).candidates > 10


def test_a_new_campaign_whose_steps_lead_into_atoms_is_refused(campaign_file, assert_refused):
    says = r"space\.grid: steps of 0\.87 Å between neighbouring points lead into atoms: .* expected a grid of at most 0\.46 Å"
    assert_refused(campaign_file(2, {}, exclusion=0.35), says)
    assert preview_campaign(campaign_file(2, {}, exclusion=0.35, grid=0.46)).candidates > 10


def test_a_host_that_makes_way_keeps_its_cell(campaign_file):
    full = {"relaxation": {"cell": "full"}}
    with pytest.raises(ConfigurationError, match=r"calculator\.relaxation\.cell: full; a host is relaxed around its ion"):
        preview_campaign(campaign_file(2, full, host_atoms="relaxed"))
    hint = r"calculator\.relaxation: given, but candidates are computed as they stand; .* set space\.host_atoms: relaxed"
    with pytest.raises(ConfigurationError, match=hint):
        preview_campaign(campaign_file(2, {"relaxation": {"fmax": 0.05}}))
    assert preview_campaign(campaign_file(2, {"relaxation": {"fmax": 0.05}}, host_atoms="relaxed")).candidates > 10


def test_samples_path_by_path_need_a_kernel_of_distances(campaign_file):
    path = campaign_file(2, {})
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["objective"]["goal"]["sampling"] = "pathwise"
    document["proposer"] = {"type": "gp", "initial_points": 3}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert preview_campaign(path).candidates > 10
    document["proposer"]["kernel"] = {"type": "linear", "over": "position"}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"objective\.goal\.sampling: pathwise"):
        preview_campaign(path)
