"""Which oxides a space of prototypes holds, and that every key of its spec matters."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.prototypes import OxideStructure, PrototypesSpaceSpec
from tansaku.spaces.prototypes import PrototypesSpace

pytestmark = pytest.mark.needs("pymatgen")


def opened(**keys):
    return PrototypesSpace(PrototypesSpaceSpec.model_validate(keys), Path())


def compositions(space):
    return {str(one).split("-")[0] for one in space.pool().ids}


def test_all_structures_that_a_spec_may_name_are_there():
    assert get_args(OxideStructure) == tuple(OXIDE_PROTOTYPES)
    space = opened()
    assert space.pool().systems == tuple(OXIDE_PROTOTYPES)
    assert len(space.pool()) > 3 * 680
    crystals = {str(one).rpartition("-")[0] for one in space.pool().ids}
    page = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "oxides.md").read_text(encoding="utf-8")
    assert f"{len(crystals):,} compositions in structures" in page
    assert {"MgO", "TiO2", "Al2O3", "SrTiO3", "MgAl2O4", "CuAlO2", "ZrSiO4", "LiNbO3", "Ba2MgWO6"} <= compositions(space)


def test_charge_and_size_decide_what_goes_where():
    found = compositions(opened(prototypes=["perovskite"], ions=["Sr2+", "Mg2+", "Ti4+", "Si4+", "Al3+", "Nb5+", "K+"]))
    assert found == {"SrTiO3", "KNbO3"}
    assert compositions(opened(prototypes=["corundum"], ions=["Al3+", "B3+", "Ti4+"])) == {"Al2O3"}


def test_every_key_matters():
    plain = {"prototypes": ["rutile", "spinel"], "ions": ["Ti4+", "Mg2+", "Al3+"], "volumes": [1.0]}
    whole = opened(**plain)
    assert whole.pool().ids.tolist() == ["MgAl2O4-spinel-100", "TiMg2O4-spinel-100", "TiO2-rutile-100"]
    assert opened(**plain | {"prototypes": ["rutile"]}).pool().ids.tolist() == ["TiO2-rutile-100"]
    assert opened(**plain | {"ions": ["Mg2+", "Al3+"]}).pool().ids.tolist() == ["MgAl2O4-spinel-100"]
    assert len(opened(**plain | {"volumes": [0.95, 1.0]}).pool()) == 6
    assert opened(**plain | {"max_atoms": 6}).pool().ids.tolist() == ["TiO2-rutile-100"]
    assert opened(**plain | {"cost": {"power": 2}}).pool().cost.tolist() == [196.0, 196.0, 36.0]


def test_structures_carry_what_they_are():
    space = opened(prototypes=["rutile"], ions=["Ti4+"], volumes=[0.9, 1.0])
    small, plain = (space.structure(f"TiO2-rutile-{percent}") for percent in ("090", "100"))
    assert small.get_volume() == pytest.approx(0.9 * plain.get_volume())
    assert plain.info == {
        "candidate": "TiO2-rutile-100",
        "system": "rutile",
        "formula": "TiO2",
        "ions": "Ti4+",
        "volume_percent": 100,
    }
    assert len(space.pool().surfaces) == 1


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="no oxide is left"):
        opened(prototypes=["rutile"], ions=["Na+"])
    with pytest.raises(ConfigurationError, match=r"space\.ions\[1\]: 'Fe3\+'; expected one of Li\+"):
        opened(ions=["Mg2+", "Fe3+"])
    with pytest.raises(ConfigurationError, match=r"space\.ions\[0\]: 'Sn2\+'"):
        opened(ions=["Sn2+"])
    with pytest.raises(ValidationError, match="measured needs the k-points"):
        PrototypesSpaceSpec(cost={"model": "measured"})
    assert PrototypesSpaceSpec(ions=("Mg2+", "Al3+")).elements == {"O", "Mg", "Al"}
