"""Structures of boundaries by their number of atoms: duplicates, the lowest of each fraction, metastable phases."""

from types import SimpleNamespace

import pytest

from tansaku.models.domain.records import Outcome, Quantity
from tansaku.tasks.read.figures import energy_density
from tansaku.tasks.read.views.densities import density_rows, metastable_lines, phase_rows, phases
from tansaku.tasks.read.views.results import stress_text
from tests.support.records import NOW, evaluation_of, proposal_of


def stresses(values):
    return {f"boundary_stress_{name}": Quantity(value=value, unit="J/m^2") for name, value in (values or {}).items()}


def evaluation(number, fraction, value, volume=0.2, purpose="search", candidate=None, system="s005-210", stress=None):
    surface = f"{system}-a1x2-n{round(100 * fraction):03d}"
    proposal = proposal_of(number, candidate=candidate or f"c{number}", system=system, surface=surface, purpose=purpose)
    outcome = Outcome(
        value=value,
        quantities={"excess_volume": Quantity(value=volume, unit="Angstrom")} | stresses(stress),
        properties={"fraction": fraction, "replication": [1, 2]},
    )
    return evaluation_of(proposal, outcome, finished_at=NOW)


FOUND = (
    evaluation(1, 0.0, 951.4),
    evaluation(2, 0.0, 951.2, 0.195),
    evaluation(3, 0.0, 951.1, 0.3),
    evaluation(4, 0.5, 950.0),
    evaluation(5, 0.5, 990.0),
    evaluation(6, 0.5, 947.0, purpose="polish", candidate="c4", stress={"xx": 1.5, "yy": 1.1}),
    evaluation(7, 0.0, 900.0, system="s005-310"),
)


@pytest.fixture
def campaign():
    systems = ("s005-310", "s005-210")
    return SimpleNamespace(
        evaluations=FOUND,
        sign=1.0,
        outline=SimpleNamespace(systems=systems),
        systems=[
            {"system": name, "sigma": 5, "plane": plane} for name, plane in zip(systems, ([3, 1, 0], [2, 1, 0]), strict=True)
        ],
        spec=SimpleNamespace(objective=SimpleNamespace(unit="mJ/m2")),
    )


def test_a_structure_is_counted_once():
    """Energy, excess volume and fraction make a structure; a final relaxation replaces the result of the search."""
    found = [(p.fraction, p.value, p.excess_volume, p.found) for p in phases(FOUND) if p.system == "s005-210"]
    assert found == [(0.5, 947.0, 0.2, 1), (0.0, 951.1, 0.3, 1), (0.0, 951.2, 0.195, 2), (0.5, 990.0, 0.2, 1)]


def test_a_structure_that_thicker_grains_changed_is_no_second_phase():
    """Of three candidates that ended in one structure two were relaxed again, in thicker grains."""
    searched = [evaluation(number, 0.0, value, 0.306) for number, value in ((1, 896.81), (2, 896.80), (3, 896.79))]
    final = [evaluation(number + 3, 0.0, 892.6, 0.308, "polish", f"c{number}") for number in (1, 3)]
    [phase] = phases([*searched, *final])
    assert (phase.value, phase.found, phase.polished) == (892.6, 3, True)


def test_the_lowest_of_each_fraction(campaign):
    rows = density_rows(campaign)
    assert [(row["system"], row["n"], row["E_gb"]) for row in rows] == [
        ("s005-310", 0.0, 900.0),
        ("s005-210", 0.0, 951.1),
        ("s005-210", 0.5, 947.0),
    ]
    assert [row["above_lowest"] for row in rows] == pytest.approx([0.0, 4.1, 0.0])
    assert [row["stress"] for row in rows] == [None, None, {"xx": 1.5, "yy": 1.1}]
    assert [stress_text(row["stress"]) for row in rows] == [None, None, "1.50, 1.10"]


def test_phases_within_5_mj_are_metastable(campaign):
    assert [row["E_gb"] for row in phase_rows(campaign)] == [900.0, 947.0, 951.1, 951.2]


def test_three_metastable_phases_of_a_boundary_have_a_line_and_the_others_are_counted():
    found = [("a", 900.0), ("a", 900.1), ("a", 900.2), ("a", 900.3), ("a", 900.4), ("a", 900.5), ("b", 22.0), ("b", 22.5)]
    rows = [
        {
            "system": system,
            "n": 0.5,
            "E_gb": value,
            "above_lowest": value - lowest,
            "excess_volume": 0.2,
            "candidate": f"c{value}",
        }
        for (system, value), lowest in zip(found, [900.0] * 6 + [22.0] * 2, strict=True)
    ]
    assert metastable_lines(rows, "mJ/m2") == [
        "a: metastable within 5 mJ/m2: 900.1 mJ/m2, n = 0.500, excess volume 0.200 Å, c900.1",
        "a: metastable within 5 mJ/m2: 900.2 mJ/m2, n = 0.500, excess volume 0.200 Å, c900.2",
        "a: metastable within 5 mJ/m2: 900.3 mJ/m2, n = 0.500, excess volume 0.200 Å, c900.3",
        "a: metastable within 5 mJ/m2: 2 more; --json lists them",
        "b: metastable within 5 mJ/m2: 22.5 mJ/m2, n = 0.500, excess volume 0.200 Å, c22.5",
    ]


def test_the_figure_has_a_curve_for_each_boundary(campaign, tmp_path):
    curves = energy_density.density_curves(campaign)
    assert [(curve.label, curve.fractions, curve.energies) for curve in curves] == [
        ("Σ5 (310)", [0.0], [900.0]),
        ("Σ5 (210)", [0.0, 0.5], [951.1, 947.0]),
    ]
    assert "fraction of a plane" in energy_density.draw_png(curves, tmp_path / "f.svg", "mJ/m2").read_text(encoding="utf-8")
    assert energy_density.draw_png(curves, tmp_path / "f.png", "mJ/m2").stat().st_size > 5000
