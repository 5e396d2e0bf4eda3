"""Cheaper levels in a campaign file: what is completed, and what is refused with the key and the reason."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec

TABLE = {"type": "table", "candidates": "t.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": ["x"]}}}
PRICED = TABLE | {"columns": {"id": "id"}, "features": {"x": {"columns": ["x"], "prices": {"x": 0.1}}}}
QUICK = {"name": "quick", "cost": 0.1}
LOOK = {"name": "look", "column": "cheap", "cost": 0.1}
EMT = {"type": "emt", "relaxation": {"fmax": 0.01, "max_steps": 50}}


def table(**changes: object) -> CampaignSpec:
    data = {"space": TABLE, "levels": [LOOK], "objective": {"unit": "eV"}, "budget": {"cost": 10}}
    return CampaignSpec.model_validate({"schema_version": 1, "name": "looks"} | data | changes)


def computed(level: dict[str, object], **changes: object) -> CampaignSpec:
    space = {"type": "crystals", "crystals": {"c": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}}}
    space |= {"scans": [{"type": "rattle", "draws": 3}], "relaxed": True}
    objective = {"property": "energy_per_atom", "unit": "eV/atom", "goal": {"type": "best_overall"}}
    return table(space=space, calculator=EMT, objective=objective, levels=[{"name": "look", "cost": 0.1} | level], **changes)


def test_a_calculator_without_type_changes_keys_of_the_campaign_s():
    calculator = computed({"calculator": {"relaxation": {"fmax": 0.5}}}).levels[0].calculator
    assert (calculator.type, calculator.relaxation.fmax, calculator.relaxation.max_steps) == ("emt", 0.5, 50)


def test_a_calculator_with_a_type_stands_for_itself():
    calculator = computed({"calculator": {"type": "chgnet"}}).levels[0].calculator
    assert (calculator.type, calculator.relaxation.max_steps) == ("chgnet", type(calculator)().relaxation.max_steps)


def test_written_and_read_again_it_is_the_same():
    spec = computed({"calculator": {"relaxation": {"fmax": 0.5}}})
    assert CampaignSpec.model_validate(spec.model_dump(mode="json", exclude={"proposer"})).levels == spec.levels


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": [LOOK | {"name": "full"}]}, r"levels\[0\]\.name: 'full' is the level that the campaign wants"),
        ({"levels": [LOOK, LOOK]}, r"levels\[1\]\.name: 'look' is there twice"),
        ({"levels": [{"name": "look", "cost": 0.1}]}, r"levels\[0\]\.column: missing"),
        ({"levels": [LOOK | {"calculator": {"type": "emt"}}]}, r"levels\[0\]\.calculator: the space records values"),
        ({"levels": [LOOK, LOOK | {"name": "other"}]}, r"levels\[1\]\.column: 'cheap' is there twice"),
        ({"levels": [LOOK | {"cost": "minutes"}]}, r"levels\[0\]\.cost: 'minutes'.*a column needs space\.columns\.cost"),
        ({"levels": [LOOK | {"cost": 1.5}]}, "less than 1"),
        ({"space": PRICED, "calculator": {"type": "manual"}, "levels": [QUICK]}, "levels: not with prices in space.features"),
        ({"levels": [LOOK | {"spares": 0.5}]}, r"levels\[0\]\.spares: 0\.5; only a look with resumes: true"),
        ({"proposer": {"type": "random"}}, "proposer: random buys no looks; remove it, or levels"),
        ({"levels": [], "proposer": {"type": "multi_level"}}, "levels: missing; proposer multi_level chooses between levels"),
        (
            {"budget": {"evaluations": 5}},
            "looks are weighed by their cost; with levels expected cost or fraction",
        ),
        ({"budget": {}}, "with levels expected cost or fraction"),
        (
            {"transfer": {"mode": "joint", "sources": [{"type": "campaign", "name": "other"}]}},
            "transfer.mode: joint; with levels expected auto or none",
        ),
        ({"objective": {"unit": "eV", "goal": {"type": "bottleneck", "dimensions": 1}}}, "levels: expected one of the goals"),
        ({"constraints": {"avoid_failures": True}}, "levels: not with reuse, constraints.avoid_failures"),
        ({"space": TABLE | {"prefers": {"within": {"x": [0, 1]}}}}, "levels: not with reuse, .* or space.prefers"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        table(**changes)


def test_looks_at_relaxed_structures_can_be_continued():
    level = computed({"calculator": {"relaxation": {"fmax": 0.5}}, "resumes": True, "spares": 0.5}).levels[0]
    assert (level.resumes, level.spares) == (True, 0.5)
    assert table(levels=[LOOK | {"resumes": True}]).levels[0].resumes
    assert "resumes" not in computed({"calculator": {"relaxation": {"fmax": 0.5}}}).levels[0].model_dump()


def test_where_nothing_is_relaxed_nothing_can_be_continued():
    space = {"type": "crystals", "crystals": {"c": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}}}
    space |= {"scans": [{"type": "rattle", "draws": 3}]}
    objective = {"property": "energy_per_atom", "unit": "eV/atom", "goal": {"type": "best_overall"}}
    levels = [{"name": "look", "cost": 0.1, "calculator": {"type": "chgnet"}, "resumes": True}]
    with pytest.raises(ValidationError, match=r"levels\[0\]\.resumes: true; expected false: no structure is relaxed"):
        table(space=space, calculator=EMT, objective=objective, levels=levels)


def test_formation_energies_of_another_calculator_mislead_but_can_be_read():
    energies = {"phases": {"references": "compute"}, "relaxed": True, "type": "structures", "folder": "crystals"}
    wanted = {"space": energies, "objective": {"property": "formation_energy", "unit": "eV/atom"}, "calculator": EMT}
    place, reason = table(levels=[{"name": "look", "cost": 0.1, "calculator": {"type": "chgnet"}}], **wanted).misleading_look()
    assert (place, reason[:48]) == (0, "formation_energy would compare its energies with")
    rough = {"name": "look", "cost": 0.1, "calculator": {"relaxation": {"fmax": 0.5}}}
    assert table(levels=[rough], **wanted).misleading_look() is None


def test_a_calculator_without_a_gap_is_no_look_at_gaps_but_can_be_read():
    gaps = {"space": {"type": "structures", "folder": "c"}, "objective": {"property": "band_gap", "unit": "eV"}}
    levels = [{"name": "look", "cost": 0.1, "calculator": {"type": "emt"}}]
    assert table(**gaps, calculator={"type": "gpaw"}, levels=levels).misleading_look() == (0, "emt gives no band_gap")


def test_a_computed_look_needs_a_calculator():
    with pytest.raises(ValidationError, match=r"levels\[0\]\.calculator: that of the campaign; expected keys that differ"):
        computed({})


def test_only_a_level_whose_values_are_given_has_its_own_unit():
    assert table(levels=[LOOK | {"unit": "g/cm3"}]).unit_at("look") == "g/cm3"
    with pytest.raises(ValidationError, match=r"levels\[0\]\.unit: 'K'; values are computed in the objective's unit"):
        computed({"calculator": {"relaxation": {"fmax": 0.5}}, "unit": "K"})
