"""What is listed of a search for the convex hull."""

from __future__ import annotations

import pytest

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.objective import OnHullSpec
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hull import campaign_hull, drawn_hull
from tansaku.tasks.read.views.stable import stable_of
from tests.support.alloys import FILE, alloys
from tests.support.records import campaign_record, read_campaign


def certificate(**changes):
    stable = {"L10-AuCu": 0.97, "B3-AuCu": 0.4, "B2-AuCu": 0.02}
    facts = {"number": 4, "horizon": 3, "searched": 3, "confidence": 0.95, "tolerance": 12.0, "unit": "meV/atom"}
    return Certificate(**facts | {"stable": stable} | changes)


def campaign(drawn, energies=None, goal=None):
    loaded = load_campaign(FILE)
    objective = loaded.spec.objective.model_copy(update={"goal": goal or OnHullSpec()})
    spec = loaded.spec.model_copy(update={"objective": objective})
    found = alloys({"L12-AuCu3": -0.05, "L10-AuCu": -0.06} if energies is None else energies)
    return read_campaign(campaign_record(spec, base_path=str(loaded.base_path)), spec, found, certificate=drawn)


def test_the_likeliest_come_first_then_what_is_on_the_hull_of_what_was_computed():
    found = stable_of(campaign(certificate()))
    assert [tuple(row.values()) for row in found.rows] == [
        ("L10-AuCu", 0.97, 0.0, 2),
        ("B3-AuCu", 0.4, None, None),
        ("B2-AuCu", 0.02, None, None),
        ("L12-AuCu3", None, 0.0, 1),
    ]
    assert found.frame["candidate"].tolist() == ["L10-AuCu", "B3-AuCu", "B2-AuCu", "L12-AuCu3"]
    assert (found.certified, found.describe()) == (4, "stable of what was computed: L10-AuCu, L12-AuCu3")


def test_there_is_a_list_before_there_is_a_certificate_or_a_result():
    assert [row["candidate"] for row in stable_of(campaign(None)).rows] == ["L10-AuCu", "L12-AuCu3"]
    empty = stable_of(campaign(None, energies={}))
    assert (empty.found, empty.describe()) == ((), "stable of what was computed: none")
    assert stable_of(campaign(None, goal=load_campaign(FILE).spec.objective.goal)) is None


def test_a_certificate_counts_what_is_stable_and_undecided():
    said = "Hull (95 %): 1 candidate stable, 1 undecided, each at most 12 meV/atom above it"
    assert certificate().describe() == said
    asked = certificate(within=5.0, probability=0.6).describe()
    assert asked == f"{said}; within 5 meV/atom all are decided with 60 %"
    assert certificate(stable={}, tolerance=0.0).describe() == "Hull (95 %): 0 candidates stable, 0 undecided"


ROWS = {"Cu3Au": -40.0, "CuAu": -60.0, "CuAu3": -20.0, "Cu2Au": -55.0, "CuAu2": -30.0}
"""Formation energies by formula [meV/atom]."""


def table(desk, name, rows, **objective):
    """Creates a campaign on a table of formulas and energies."""
    lines = [f"c{place},{formula},{place},{energy}" for place, (formula, energy) in enumerate(rows.items())]
    (desk.folder / f"{name}.csv").write_text("\n".join(["id,formula,x,energy", *lines]))
    columns = {"id": "id", "value": "energy", "formula": "formula"}
    space = {"type": "table", "candidates": f"{name}.csv", "columns": columns, "features": {"x": {"columns": ["x"]}}}
    wanted = {"property": "formation_energy", "unit": "meV/atom", "goal": {"type": "on_hull"}} | objective
    rest = {"calculator": None, "proposer": {"type": "gp", "initial_points": 2}, "budget": {"evaluations": len(rows)}}
    desk.run(name, 0, 0, space=space, objective=wanted, **rest)
    return Campaign.load(desk.store, name)


def test_formation_energies_of_a_table_are_above_elements_at_zero(desk):
    data = table(desk, "formed", ROWS)
    found = campaign_hull(data)
    stable = {row["formula"] for row in found.rows if row["stable"]}
    assert stable == {"Cu", "Au", "AuCu", "AuCu2"}  # the mixture of Cu and Cu2Au with the composition Cu3Au has -41.25
    assert {row["phase"] for row in found.rows if row["given"]} == {"Cu", "Au"}
    assert found.rows[-1]["energy_above_hull"] == pytest.approx(0.01)
    assert drawn_hull(data) is not None
    assert {item.candidate for item in stable_of(data).found if item.energy_above_hull == 0.0} == {"c1", "c3"}


def test_total_energies_of_a_table_need_its_elements(desk):
    with pytest.raises(ConfigurationError, match="none is Au alone") as told:
        table(desk, "bare", ROWS, property="energy_per_atom")
    assert "in a table, as a row of its own" in told.value.hint
    pure = {"Cu": -3700.0, "Au": -3200.0, "CuAu": -3500.0}
    data = table(desk, "whole", pure, property="energy_per_atom")
    assert [row["formula"] for row in campaign_hull(data).rows if row["stable"]] == ["AuCu", "Cu", "Au"]
    assert campaign_hull(data).rows[0]["formation_energy"] == pytest.approx(-0.05)


def test_a_formula_that_is_none_is_told(desk):
    with pytest.raises(
        ConfigurationError, match=r"space.columns.formula: candidate 'c0' has 'Cu\)'; expected a chemical formula"
    ):
        table(desk, "wrong", {"Cu)": 0.0})
    with pytest.raises(ConfigurationError, match="there is no element 'Xy'"):
        table(desk, "unknown", {"CuXy": 0.0})
