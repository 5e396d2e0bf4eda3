import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.retrain import PreScreeningSpec, RetrainSpec
from tests.support.campaign_files import boundary_space, table_space

TABLE = table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}})
BOUNDARIES = boundary_space("Al", 4.05, [1, 1, 1])
LABEL = {"calculator": {"type": "emt"}}
WANTED = {"property": "label_grain_boundary_energy"}


def campaign(**keys: object) -> CampaignSpec:
    known = {"schema_version": 1, "name": "c", "space": BOUNDARIES, "calculator": {"type": "emt"}}
    return CampaignSpec.model_validate(known | keys)


def test_a_campaign_may_retrain_and_look_first():
    spec = campaign(label=LABEL, objective=WANTED, retrain={}, pre_screening={})
    assert (spec.retrain, spec.pre_screening) == (RetrainSpec(), PreScreeningSpec())
    assert campaign(label=LABEL, objective=WANTED, pre_screening={"model": "al-local@3"}).pre_screening.model == "al-local@3"
    assert campaign(retrain={"learns": "calculator"}).retrain.learns == "calculator"


def test_a_spec_that_was_stored_with_the_former_key_is_read():
    keys = {"label": LABEL, "objective": WANTED, "retrain": {}}
    spec = campaign(**keys, pre_screening={"deviations": 2.0})
    stored = spec.model_dump(mode="json")
    stored["first_look"] = stored.pop("pre_screening")
    assert CampaignSpec.model_validate(stored) == spec
    assert campaign(**keys, first_look=None).pre_screening is None
    with pytest.raises(ValidationError, match="first_look\n"):
        campaign(**keys, pre_screening={}, first_look={})
    with pytest.raises(ValidationError, match="pre_screening\n"):
        campaign(**keys, pre_screening=3)


def test_a_network_of_voxels_may_see_a_density_that_is_there_or_free_atoms():
    density = {"learns": "calculator", "surrogate": {"type": "voxel_network"}}
    assert campaign(calculator={"type": "gpaw", "density": True}, retrain=density).retrain.surrogate.field == "density"
    atoms = {"surrogate": {"type": "voxel_network", "field": "free_atoms"}}
    assert campaign(label=LABEL, objective=WANTED, retrain=atoms, pre_screening={}).retrain.surrogate.field == "free_atoms"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"objective": WANTED},
            "objective.property: label_grain_boundary_energy is an energy of the label, but there is no label",
        ),
        ({"retrain": {}}, "retrain.learns: label, but there is no label"),
        ({"space": TABLE, "calculator": None, "retrain": {"learns": "calculator"}}, "retrain: a table space has no structures"),
        ({"label": LABEL, "retrain": {"every": None}}, "retrain.every, retrain.drift: both are null"),
        ({"label": LABEL, "retrain": {"drift": {}}}, "retrain.drift: only pre-screening predictions are compared"),
        ({"label": LABEL, "pre_screening": {"model": "m"}}, "expected objective.property label_grain_boundary_energy"),
        ({"label": LABEL, "objective": WANTED, "pre_screening": {}}, "pre_screening.model: null, and nothing is retrained"),
        (
            {"label": LABEL, "objective": WANTED, "pre_screening": {}, "retrain": {"learns": "calculator"}},
            "retrain.learns: calculator; pre-screening predicts the label's energies",
        ),
        (
            {
                "label": LABEL,
                "objective": WANTED,
                "pre_screening": {},
                "retrain": {"surrogate": {"type": "kernel_ridge", "property": "gap"}},
            },
            "retrain.surrogate: it learns gap; pre-screening needs energy",
        ),
        (
            {"label": LABEL, "objective": WANTED, "pre_screening": {}, "retrain": {"surrogate": {"type": "voxel_network"}}},
            "sees the field density, but pre-screening has the structure alone; expected free_atoms",
        ),
        (
            {"retrain": {"learns": "calculator", "surrogate": {"type": "voxel_network"}}},
            "sees the field density, which results do not have; expected free_atoms.*or a gpaw calculator with density: true",
        ),
        (
            {
                "calculator": {"type": "gpaw", "density": True},
                "retrain": {"learns": "calculator", "surrogate": {"type": "voxel_network", "field": "potential"}},
            },
            "sees the field potential, which results do not have; expected free_atoms, which every structure has \\[",
        ),
        (
            {
                "label": LABEL,
                "objective": WANTED | {"goal": {"type": "pareto", "also": [{"property": "expansion", "unit": "Angstrom"}]}},
                "pre_screening": {},
                "retrain": {},
            },
            "pre_screening: it predicts the value alone",
        ),
        ({"label": LABEL, "objective": WANTED, "pre_screening": {"model": "Al local"}}, "pre_screening.model"),
        ({"label": LABEL, "retrain": {"first": 3}}, "retrain.first"),
        ({"label": LABEL, "retrain": {"held_out": 1.0}}, "retrain.held_out"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_spent(keys, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**keys)


CRYSTALS = {
    "type": "crystals",
    "crystals": {"fcc": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}},
    "scans": [{"type": "rattle"}],
}
POTENTIAL = {"surrogate": {"type": "potential"}, "learns": "calculator"}
ASKING = {"type": "disagreement"}


def growing(space: dict | None = None, trained: dict | None = None, **keys: object) -> CampaignSpec:
    known = {
        "space": CRYSTALS | (space or {}),
        "objective": {"property": "energy_per_atom", "unit": "eV/atom"},
        "execution": {"polish": 0},
        "retrain": POTENTIAL | (trained or {}),
        "proposer": ASKING,
    }
    return campaign(**(known | keys))


def test_a_potential_may_ask_for_its_own_data_until_it_is_good_enough():
    target = {"energy": "2 meV/atom", "forces": "30 meV/Angstrom"}
    spec = growing(trained={"target": target, "held_out": ["fcc-*"], "warm": True, "at_end": True})
    assert spec.retrain.target.limits == {"energy": 0.002, "forces": 0.03}
    assert spec.retrain.held_out == ("fcc-*",)
    other = {"surrogate": {"type": "kernel_ridge"}, "target": {"energy": "0.01 eV/atom"}}
    assert growing(trained=other, proposer={"type": "random"}).retrain.target.limits == {"energy": 0.01}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"retrain": None}, "proposer: disagreement is that of a retrained potential's networks; add retrain"),
        ({"trained": {"surrogate": {"type": "kernel_ridge"}}}, "retrain.surrogate is kernel_ridge, expected potential"),
        ({"trained": {"surrogate": {"type": "potential", "members": 1}}}, "members: a single network cannot disagree"),
        ({"space": {"relaxed": True}}, "proposer: disagreement looks at candidates as they stand"),
        ({"trained": {"learns": "label"}}, "retrain.learns: label, but there is no label"),
        ({"trained": {"target": {}}}, "energy, forces: both are null"),
        ({"trained": {"target": {"energy": "2 meV"}}}, "energy: 'meV' cannot be converted to 'eV/atom'"),
        ({"trained": {"target": {"forces": "0 meV/Angstrom"}}}, "forces: '0 meV/Angstrom', expected more than 0"),
        ({"trained": {"held_out": []}}, "retrain.held_out"),
        (
            {"proposer": {"type": "random"}, "trained": {"surrogate": {"type": "kernel_ridge"}, "warm": True}},
            "retrain.warm: a kernel_ridge cannot start",
        ),
        (
            {
                "proposer": {"type": "random"},
                "trained": {"surrogate": {"type": "kernel_ridge"}, "target": {"forces": "1 eV/Angstrom"}},
            },
            "retrain.target.forces: a kernel_ridge predicts none",
        ),
        (
            {
                "proposer": {"type": "random"},
                "trained": {
                    "surrogate": {"type": "kernel_ridge", "property": "gap"},
                    "target": {"energy": "1 eV/atom"},
                },
            },
            "retrain.target: the surrogate predicts gap; expected energy",
        ),
    ],
)
def test_a_campaign_that_cannot_grow_a_potential_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        growing(**keys)


def test_disagreement_is_of_structures_that_stand():
    with pytest.raises(ValidationError, match="proposer: disagreement looks at candidates as they stand"):
        campaign(proposer=ASKING, retrain=POTENTIAL)
