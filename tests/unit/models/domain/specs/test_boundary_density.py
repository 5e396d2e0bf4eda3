"""Keys of the search over the number of atoms: what is refused by name before anything is computed."""

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.boundary_density import LARGEST_LAMMPS_SEED, AnnealSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tests.support.campaign_files import boundary_space

PLAIN = boundary_space("Cu", 3.615, [2, 1, 0], axis=[0, 0, 1])
DENSE = PLAIN | {"cell": {"boundaries": 1}, "replication": {}, "translation": {"sample": "full"}}
LAMMPS = {"type": "lammps", "potential": "Cu_mishin1.eam.alloy"}


def campaign(space, calculator=LAMMPS):
    document = {"schema_version": 1, "name": "t", "space": space, "calculator": calculator, "budget": {"evaluations": 5}}
    return CampaignSpec.model_validate(document)


def test_what_is_usual_is_filled_in():
    space = campaign(DENSE).space
    assert space.densities
    assert (space.translation.normal, space.translation.in_plane.step, space.translation.along_axis.step) == ((0.3,), 0.5, 0.5)
    given = campaign(DENSE | {"translation": {"sample": "full", "normal": [0.1], "in_plane": {"step": 1}}}).space.translation
    assert (given.normal, given.in_plane.step) == ((0.1,), 1.0)
    assert not campaign(PLAIN).space.densities


def test_campaigns_without_these_keys_are_the_same_as_before():
    assert spec_hash(campaign(PLAIN)) == spec_hash(campaign(PLAIN | {"replication": None, "seeds": None}))
    assert (
        len({spec_hash(campaign(DENSE | more)) for more in ({}, {"seeds": 3}, {"atoms": {"layer": 0.1}}, {"anneal": {}})}) == 4
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": {"boundaries": 2}}, r"replication: not in a cell with two boundaries; expected cell: \{boundaries: 1\}"),
        ({"translation": {}}, r"replication: translations are listed; expected translation: \{sample: full\}"),
        ({"replication": None, "translation": {}, "seeds": 4}, "seeds: given, and replication is not"),
        ({"replication": None, "translation": {}, "anneal": {}}, "anneal: given, and replication is not"),
        ({"replication": None}, r"translation\.sample: given, and replication is not"),
        ({"removed_planes": "full"}, "removed_planes: not with replication"),
        ({"soap": True}, "soap: not with replication"),
        ({"atoms": {"fractions": [1.0]}}, r"fractions"),
        ({"atoms": {"fractions": [-0.1]}}, r"fractions"),
        (
            {"atoms": {"layer": 5}, "cell": {"boundaries": 1, "relaxed": 5}},
            r"atoms\.layer: 5; expected less than cell\.relaxed",
        ),
        ({"translation": {"sample": "full", "in_plane": [0.1]}}, "in_plane: values; with sample: full expected a step"),
        ({"translation": {"sample": "full", "normal": [0.1, 0.2]}}, "normal: several values"),
        ({"translation": {"sample": "full", "positions": "general"}}, "positions: general; with sample: full"),
        ({"replication": {"max": [0, 1]}}, r"replication\.max"),
        ({"anneal": {"probability": 0}}, "probability"),
        ({"anneal": {"steps": [9, 8]}}, r"steps: \[9, 8\]; expected the lower one first"),
        ({"anneal": {"temperature": [0.5, 3]}}, "temperature: 3 times the melting point"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, message):
    with pytest.raises(ValidationError, match=message):
        campaign(DENSE | changes)


def test_annealing_needs_molecular_dynamics_and_a_melting_point():
    with pytest.raises(ValidationError, match=r"space\.anneal: a calculator of type emt has no molecular dynamics"):
        campaign(DENSE | {"anneal": {}}, {"type": "emt"})
    campaign(DENSE, {"type": "emt"})
    thorium = {"crystal": {"structure": "fcc", "element": "Th", "lattice_parameter": 5.08}}
    with pytest.raises(ValidationError, match=r"anneal\.melting_point: null, and the melting point of Th is not tabulated"):
        campaign(DENSE | thorium | {"anneal": {}})
    assert campaign(DENSE | thorium | {"anneal": {"melting_point": 2023}}).space.anneal.melting_point_of("Th") == 2023
    assert AnnealSpec().melting_point_of("Cu") == 1358
    assert LARGEST_LAMMPS_SEED == 900_000_000
