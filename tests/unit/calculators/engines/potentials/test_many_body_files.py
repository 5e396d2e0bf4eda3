"""Tersoff, Stillinger-Weber, ADP and MEAM potentials of the wheel keep the calculators' contract; damaged ones are refused."""

from pathlib import Path

import pytest
from ase.build import bulk

from tansaku.calculators.calculator_registry import known_elements, open_calculator, resolve_calculator
from tansaku.calculators.conformance import CHECKS, Case
from tansaku.calculators.engines.potentials import resolve_potential, shipped_folder
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.identity import identity

pytestmark = pytest.mark.needs("lammps")

MEAM = {"potential": "Cu.meam", "library": "library.meam", "elements": ("Cu",)}
ALLOY = {"potential": "AlSiMgCuFe.meam", "library": "library.meam", "elements": ("AlS", "SiS", "MgS", "CuS", "FeS")}
SILICON_CARBIDE = {"potential": "SiC.meam", "library": "library.meam", "elements": ("Si", "C")}
SHIPPED = {
    "sw": ({"potential": "Si.sw"}, "Si", -4.3366),
    "tersoff": ({"potential": "Si.tersoff"}, "Si", -4.63),
    "adp": ({"potential": "AlCu.adp"}, "Al", -3.36),
    "meam": (MEAM, "Cu", -3.54),
}


@pytest.mark.parametrize("style", SHIPPED)
def test_potentials_of_the_wheel_conform(style):
    keys, symbol, energy = SHIPPED[style]
    spec = LammpsSpec(**keys)
    found = resolve_calculator(spec, Path())
    assert found.style == style
    assert symbol in known_elements(found, Path())
    crystal = bulk(symbol, cubic=True)
    assert open_calculator(found, Path()).evaluate(crystal).energy / len(crystal) == pytest.approx(energy, abs=0.01)
    for check in CHECKS:
        check(Case(spec, crystal, Path()))


def test_entries_of_a_library_are_elements_by_their_atomic_number():
    """Lattice parameter and energy are those of the library."""
    spec = resolve_calculator(LammpsSpec(**ALLOY), Path())
    assert known_elements(spec, Path()) == {"Al", "Si", "Mg", "Cu", "Fe"}
    aluminium = resolve_potential(spec, Path()).element("Al")
    assert (aluminium.lattice_parameter, aluminium.structure) == (4.05, "fcc")
    calculator = open_calculator(spec, Path())
    assert calculator.evaluate(bulk("Al", a=4.05)).energy == pytest.approx(-3.353, abs=1e-4)
    assert calculator.evaluate(bulk("Mg", "hcp", a=3.2, c=1.62 * 3.2)).energy / 2 == pytest.approx(-1.510, abs=1e-3)


def test_compounds_have_several_elements():
    for keys, elements in ((SILICON_CARBIDE, {"Si", "C"}), ({"potential": "GaN.sw"}, {"Ga", "N"})):
        spec = LammpsSpec(**keys)
        assert known_elements(spec, Path()) == elements
        first, second = sorted(elements, reverse=True)
        crystal = bulk(first + second, "zincblende", a=4.36)
        assert open_calculator(spec, Path()).evaluate(crystal).energy < 0.0


def test_a_library_counts_by_its_content():
    known = resolve_calculator(LammpsSpec(**MEAM), Path())
    found = identity(known)
    assert len(found["library_sha256"]) == 64
    assert "library" not in found


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("Si.sw", lambda text: text.replace("2.1683", ""), "words; expected entries of three elements and 11 numbers"),
        ("SiC.tersoff", lambda text: text.replace("Si  Si  C ", "Si  Si  Si "), "no entry for Si Si C"),
        ("Si.sw", lambda text: text.replace("2.1683", "-2.1683"), "gives the crystal of Si an energy of|cannot compute Si"),
        ("AlCu.adp", lambda text: text[:-2000], "truncated, or another style"),
    ],
    ids=["a number is missing", "a triple is missing", "a sign is wrong", "the end is missing"],
)
def test_damaged_files_are_refused(tmp_path, name, damage, message):
    (tmp_path / f"my-{name}").write_text(damage((shipped_folder() / name).read_text()))
    with pytest.raises(ConfigurationError, match=message):
        open_calculator(LammpsSpec(potential=f"my-{name}"), tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"potential": "Cu.meam"}, "calculator.library, calculator.elements: style meam needs both"),
        ({"potential": "Si.sw", "elements": ("Si",)}, "style sw takes neither"),
        (MEAM | {"elements": ("Cm",)}, "the library has no Cm; it has .*Cu, CuS"),
        (MEAM | {"elements": ("Cu", "CuS")}, "of Cu, CuS two are one element"),
        (MEAM | {"library": "Si.sw"}, "the library has"),
        (MEAM | {"library_sha256": "0" * 64}, r"calculator\.library_sha256: library\.meam has"),
    ],
    ids=str,
)
def test_keys_that_do_not_go_together_are_refused(keys, message):
    with pytest.raises(ConfigurationError, match=message):
        resolve_calculator(LammpsSpec(**keys), Path())


def test_a_line_that_is_no_parameter_is_refused(tmp_path):
    (tmp_path / "my.meam").write_text("rc = 4.0\nshell rm\n")
    with pytest.raises(ConfigurationError, match="'shell rm' is not a parameter of MEAM"):
        resolve_calculator(LammpsSpec(**MEAM | {"potential": "my.meam"}), tmp_path)
