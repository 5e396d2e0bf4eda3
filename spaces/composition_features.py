"""Features of compositions: tabulated properties of the ions, and of the structure before it is relaxed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tansaku.calculators.structures.bond_valence import bond_valence_sums
from tansaku.calculators.structures.ion_data import (
    d_electrons,
    electronegativity,
    element_of,
    ionic_radius,
    mass,
    period_and_group,
)
from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.substitution import length_factor
from tansaku.calculators.workflows.rigid_path import RigidPaths
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.models.domain.pool import FeatureGroup
from tansaku.spaces.composition_selection import Composition

ION_COLUMNS = (
    "radius [Å]",
    "electronegativity",
    "mass [u]",
    "period",
    "group",
    "d_electrons",
    "oxidation_state [e]",
)
CELL_COLUMNS = ("volume_guess [Å^3]", "instability_index [e]", "bond_valence [e]", "bottleneck_rise [e]")
"""The third where an ion is mobile, the fourth where its sites also join to paths."""

_DIGITS = 9


def ion_code(ion: Ion) -> float:
    """A number that identifies an ion on every machine: 100 times the atomic number plus the charge.

    Hydroxide and a (hypothetical) O- would have the same elements and charge, so hydroxide counts as element 0.5.
    """
    number = 0.5 if ion == HYDROXIDE else float(element_of(ion).Z)
    return 100.0 * number + ion.charge


def composition_groups(parent: Parent, names: Sequence[str], candidates: Sequence[Composition]) -> dict[str, FeatureGroup]:
    """Feature groups of candidates.

    For each substituted site S the groups ``site_s`` (columns :data:`ION_COLUMNS`, after the site's name) and ``ion_s`` (one
    column, a code of the ion that means nothing but equal or not), and ``cell``.

    Args:
        parent: The structure.
        names: Substituted sites.
        candidates: In the pool's order.
    """
    groups = []
    for name in names:
        ions = [candidate.ions[name] for candidate in candidates]
        distinct = sorted(set(ions))
        index = np.array([distinct.index(ion) for ion in ions], dtype=np.intp)
        rows = np.array([_ion_row(ion, parent.coordination(name)) for ion in distinct])
        columns = tuple(f"{name}_{column}" for column in ION_COLUMNS)
        groups.append(FeatureGroup.compact(f"site_{name.lower()}", rows, index, columns))
        codes = np.array([[ion_code(ion)] for ion in distinct])
        groups.append(FeatureGroup.compact(f"ion_{name.lower()}", codes, index, (f"{name}_ion",), categorical=True))
    paths = RigidPaths.of(parent) if parent.mobile is not None else None
    rows = np.array([_cell_row(parent, candidate.ions, paths) for candidate in candidates])
    groups.append(FeatureGroup.compact("cell", rows, np.arange(len(rows)), CELL_COLUMNS[: rows.shape[1]]))
    return {group.name: group for group in groups}


def _ion_row(ion: Ion, coordination: int) -> list[float]:
    period, group = period_and_group(ion)
    return [
        ionic_radius(ion, coordination),
        electronegativity(ion),
        mass(ion),
        float(period),
        float(group),
        float(d_electrons(ion)),
        float(ion.charge),
    ]


def _cell_row(parent: Parent, ions: Mapping[str, Ion], paths: RigidPaths | None) -> list[float]:
    factor = length_factor(parent, ions)
    sums = bond_valence_sums(parent, ions, factor)
    counts = parent.multiplicity
    squares = [counts[site] * (sums[site] - abs(ions[site].charge)) ** 2 for site in sums]
    volume = abs(float(np.linalg.det(parent.cell))) * factor**3 / math.gcd(*counts.values())
    row = [volume, math.sqrt(sum(squares) / sum(counts.values()))]
    if parent.mobile is not None:
        row.append(sums[parent.mobile])
        if paths is not None and paths.percolate:
            row.append(paths.bottleneck(ions, factor) - sums[parent.mobile])
    # Rounded, so that the last bits of a library's exponential have no effect.
    return [round(value, _DIGITS) for value in row]
