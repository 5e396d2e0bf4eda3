"""Ranking of the barriers by quantities that need no relaxation.

``bottleneck_rise`` is the column of that name among the space's features: rigid-host percolation of bond-valence sums.
``bond_valence_map`` is the barrier in one dimension on a grid of bond-valence site energies (Chen, Wong, Adams, Acta Cryst.
B75, 18 (2019), doi:10.1107/S2052520618015718), as the package bvlain computes it on the same unrelaxed structure.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path

from pymatgen.io.ase import AseAtomsAdaptor
from scipy.stats import spearmanr

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.composition import CompositionSpaceSpec, ParentSpec
from tansaku.spaces.composition import CompositionSpace

RESOLUTION = 0.3
"""Spacing of the grid [Å]; with 0.2 the barriers differ by less than 0.1 eV and take four times as long."""

_HIGHEST = 10.0


def bond_valence_barrier(space: CompositionSpace, candidate: str) -> float:
    """Barrier in one dimension on a grid of bond-valence site energies [eV].

    Raises:
        MissingComponentError: bvlain is not installed.
    """
    if importlib.util.find_spec("bvlain") is None:
        raise MissingComponentError(
            "the grid of bond-valence site energies needs the package bvlain, which is not installed",
            hint="pip install 'tansaku[bench]'",
        )
    with warnings.catch_warnings():
        # The package's: deprecated names, and a division by the zero that means "no neighbour".
        warnings.simplefilter("ignore")
        from bvlain import Lain

        atoms = space.structure(candidate)
        structure = AseAtomsAdaptor.get_structure(atoms)
        structure.add_oxidation_state_by_site([float(charge) for charge in atoms.arrays["oxidation_state"]])
        ion = Ion.parse(str(atoms.info["mobile_ion"]))
        lain = Lain(verbose=False)
        lain.read_structure(structure, oxi_check=False)
        lain.bvse_distribution(mobile_ion=f"{ion.element}{ion.charge}+", resolution=RESOLUTION)
        return float(lain.percolation_barriers(encut=_HIGHEST)["E_1D"])


def first_look(barriers: Mapping[str, float]) -> JsonDict:
    """Rank correlations of both with barriers, for all compounds and for each mobile ion.

    Args:
        barriers: Of compounds of the prototype [eV].
    """
    space = CompositionSpace(CompositionSpaceSpec(parent=ParentSpec(prototype="tavorite")), Path())
    pool = space.pool()
    cell = pool.groups["cell"]
    rise = next(number for number, name in enumerate(cell.columns) if name.startswith("bottleneck_rise"))
    rows = [
        {
            "candidate": str(candidate),
            "system": pool.systems[pool.system_codes[number]],
            "barrier": barriers[str(candidate)],
            "bottleneck_rise": float(cell.values[cell.index[number], rise]),
            "bond_valence_map": bond_valence_barrier(space, str(candidate)),
        }
        for number, candidate in enumerate(pool.ids)
        if str(candidate) in barriers
    ]
    return {"correlations": [_correlation(rows, system) for system in (None, *pool.systems)], "rows": rows}


def _correlation(rows: list[JsonDict], system: str | None) -> JsonDict:
    mine = [row for row in rows if system in (None, row["system"])]
    found: JsonDict = {"system": system or "all", "compounds": len(mine)}
    for column in ("bottleneck_rise", "bond_valence_map"):
        pairs = [[row["barrier"] for row in mine], [row[column] for row in mine]]
        found[column] = float(spearmanr(*pairs).statistic) if len(mine) > 2 else None
    return found
