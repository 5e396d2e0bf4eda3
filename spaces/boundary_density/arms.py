"""Cells and numbers of atoms of a space of boundary densities, before any candidate is listed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tansaku.calculators.structures.rigid_blocks import BlockCell, ReplicatedBlocks
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.boundary_density import BoundaryAtomsSpec, ReplicationSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

_SAME_FRACTION = 0.005


@dataclass(frozen=True)
class Arm:
    """One cell and one number of atoms: a surface of the space.

    Attributes:
        system: Name of the boundary.
        cell: The wider cell.
        removed: Atoms that are removed.
    """

    system: str
    cell: ReplicatedBlocks
    removed: int

    @property
    def fraction(self) -> float:
        """Atoms of the last plane over those of a full one."""
        full = self.cell.atoms_per_plane
        return (full - self.removed) % full / full

    @property
    def name(self) -> str:
        """``s005-210-a1x2-n050``."""
        across, along = self.cell.repeats
        return f"{self.system}-a{across}x{along}-n{fraction_label(self.fraction)}"

    @property
    def atoms(self) -> int:
        """Atoms in the cell."""
        return self.cell.atom_count - self.removed


def fraction_label(fraction: float) -> str:
    """Hundredths: ``050`` for 0.5."""
    return f"{math.floor(100 * fraction + 0.5):03d}"


def arms_of(
    system: str,
    block: BlockCell,
    replication: ReplicationSpec,
    atoms: BoundaryAtomsSpec,
    *,
    annealed: bool,
    limits: LimitsSpec | None = None,
) -> tuple[Arm, ...]:
    """Arms of a boundary by rising area and number of removed atoms.

    Fractions of one cell that an id cannot tell apart are listed once. Without annealing a boundary without removed atoms is
    listed in the smallest cell alone: wider ones would repeat it.

    Args:
        system: Name of the boundary.
        block: The cell that is repeated.
        replication: How often at most.
        atoms: Which fractions, and where atoms are removed.
        annealed: Whether candidates may be annealed.
        limits: Of the machine; None: it was judged before.

    Raises:
        ConfigurationError: A single cell has too many atoms, or there are too many arms.
    """
    single = block.atom_count(0)
    if single > replication.max_atoms:
        raise ConfigurationError(
            f"space.replication.max_atoms: {replication.max_atoms}; one cell of {system} has {single} atoms, "
            "expected as many or more"
        )
    found: list[Arm] = []
    for cell in cells_of(block, replication, atoms.layer):
        labels: set[str] = set()
        for removed in range(cell.atoms_per_plane):
            arm = Arm(system, cell, removed)
            label = fraction_label(arm.fraction)
            if label in labels or not _wanted(arm, atoms) or (not removed and cell.replicas > 1 and not annealed):
                continue
            labels.add(label)
            found.append(arm)
        check_limit(limits, "surfaces", len(found), f"space.replication, space.atoms: cells and fractions of {system}")
    return tuple(found)


def cells_of(block: BlockCell, replication: ReplicationSpec, layer: float) -> Iterator[ReplicatedBlocks]:
    """Wider cells of a boundary by rising area."""
    for repeat in _repeats(replication):
        if repeat[0] * repeat[1] * block.atom_count(0) <= replication.max_atoms:
            yield ReplicatedBlocks(block, repeat, layer)


def _repeats(replication: ReplicationSpec) -> list[tuple[int, int]]:
    """All numbers of repeats up to the largest, by rising area."""
    most_across, most_along = replication.max
    repeats = [(a, b) for a in range(1, most_across + 1) for b in range(1, most_along + 1)]
    return sorted(repeats, key=lambda pair: (pair[0] * pair[1], pair))


def left_out_by_size(
    block: BlockCell, replication: ReplicationSpec, atoms: BoundaryAtomsSpec, found: Sequence[Arm]
) -> str | None:
    """Says which cells and fractions of a boundary ``max_atoms`` leaves out, and which number would admit them.

    Args:
        block: The cell that is repeated.
        replication: How often at most.
        atoms: Which fractions are wanted.

    Returns:
        A sentence; None: every cell has a place.
    """
    single = block.atom_count(0)
    wider = [repeat for repeat in _repeats(replication) if repeat[0] * repeat[1] * single > replication.max_atoms]
    if not wider:
        return None
    listed = {fraction_label(arm.fraction) for arm in found}
    sizes: dict[str, int] = {}
    for repeat in wider:
        cell = ReplicatedBlocks(block, repeat, atoms.layer)
        for arm in (Arm("", cell, removed) for removed in range(cell.atoms_per_plane)):
            if fraction_label(arm.fraction) not in listed and _wanted(arm, atoms):
                sizes.setdefault(fraction_label(arm.fraction), cell.atom_count)
    cells = f"the cells {_shown(f'{a}x{b}' for a, b in wider)}"
    largest = wider[-1][0] * wider[-1][1] * single
    said = f"space.replication.max_atoms: {replication.max_atoms} leaves out {cells}"
    if not sizes:
        return f"{said}, which have no further fractions; {largest} admits all"
    fractions = _shown(f"{int(label) / 100:.2f}" for label in sorted(sizes))
    return f"{said} and the fractions {fractions}; {min(sizes.values())} admits the first of them, {largest} all"


def _shown(texts: Iterable[str], most: int = 6) -> str:
    """The first texts of a list, and how many more there are."""
    listed = list(texts)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def check_fractions(arms: Sequence[Arm], atoms: BoundaryAtomsSpec, sizes: Sequence[int]) -> None:
    """Refuses a fraction that no cell has.

    Args:
        arms: Those that the spec wants.
        sizes: Atoms of a plane in each cell, of all boundaries.

    Raises:
        ConfigurationError: There is one.
    """
    for fraction in () if atoms.fractions == "all" else atoms.fractions:
        if not any(_near(arm.fraction, fraction) for arm in arms):
            raise ConfigurationError(
                f"space.atoms.fractions: {fraction:g}; expected a fraction of a plane of some cell within space.replication, "
                f"whose planes have {', '.join(map(str, sizes))} atoms"
            )


def check_every_boundary(
    systems: Sequence[str], arms: Sequence[Arm], atoms: BoundaryAtomsSpec, limits: LimitsSpec | None
) -> None:
    """Refuses a boundary none of whose cells has a fraction that is wanted: it would have no candidates.

    Args:
        systems: Names of the boundaries.
        arms: Those that the spec wants.
        limits: Of the machine; None: it was judged before.

    Raises:
        ConfigurationError: There is one.
    """
    if limits is None or atoms.fractions == "all":
        return
    found, shown = {arm.system for arm in arms}, ", ".join(f"{fraction:g}" for fraction in atoms.fractions)
    for system in systems:
        if system not in found:
            raise ConfigurationError(
                f"space.atoms.fractions: {shown}; no cell of {system} within space.replication has such a fraction",
                hint="raise space.replication.max_atoms, add a fraction, or leave this boundary out",
            )


def _wanted(arm: Arm, atoms: BoundaryAtomsSpec) -> bool:
    return atoms.fractions == "all" or any(_near(arm.fraction, fraction) for fraction in atoms.fractions)


def _near(first: float, second: float) -> bool:
    return abs(first - second) <= _SAME_FRACTION + 1e-12
