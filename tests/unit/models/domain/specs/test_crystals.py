"""What a space of crystals accepts, and what it says of what it does not."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.crystals import CrystalsSpaceSpec, PrototypeSpec, Scan, StepsSpec
from tansaku.models.domain.specs.dataset import ComputedSourceSpec

FCC = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}
SPACE = {"type": "crystals", "crystals": {"fcc": FCC}, "scans": [{"type": "lattice"}]}
CAMPAIGN = {
    "schema_version": 1,
    "name": "c",
    "space": SPACE,
    "calculator": {"type": "emt"},
    "objective": {"unit": "eV/atom"},
    "execution": {"polish": 0},
}


def test_steps_hold_both_ends_in_fixed_decimals():
    assert StepsSpec(start=-1, stop=1, steps=4).values == (-1.0, -0.33, 0.33, 1.0)
    assert StepsSpec(start=2, stop=2, steps=1).values == (2.0,)
    assert str(StepsSpec(start=-0.01, stop=0.01, steps=3).values[1]) == "0.0"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"structure": "fcc", "elements": ["Al", "Cu"]}, "fcc has 1 different"),
        ({"structure": "rocksalt", "elements": ["Mg", "Mg"]}, "rocksalt has 2 different"),
        ({"structure": "fcc", "elements": ["Al"], "c_over_a": 1.6}, "c_over_a: fcc is cubic"),
    ],
)
def test_a_crystal_that_does_not_exist_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        PrototypeSpec.model_validate({"lattice_parameter": 4.0, **given})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "lattice", "percent": {"start": -60, "stop": 0, "steps": 3}}, "percent: -60 … 0; expected -40 … 100"),
        ({"type": "shear", "degrees": {"start": 0, "stop": 40, "steps": 3}}, "degrees: 0 … 40; expected -25 … 25"),
        ({"type": "strain", "percent": {"start": 5, "stop": -5, "steps": 3}}, "expected rising values"),
        ({"type": "lattice", "percent": {"start": 0, "stop": 0.01, "steps": 3}}, "at least 0.01 apart"),
    ],
)
def test_a_scan_that_leaves_no_cell_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(Scan).validate_python(given)


@pytest.mark.parametrize(
    ("scans", "told"),
    [
        ([{"type": "lattice", "of": ["bcc"]}], "'bcc' is not a crystal of the space; expected fcc"),
        ([{"type": "rattle"}, {"type": "rattle", "draws": 3}], "a second scan makes the system 'fcc-rattle-0.1'"),
    ],
)
def test_scans_that_cannot_be_told_apart_are_refused(scans, told):
    with pytest.raises(ValidationError, match=told):
        CrystalsSpaceSpec.model_validate(SPACE | {"scans": scans})


def test_names_tell_scans_apart():
    scans = [{"type": "rattle"}, {"type": "rattle", "name": "again"}]
    assert [scan.called for scan in CrystalsSpaceSpec.model_validate(SPACE | {"scans": scans}).scans] == ["rattle-0.1", "again"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objective": {}}, "objective.unit: 'mJ/m2' is no unit of energy_per_atom"),
        ({"objective": {"unit": "eV/atom", "property": "spread"}}, "'spread' is not computed; expected energy_per_atom"),
        ({"execution": {"polish": 2}}, "execution.polish: a space of type crystals has no final relaxation"),
        (
            {"calculator": {"type": "emt", "relaxation": {"fmax": 0.1}}},
            "computed as they stand; remove it or set space.relaxed",
        ),
    ],
)
def test_a_campaign_that_asks_for_something_else_is_refused(changes, told):
    assert CampaignSpec.model_validate(CAMPAIGN).space.elements == {"Al"}
    with pytest.raises(ValidationError, match=told):
        CampaignSpec.model_validate(CAMPAIGN | changes)


@pytest.mark.parametrize("execution", [{}, {"execution": {"in_flight": 4}}, {"execution": {"polish": 0}}])
def test_nothing_is_polished_where_there_is_no_final_relaxation(execution):
    document = {key: value for key, value in CAMPAIGN.items() if key != "execution"} | execution
    assert CampaignSpec.model_validate(document).execution.polish == 0


def test_a_relaxation_is_for_a_space_that_is_relaxed():
    calculator = {"type": "emt", "relaxation": {"fmax": 0.1}}
    spec = CampaignSpec.model_validate(CAMPAIGN | {"space": SPACE | {"relaxed": True}, "calculator": calculator})
    # What is stored has every key, those that nobody gave too.
    plain = CampaignSpec.model_validate(CAMPAIGN)
    assert spec.space.relaxed
    assert CampaignSpec.model_validate(plain.model_dump(mode="json")) == plain


def test_a_data_set_of_crystals_has_no_labels_and_one_of_boundaries_no_free_energy():
    calculator = {"type": "emt"}
    with pytest.raises(ValidationError, match="label: a crystals space"):
        ComputedSourceSpec.model_validate({"space": SPACE, "calculator": calculator, "label": {"calculator": calculator}})
    boundaries = {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
        "boundaries": {"max_sigma": 3},
    }
    with pytest.raises(ValidationError, match="force_consistent: a grain_boundary space"):
        ComputedSourceSpec.model_validate({"space": boundaries, "calculator": calculator, "force_consistent": True})


def test_oxides_of_one_composition_stay_together_and_scans_do():
    source = {"calculator": {"type": "emt"}}
    oxides, boundaries = (
        {"type": "prototypes"},
        {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
            "boundaries": {"max_sigma": 3},
        },
    )

    def grouped(space: dict, **keys: str) -> str:
        return ComputedSourceSpec.model_validate(source | {"space": space} | keys).grouped_by

    assert [grouped(space) for space in (SPACE, boundaries, oxides)] == ["system", "system", "composition"]
    assert grouped(oxides, group="system") == "system"
    assert grouped(SPACE, group="composition") == "composition"
    with pytest.raises(ValidationError, match="group: all of a grain_boundary space is of one composition"):
        grouped(boundaries, group="composition")
