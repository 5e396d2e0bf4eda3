"""Rules for several keys name the line of the key that they are about, wherever the file has it."""

import pytest

from tansaku.models.domain.errors import ConfigurationError, InvalidSpecError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.ground.formats.yaml_text import parse_yaml
from tansaku.tasks.node.configuration.campaign_files import naming_lines

CRYSTALS = """schema_version: 1
name: lines
space:
  type: crystals
  crystals:
    copper: {structure: fcc, elements: [Cu], lattice_parameter: 3.6}
  scans:
    - {type: rattle, atoms: [4], draws: 4}
calculator: {type: emt}
objective:
  property: energy_per_atom
  unit: eV/atom
  goal:
    type: all_below
    threshold: 0.1 eV/atom
proposer:
  type: gp
budget:
  evaluations: 3
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "said"),
    [
        ("unit: eV/atom\n", "unit: GPa\n", "objective.goal.threshold", 15, "'eV/atom' cannot be converted to 'GPa'"),
        ("0.1 eV/atom", "3 GPa", "objective.goal.threshold", 15, "'GPa' cannot be converted"),
        ("property: energy_per_atom", "property: hardness", "objective.property", 11, "'hardness' is not computed"),
        ("type: all_below\n    threshold: 0.1 eV/atom", "type: bottleneck", "objective.goal", 13, "bottleneck needs a grid"),
        ("type: gp", "type: arms", "proposer", 16, "arms supports the goal best_per_system"),
        ("type: gp", "type: gp\n  floor: 3", "proposer.floor", 18, "only the goals best_per_system and hull use it"),
        ("  evaluations: 3", "  cost: 3\n  fraction: 0.5", "budget", 19, "cost, fraction: both are given"),
        ("  evaluations: 3", "  stop:\n    within: 3 GPa", "budget.stop.within", 20, "'GPa' cannot be converted"),
        ("unit: eV/atom\n", "unit: eV/atom\n  wrong: 1\n", "objective.wrong", 13, "unknown key"),
    ],
)
def test_the_line_is_that_of_the_key(old, new, key, line, said):
    assert CRYSTALS.count(old) == 1
    document = parse_yaml(CRYSTALS.replace(old, new), "lines.yaml")
    with pytest.raises(InvalidSpecError) as caught:
        validate_document(CampaignSpec, document)
    problem = caught.value.problems[0]
    assert (problem.key, problem.line) == (key, line)
    assert problem.message.startswith(said)
    assert str(caught.value) == f"{key}: {problem.message} (lines.yaml, line {line})"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("objective.goal.threshold: too low", "objective.goal.threshold: too low (lines.yaml, line 15)"),
        ("space.scans[0].draws: too many", "space.scans[0].draws: too many (lines.yaml, line 8)"),
        ("space.absent: missing", "space.absent: missing (lines.yaml, line 3)"),
        ("unit: too low (lines.yaml, line 3)", "unit: too low (lines.yaml, line 3)"),
        ("--within: not known", "--within: not known"),
        ("elsewhere: not a key of the file", "elsewhere: not a key of the file"),
    ],
)
def test_what_a_file_that_the_spec_names_lacks_is_told_with_the_line_of_the_key(tmp_path, message, said):
    (tmp_path / "lines.yaml").write_text(CRYSTALS)
    with pytest.raises(ConfigurationError) as error, naming_lines(tmp_path / "lines.yaml"):
        raise ConfigurationError(message, hint="look there")
    assert error.value.message == said
    assert error.value.hint == "look there"
