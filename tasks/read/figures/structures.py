"""Structures of the best boundaries, seen along the tilt axis or the shortest period, coloured by energy or coordination."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.structures.sites import Surroundings, crystal_surroundings
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.tasks.read.figures.style import INK, drawing, save_image

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tansaku.models.domain.specs.grain_boundary import CrystalSpec

Colour = str | tuple[float, float, float]

HALF_HEIGHT = 8.0  # Å shown on either side of the boundary plane
HALF_WIDTH = 11.0  # Å shown on either side of the middle
_COLUMNS = (4, 5, 3)
_DIAMETER = (1.95, 0.35)  # Å: mean of the circles, and how much the front ones are larger
_COLOURS = "YlOrRd"
_FEWER, _MORE, _SAME = "Reds", "Blues", "#f3f4f6"
_NEIGHBOURS = 5.0
"""Distances up to this are known of the crystal [Å]."""

_FARTHEST = 3
"""Difference of coordination numbers that has the darkest colour, unless a figure has a larger one."""


@dataclass(frozen=True)
class BoundaryPicture:
    """One boundary, projected.

    Attributes:
        species: Elements of the atoms, shape ``(n,)``.
        x: In the boundary plane, perpendicular to the view [Å], shape ``(n,)``.
        z: Along the normal, the boundary at 0 [Å], shape ``(n,)``.
        depth: Place along the view, 1 for a layer of the lower grain, -1 half a period behind it, shape ``(n,)``.
        excess: Energy of each atom above that of the crystal [eV], shape ``(n,)``.
        coordination: Neighbours of each atom within the first gap of the crystal's distances, shape ``(n,)``.
        usual: Coordination in the crystal.
    """

    title: str
    species: tuple[str, ...]
    x: FloatArray
    z: FloatArray
    depth: FloatArray
    excess: FloatArray
    coordination: IntArray
    usual: int


def crystal_neighbours(crystal: CrystalSpec) -> Surroundings:
    """Surroundings of an atom of a crystal, with which :func:`picture` compares coordination numbers."""
    unit = crystal_of(crystal.structure, crystal.element, crystal.parameters).unit_cell()
    return crystal_surroundings(unit, _NEIGHBOURS)


def coordination_numbers(atoms: Atoms, shell: float) -> IntArray:
    """Number of neighbours of each atom, shape ``(n_atoms,)``.

    Args:
        shell: Distance within which neighbours count [Å].
    """
    from ase.neighborlist import neighbor_list

    return np.bincount(neighbor_list("i", atoms, shell), minlength=len(atoms))


def atomic_excess(atoms: Atoms) -> FloatArray:
    """Energy of each atom above the crystal's, which is the median over the held atoms in mid-grain [eV].

    Args:
        atoms: With per-atom energies and the array ``held``.

    Returns:
        Shape ``(n_atoms,)``.

    Raises:
        ConfigurationError: The structure has no per-atom energies.
    """
    results = atoms.calc.results if atoms.calc is not None else {}
    if "energies" not in results:
        raise ConfigurationError("the structure has no per-atom energies")
    energies = np.asarray(results["energies"], dtype=float)
    held = np.asarray(atoms.arrays["held"], dtype=bool)
    return np.asarray(energies - np.median(energies[held] if held.any() else energies))


def _circular_mean(fractions: FloatArray, weights: FloatArray | float = 1.0) -> float:
    """Mean of positions in a period of 1, weighted, in 0…1."""
    turns = np.exp(2j * np.pi * fractions)
    return float(np.angle(np.sum(weights * turns)) / (2 * np.pi)) % 1.0


def picture(atoms: Atoms, title: str, crystal: Surroundings, *, symmetric: bool = True) -> BoundaryPicture:
    """Projects the first of a cell's two boundaries along the tilt axis, or along the shortest period.

    Args:
        atoms: Relaxed cell in the house's convention (x in the plane, y along the tilt axis, z along the normal) with
            per-atom energies.
        title: Shown above it.
        crystal: Surroundings of an atom of the crystal.
        symmetric: Whether y is the tilt axis. A boundary in any plane has its shortest period along x, often its tilt axis.
    """
    excess, coordination = atomic_excess(atoms), coordination_numbers(atoms, crystal.shell)
    fractions = atoms.get_scaled_positions(wrap=True)
    first = np.asarray(atoms.arrays["boundary"]) == 0
    weights = np.abs(excess[first])
    centre = _circular_mean(fractions[first, 2], weights if weights.sum() > 0 else 1.0)
    lengths = atoms.cell.lengths()
    z = ((fractions[:, 2] - centre + 0.5) % 1.0 - 0.5) * lengths[2]
    near = np.abs(z) <= HALF_HEIGHT
    seen = 1 if symmetric else int(np.argmin(lengths[:2]))
    width = atoms.get_volume() / lengths[2] / lengths[seen]
    repeats = np.arange(-math.ceil(HALF_WIDTH / width) - 1, math.ceil(HALF_WIDTH / width) + 1)
    x = (fractions[near, 1 - seen][None, :] + repeats[:, None]) * width
    shown = np.abs(x) <= HALF_WIDTH
    # Layers of the lower grain repeat after half a period, so their phase is taken modulo one half.
    phase = _circular_mean(2 * fractions[np.asarray(atoms.arrays["grain"]) == 0, seen]) / 2
    depth = np.cos(2 * np.pi * (fractions[near, seen] - phase))
    copies = len(repeats)
    return BoundaryPicture(
        title=title,
        species=tuple(np.tile(atoms.symbols[near], (copies, 1))[shown].tolist()),
        x=x[shown],
        z=np.tile(z[near], (copies, 1))[shown],
        depth=np.tile(depth, (copies, 1))[shown],
        excess=np.tile(excess[near], (copies, 1))[shown],
        coordination=np.tile(coordination[near], (copies, 1))[shown],
        usual=int((crystal.distances[0] < crystal.shell).sum()),
    )


def table(pictures: Sequence[BoundaryPicture]) -> dict[str, list[object]]:
    """The atoms that the pictures show as columns: boundary, element, place in the plane of the picture, energy, neighbours."""
    return {
        "boundary": [item.title for item in pictures for _ in item.x],
        "species": [symbol for item in pictures for symbol in item.species],
        "x": [value for item in pictures for value in item.x.tolist()],
        "z": [value for item in pictures for value in item.z.tolist()],
        "excess": [value for item in pictures for value in item.excess.tolist()],
        "coordination": [count for item in pictures for count in item.coordination.tolist()],
    }


def colour_top(pictures: Sequence[BoundaryPicture]) -> float:
    """Upper end of the colour scale: only a few atoms lie above it [eV]."""
    return max(0.01, float(np.percentile(np.concatenate([item.excess for item in pictures]), 99)))


def _layout(count: int) -> tuple[int, int]:
    """Rows and columns of the panels, with as few empty ones as possible."""
    if count <= max(_COLUMNS):
        return 1, count
    columns = min(_COLUMNS, key=lambda number: -count % number)
    return math.ceil(count / columns), columns


def _draw_atoms(axes: Axes, shown: BoundaryPicture, colours: Sequence[Colour] | FloatArray) -> None:
    from matplotlib.collections import EllipseCollection

    order = np.argsort(shown.depth, kind="stable")
    size = _DIAMETER[0] + _DIAMETER[1] * shown.depth[order]
    atoms = EllipseCollection(
        size,
        size,
        np.zeros(len(size)),
        units="xy",
        offsets=np.column_stack([shown.x, shown.z])[order],
        offset_transform=axes.transData,
        facecolors=[colours[place] for place in order],
        edgecolors=INK,
        linewidths=0.4,
    )
    axes.add_collection(atoms)
    axes.set_xlim(-HALF_WIDTH, HALF_WIDTH)
    axes.set_ylim(-HALF_HEIGHT, HALF_HEIGHT)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(shown.title, fontsize=8, color=INK)
    axes.spines[["top", "right"]].set_visible(True)


def coordination_colour(found: int, usual: int, farthest: int) -> Colour:
    """Red for fewer neighbours than in the crystal, blue for more, the darker the more they differ.

    Args:
        farthest: Largest difference in the figure; it has the darkest colour.
    """
    from matplotlib import colormaps

    if found == usual:
        return _SAME
    depth = 0.3 + 0.6 * abs(found - usual) / farthest
    red, green, blue, _ = colormaps[_FEWER if found < usual else _MORE](depth)
    return red, green, blue


def draw_png(pictures: Sequence[BoundaryPicture], path: Path) -> Path:
    """Draws one panel per boundary as PNG, atoms coloured by their excess energy."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    top = colour_top(pictures)
    with drawing():
        figure, panels = _panels(pictures, [colormaps[_COLOURS](np.clip(item.excess / top, 0, 1)) for item in pictures])
        rows = len(panels)
        scale = ScalarMappable(Normalize(0, top), _COLOURS)
        bar = figure.colorbar(scale, ax=panels, shrink=0.8 if rows > 1 else 1.0, aspect=30, pad=0.01)
        label = ("atomic energy", "above the crystal [eV]")
        bar.set_label(" ".join(label) if rows > 1 else "\n".join(label), fontsize=9 if rows > 1 else 7)
        return save_image(figure, path)


def draw_coordination_png(pictures: Sequence[BoundaryPicture], path: Path) -> Path:
    """Draws the same panels, atoms coloured by their number of neighbours."""
    from matplotlib.lines import Line2D

    kinds = sorted({(int(number), item.usual) for item in pictures for number in item.coordination})
    farthest = max(_FARTHEST, *(abs(found - usual) for found, usual in kinds))
    colour = partial(coordination_colour, farthest=farthest)
    colours = [[colour(int(number), item.usual) for number in item.coordination] for item in pictures]
    with drawing():
        figure, _ = _panels(pictures, colours)
        marks = [
            Line2D([], [], ls="", marker="o", ms=6, mec=INK, mew=0.4, mfc=colour(*kind), label=str(kind[0])) for kind in kinds
        ]
        figure.legend(handles=marks, title="neighbours", loc="outside right center")
        return save_image(figure, path)


def _panels(pictures: Sequence[BoundaryPicture], colours: Sequence[Sequence[Colour] | FloatArray]) -> tuple[Figure, Any]:
    """A figure with a panel for each picture, and its panels in rows.

    Args:
        colours: Of the atoms of each picture.
    """
    from matplotlib.figure import Figure

    rows, columns = _layout(len(pictures))
    figure = Figure(figsize=(1.9 * columns + 0.6, 1.56 * rows + 0.2), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes, item, own in zip(panels.flat, pictures, colours, strict=False):
        _draw_atoms(axes, item, own)
    for axes in panels.flat[len(pictures) :]:
        axes.set_axis_off()
    return figure, panels
