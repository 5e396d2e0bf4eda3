"""Stability of a crystal against decomposition into other phases, whose energies a spec or the CSV that it names gives."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from ase.formula import Formula

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import check_unchanged, shown
from tansaku.models.domain.specs.phases import PhasesSpec

_KEY = "calculator.workflow.phases"


def energy_above_hull(symbols: Sequence[str], energy: float, phases: Mapping[str, float], key: str = _KEY) -> float:
    """Energy of a crystal above the mixture of phases of its composition whose energy is lowest.

    Ong et al., Chem. Mater. 20, 1798 (2008), doi:10.1021/cm702327g, as a linear programme.

    Args:
        symbols: Elements of the crystal's atoms.
        energy: Its energy [eV].
        phases: Energies of the others by formula, by the same calculator [eV/atom].
        key: Key of the spec that gives them, for messages.

    Returns:
        [eV/atom]; negative where the crystal is lower than every mixture.

    Raises:
        ConfigurationError: No mixture of the phases has the crystal's composition, or a phase is of no known elements.
    """
    from scipy.optimize import linprog

    wanted = Counter(symbols)
    counts = {name: counted(name, key) for name in phases}
    able = [name for name, count in counts.items() if count.keys() <= wanted.keys()]
    elements = sorted(wanted)
    # Amounts are atoms of each phase per atom of the crystal.
    shares = np.array([[counts[name].get(element, 0) / sum(counts[name].values()) for name in able] for element in elements])
    composition = np.array([wanted[element] / len(symbols) for element in elements])
    found = linprog([phases[name] for name in able], A_eq=shares, b_eq=composition, method="highs") if able else None
    if found is None or not found.success:
        missing = [element for element in elements if not any(element in counts[name] for name in able)]
        expected = f"at least one with {missing[0]} and nothing else than {', '.join(elements)}" if missing else "more phases"
        raise ConfigurationError(
            f"{key}: no mixture of them has the composition {reduced_formula(wanted)}; expected {expected}"
        )
    return energy / len(symbols) - float(found.fun)


def formation_energy(symbols: Sequence[str], energy: float, phases: Mapping[str, float], key: str = _KEY) -> float:
    """Energy of a crystal above its elements [eV/atom].

    Args:
        symbols: Elements of the crystal's atoms.
        energy: Its energy [eV].
        phases: Energies by formula, by the same calculator [eV/atom]; of each element the lowest phase counts.
        key: Key of the spec that gives them, for messages.

    Raises:
        ConfigurationError: An element is not among the phases.
    """
    wanted, total = Counter(symbols), 0.0
    for element, count in sorted(wanted.items()):
        own = [value for name, value in phases.items() if counted(name, key).keys() == {element}]
        if not own:
            raise ConfigurationError(f"{key}: {element} is not among them; a formation energy needs every element")
        total += count * min(own)
    return (energy - total) / len(symbols)


def counted(name: str, key: str) -> dict[str, int]:
    """Atoms of each element in a formula.

    Args:
        key: Key of the spec that gives it, for messages.

    Raises:
        ConfigurationError: It is of no known elements.
    """
    counts: dict[str, int] = Formula(name, strict=False).count()
    unknown = next((symbol for symbol in counts if symbol not in atomic_numbers), None)
    if unknown is not None:
        raise ConfigurationError(
            f"{key}: {name!r}: there is no element {unknown!r}; expected a chemical formula, e.g. 'Li3PO4'"
        )
    return counts


def reduced_formula(counts: Mapping[str, int]) -> str:
    """The formula of some atoms in Hill's order, by its smallest whole numbers."""
    return str(Formula.from_dict(dict(counts)).reduce()[0].format("hill"))


_COLUMNS = ("formula", "energy_per_atom")
_PHASES_KEY = "space.phases.file"
_MOST_BYTES = 20_000_000


def phases_of(spec: PhasesSpec, base_path: Path) -> Mapping[str, float]:
    """Energies by formula [eV/atom], those of computed elements included.

    Args:
        base_path: Folder in which relative paths start.

    Raises:
        ConfigurationError: The file is missing, changed or no table of phases; the message names the line.
    """
    return {**given_phases(spec, base_path), **(spec.computed or {})}


def given_phases(spec: PhasesSpec, base_path: Path) -> Mapping[str, float]:
    """Energies that the spec or its file gives; arguments and errors as of :func:`phases_of`."""
    if spec.file is None:
        return dict(spec.energies or {})
    path = base_path / spec.file
    if not path.is_file():
        raise ConfigurationError(
            f"{_PHASES_KEY}: no file {str(path)!r}; expected a CSV with the columns {' and '.join(_COLUMNS)}"
        )
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigurationError(
            f"{_PHASES_KEY}: {path.name!r} has {path.stat().st_size:,} bytes; expected at most {_MOST_BYTES:,}"
        )
    check_unchanged(path, spec.sha256, _PHASES_KEY)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(csv.DictReader(stream), path.name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{_PHASES_KEY}: {path.name!r} cannot be read as a CSV: {error}") from error


def _read(rows: csv.DictReader[str], name: str) -> dict[str, float]:
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ConfigurationError(f"{_PHASES_KEY}: {name!r} has no column {missing[0]!r}")
    found: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        formula, text = (row[column] or "" for column in _COLUMNS)
        try:
            energy = float(text)
        except ValueError:
            energy = float("nan")
        if not np.isfinite(energy):
            raise ConfigurationError(
                f"{_PHASES_KEY}: {name!r}, line {number}: energy_per_atom is {shown(text)}, not a finite number"
            )
        if not _is_formula(formula):
            raise ConfigurationError(
                f"{_PHASES_KEY}: {name!r}, line {number}: {shown(formula)} is not a chemical formula, e.g. Li3PO4"
            )
        found[formula] = min(energy, found.get(formula, energy))
    if not found:
        raise ConfigurationError(f"{_PHASES_KEY}: {name!r} has no phases")
    return found


def _is_formula(text: str) -> bool:
    """Returns whether a text is a formula of known elements."""
    try:
        counts = Formula(text).count()
    except ValueError:
        return False
    return bool(counts) and all(symbol in atomic_numbers and atomic_numbers[symbol] > 0 for symbol in counts)
