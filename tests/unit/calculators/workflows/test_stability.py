"""Energy above the cheapest mixture of competing phases."""

import numpy as np
import pytest
from ase.formula import Formula

from tansaku.calculators.workflows.stability import energy_above_hull
from tansaku.models.domain.errors import ConfigurationError

PHASES = {"Li": -2.0, "O2": -5.0, "Li2O": -5.0, "Li2O2": -4.9}


def test_a_mixture_is_made_of_what_is_lowest():
    # LiO as Li2O and O2: -5.0 eV an atom; as Li2O2: -4.9.
    assert energy_above_hull(["Li", "O"] * 4, 8 * -4.8, PHASES) == pytest.approx(-4.8 + 5.0)
    without = {name: energy for name, energy in PHASES.items() if name != "Li2O"}
    assert energy_above_hull(["Li", "O"] * 4, 8 * -4.8, without) == pytest.approx(-4.8 + 4.9)


def test_below_every_mixture_it_is_negative_and_the_cell_does_not_matter():
    assert energy_above_hull(["Li", "Li", "O"], 3 * -5.1, PHASES) == pytest.approx(-0.1)
    assert energy_above_hull(["Li", "Li", "O"] * 4, 12 * -5.1, PHASES) == pytest.approx(-0.1)


def test_phases_with_other_elements_do_not_count():
    assert energy_above_hull(["Li"], -1.5, {**PHASES, "LiF": -40.0}) == pytest.approx(0.5)


def test_it_is_that_of_pymatgens_phase_diagram(require):
    require("pymatgen")
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

    rng = np.random.default_rng(7)
    names = ("Li", "P", "O", "LiO", "Li2O", "PO2", "P2O5", "LiPO3", "Li3PO4", "Li4P2O7", "LiP")
    for _ in range(20):
        phases = {name: -3.0 - (len(Formula(name).count()) - 1) * float(rng.uniform(0.0, 2.0)) for name in names}
        diagram = PhaseDiagram([PDEntry(name, energy * len(Formula(name))) for name, energy in phases.items()])
        count = rng.integers(1, 5, size=3)
        symbols = [name for name, many in zip(("Li", "P", "O"), count, strict=True) for _ in range(many)]
        energy = len(symbols) * float(rng.uniform(-6.0, -2.0))
        entry = PDEntry("".join(symbols), energy)
        theirs = diagram.get_decomp_and_e_above_hull(entry, allow_negative=True)[1]
        assert energy_above_hull(symbols, energy, phases) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ({"Li": -2.0}, "composition LiO; expected at least one with O and nothing else than Li, O"),
        ({"F2": -2.0}, "composition LiO; expected at least one with Li and nothing else than Li, O"),
        ({"Li": -2.0, "Li2O": -5.0}, "composition LiO; expected more phases"),
    ],
)
def test_phases_that_cannot_make_the_crystal_are_told(phases, expected):
    with pytest.raises(ConfigurationError, match=f"calculator.workflow.phases: no mixture of them has the {expected}"):
        energy_above_hull(["Li", "O"], -9.0, phases)


def test_a_misspelt_phase_is_told():
    with pytest.raises(ConfigurationError, match="phases: 'FEO': there is no element 'E'; expected a chemical formula"):
        energy_above_hull(["Li"], -2.0, {**PHASES, "FEO": -5.0})
