"""A goal over the chemical potential of another unit is refused before anything is spent."""

from __future__ import annotations

import pytest
import yaml
from ase.build import bulk
from ase.io import write

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.act.checks.check import preview_campaign


def test_the_potential_of_another_unit_is_refused(tmp_path, assert_refused):
    write(tmp_path / "cuau.cif", bulk("CuAu", "cesiumchloride", a=3.1))
    write(tmp_path / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    document = {
        "schema_version": 1,
        "space": {
            "type": "compound_boundary",
            "crystal": "cuau.cif",
            "planes": [[2, 1, 0]],
            "unit": {"phase": "cu.cif", "most": 8},
            "exchange": {"units": [-1, 0], "seeds": 1},
            "thickness": 7,
        },
        "calculator": {"type": "emt"},
        "objective": {"goal": {"type": "hull", "over": "mu_Au"}},
        "budget": {"evaluations": 4},
    }
    path = tmp_path / "cuau.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    message = "objective.goal.over: 'mu_Au'; expected 'mu_Cu', the unit that boundaries exchange"
    assert_refused(path, message)
    with pytest.raises(ConfigurationError, match=message):
        preview_campaign(path)
    document["objective"]["goal"]["over"] = "mu_Cu"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert "the lowest energy at each chemical potential (mu_Cu)" in preview_campaign(path).wanted
