"""Structures that are the same crystal, found by pymatgen's StructureMatcher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tansaku.models.domain.errors import MissingComponentError

if TYPE_CHECKING:
    from ase import Atoms

_LENGTHS, _SITES, _ANGLES = 0.003, 0.02, 0.5
"""Tolerances: edges relative to each other, distances of sites in units of the free length of an atom, angles [degrees]."""

_VOLUME = 0.003
"""Volumes of an atom that differ by more than this share are different crystals: a strained crystal is no duplicate."""


def duplicates_of(structures: Mapping[str, Atoms]) -> dict[str, str]:
    """The id of an earlier equal structure, by the id of each duplicate.

    Args:
        structures: By id; ids count in ascending order. Only structures of one formula and about the same volume of an atom are
            compared.

    Raises:
        MissingComponentError: pymatgen is not installed.
    """
    try:
        from pymatgen.analysis.structure_matcher import StructureMatcher
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError as error:
        raise MissingComponentError(
            f"space.duplicates: pymatgen is not installed: {error}",
            hint="pip install 'tansaku[composition]', or duplicates: ignore",
        ) from error
    matcher = StructureMatcher(ltol=_LENGTHS, stol=_SITES, angle_tol=_ANGLES, scale=False, attempt_supercell=False)
    found: dict[str, str] = {}
    for members in _of_one_formula(structures).values():
        by_volume = sorted(members, key=lambda name: (_volume(structures[name]), name))
        made = {name: AseAtomsAdaptor.get_structure(structures[name]) for name in members} if len(members) > 1 else {}
        first: list[str] = []
        pairs: list[tuple[str, str]] = []
        for name in by_volume:
            volume = _volume(structures[name])
            near = [other for other in reversed(first) if _volume(structures[other]) > volume * (1 - _VOLUME)]
            same = next((other for other in near if matcher.fit(made[other], made[name])), None)
            if same is None:
                first.append(name)
            else:
                pairs.append((same, name))
        found |= _by_first_id(pairs)
    return found


def _by_first_id(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Maps each structure of a set of equal ones, except the first by id, to that first one."""
    sets: dict[str, list[str]] = {}
    for same, name in pairs:
        sets.setdefault(same, [same]).append(name)
    return {name: min(names) for names in sets.values() for name in names if name != min(names)}


def _of_one_formula(structures: Mapping[str, Atoms]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(structures):
        formula = structures[name].symbols.formula.reduce()[0].format("hill")
        found.setdefault(formula, []).append(name)
    return found


def _volume(atoms: Atoms) -> float:
    return float(atoms.get_volume()) / len(atoms)
