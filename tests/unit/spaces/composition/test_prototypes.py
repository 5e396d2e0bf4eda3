"""The pages on composition searches and on the prototype show what the shipped lists hold."""

import re
from pathlib import Path

import pytest
import yaml

from tansaku.calculators.structures.ion_data import ionic_radius
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.spaces.composition import PROTOTYPES, CompositionSpace
from tansaku.spaces.composition_rules import RULES

pytestmark = pytest.mark.needs("pymatgen")

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guide"
PAGE = (GUIDE / "composition-search.md").read_text(encoding="utf-8")
TAVORITE = (GUIDE / "tavorite.md").read_text(encoding="utf-8")


def test_the_page_lists_every_ion_with_its_radius():
    prototype = PROTOTYPES["tavorite"]
    parent = prototype.parent()
    table = dict(re.findall(r"^\| ([AMXZ]) \| (.+) \|$", TAVORITE.partition("<!-- ions -->")[2], re.MULTILINE))
    assert table == {
        site: ", ".join(f"{ion} {ionic_radius(Ion.parse(ion), parent.coordination(site)):.3g}" for ion in ions)
        for site, ions in prototype.ions.items()
    }


def test_the_page_shows_the_census_as_it_is():
    space = CompositionSpace(
        CompositionSpaceSpec.model_validate({"parent": {"prototype": "tavorite"}, "sites": {"A": {"ions": ["Li+"]}}}), Path()
    )
    for line in space.census():
        assert f"{line['left_out']:>8,} {line['marked']:>6,} {line['left']:>8,}  {line['rule']}" in TAVORITE
    assert f"{space.describe_systems()[0]['unlikely']} of the 159" in TAVORITE


def test_the_page_names_every_rule():
    assert set(re.findall(r"^\| `(\w+)` \| (?!`)", PAGE.partition("## What the model")[0], re.MULTILINE)) == set(RULES)


def test_the_first_example_of_the_page_opens():
    document = yaml.safe_load(re.search(r"```yaml\n(.+?)```", PAGE, re.DOTALL)[1])
    space = CompositionSpace(CompositionSpaceSpec.model_validate(document["space"]), Path())
    assert "Li-V3-P5-F" in space.pool().ids
    assert "Li-Fe2-Se6-F" not in space.pool().ids
