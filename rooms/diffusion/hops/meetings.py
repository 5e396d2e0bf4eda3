"""Places where basins meet: pairs of neighbours that lead to different minima, and points that lead to several."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.diffusion.hops.descent import Basins, Gate, Owner, added, neighbours
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Meeting:
    """A place where two basins meet.

    Attributes:
        energy: At which one crosses there from one minimum to the other [eV].
        point: Grid point that has this energy.
        image: Cell of the point, seen from the first minimum.
    """

    energy: float
    point: int
    image: Cell


@dataclass(frozen=True)
class Border:
    """All meetings of two basins, the lowest first; cells are seen from the first minimum.

    Attributes:
        levels: Energies at which they are crossed [eV], shape ``(n,)``.
        places: The point with this energy, its cell, shape ``(n, 4)``.
        pairs: The two neighbours, each with its cell, shape ``(n, 2, 4)``; a point that leads to both minima is both.
    """

    levels: FloatArray
    places: IntArray
    pairs: IntArray

    def meeting(self, row: int) -> Meeting:
        """One of them."""
        point, x, y, z = self.places[row].tolist()
        return Meeting(float(self.levels[row]), point, (x, y, z))


@dataclass(frozen=True)
class _Kind:
    """A hop between pairs of neighbours with the same two sets of owners.

    Attributes:
        hop: Its sites are the grid points of the minima.
        shift: Cell of the first minimum, seen from where the first neighbour's way down ends.
        gate: The higher one of the two owners; its cell is seen from the first minimum.
    """

    hop: Hop
    shift: Cell
    gate: Gate


class Meetings:
    """All places where basins meet."""

    def __init__(self, basins: Basins) -> None:
        self._basins = basins
        every, rows = np.arange(len(basins.energies)), []
        forks = [end for end, owners in basins.owners.items() if len(owners) > 1]
        shared = every[np.isin(basins.ends, forks)]
        rows.append(np.column_stack([shared, shared, np.zeros((len(shared), 3), dtype=np.intp)]))
        for step in basins.steps[leading(basins.steps)]:
            there, crossed = neighbours(basins.shape, step)
            away = basins.cells + crossed - basins.cells[there]
            met = (basins.ends >= 0) & (basins.ends[there] >= 0) & ((basins.ends != basins.ends[there]) | away.any(axis=1))
            rows.append(np.column_stack([every[met], there[met], crossed[met]]))
        self._pairs = np.concatenate(rows)
        here, there, crossed = self._pairs[:, 0], self._pairs[:, 1], self._pairs[:, 2:]
        away = basins.cells[here] + crossed - basins.cells[there]
        names = np.column_stack([basins.ends[here], basins.ends[there], away])
        self._sets, first = _numbered(names)
        self._levels = np.maximum(basins.energies[here], basins.energies[there])
        self._kinds = [_kinds(basins, names[row].tolist(), bool(here[row] == there[row]), crossed[row]) for row in first]

    def lowest(self) -> dict[Hop, list[Meeting]]:
        """The lowest meetings of each two basins; several where they are equally low."""
        least = np.full(len(self._kinds), np.inf)
        np.minimum.at(least, self._sets, self._levels)
        low = self._levels == least[self._sets]
        return {
            hop: [border.meeting(row) for row in np.flatnonzero(border.levels == border.levels[0]).tolist()]
            for hop, border in self._borders(low, None).items()
        }

    def borders(self, hops: Collection[Hop], highest: float) -> dict[Hop, Border]:
        """Meetings of the given hops up to an energy [eV]."""
        return self._borders(self._levels <= highest, frozenset(hops), highest)

    def _borders(self, chosen: BoolArray, hops: frozenset[Hop] | None, highest: float = np.inf) -> dict[Hop, Border]:
        kinds = [
            (number, kind)
            for number, known in enumerate(self._kinds)
            for kind in known
            if (hops is None or kind.hop in hops) and kind.gate.level <= highest
        ]
        if not kinds:
            return {}
        of_set = np.array([number for number, _ in kinds])
        counts = np.bincount(of_set, minlength=len(self._kinds))
        begins = np.cumsum(counts) - counts
        pairs = np.flatnonzero(chosen & (counts[self._sets] > 0))
        repeats = counts[self._sets[pairs]]
        row = np.repeat(pairs, repeats)
        kind = np.arange(len(row)) - np.repeat(np.cumsum(repeats) - repeats, repeats) + begins[self._sets[row]]
        names = {hop: number for number, hop in enumerate(dict.fromkeys(each.hop for _, each in kinds))}
        hop = np.array([names[each.hop] for _, each in kinds])[kind]
        whole = self._border(row, kind, [each for _, each in kinds])
        order = np.lexsort((whole.places[:, 0], whole.levels, hop))
        ends = np.cumsum(np.bincount(hop, minlength=len(names)))
        parts = {each: order[ends[number - 1] if number else 0 : ends[number]] for each, number in names.items()}
        return {
            each: Border(whole.levels[part], whole.places[part], whole.pairs[part]) for each, part in parts.items() if len(part)
        }

    def _border(self, row: IntArray, kind: IntArray, kinds: list[_Kind]) -> Border:
        """Meetings of pairs, each with a kind."""
        basins = self._basins
        here, there, crossed = self._pairs[row, 0], self._pairs[row, 1], self._pairs[row, 2:]
        cells = basins.cells[here] - np.array([each.shift for each in kinds], dtype=np.intp)[kind]
        pairs = np.stack([np.column_stack([here, cells]), np.column_stack([there, cells + crossed])], axis=1)
        upper = np.where((basins.energies[here] >= basins.energies[there])[:, None], pairs[:, 0], pairs[:, 1])
        gates = np.array([each.gate.level for each in kinds])[kind]
        passes = np.array([(each.gate.point, *each.gate.cell) for each in kinds], dtype=np.intp)[kind]
        places = np.where((gates > self._levels[row])[:, None], passes, upper)
        return Border(np.maximum(gates, self._levels[row]), places, pairs)


def _kinds(basins: Basins, name: list[int], same: bool, crossed: IntArray) -> list[_Kind]:
    """Hops between the owners of two points.

    Args:
        name: Where the ways down from both end, and the cell of the second of these, seen from the first.
        same: Whether the points are the same grid point.
        crossed: Cell of the second point, seen from the first.
    """
    same_point = same and not crossed.any()
    offset = (name[2], name[3], name[4])
    firsts = basins.owners[name[0]]
    seconds = {(site, added(cell, offset)): _moved(gate, offset) for (site, cell), gate in basins.owners[name[1]].items()}
    found = []
    for number, ((first, start), into) in enumerate(firsts.items()):
        for other, ((second, end), onto) in enumerate(seconds.items()):
            if (first, start) == (second, end) or (same_point and other <= number):
                continue
            # Where one of the points leads to both minima, they meet in it, no higher.
            if not same_point and (_leads_to(firsts, (second, end), onto) or _leads_to(seconds, (first, start), into)):
                continue
            higher = into if into.level >= onto.level else onto
            hop, origin = Hop(first, second, added(end, start, -1)), start
            if first > second or (first == second and hop.cell < (0, 0, 0)):
                hop, origin = hop.back, end
            found.append(_Kind(hop, origin, _moved(higher, origin, -1)))
    return found


def _leads_to(owners: Mapping[Owner, Gate], owner: Owner, gate: Gate) -> bool:
    return owner in owners and owners[owner].level <= gate.level


def _moved(gate: Gate, shift: Cell, sign: int = 1) -> Gate:
    return Gate(gate.level, gate.point, added(gate.cell, shift, sign))


def _numbered(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Number of each distinct row, shape ``(n,)``, and where each of these is first."""
    if not len(rows):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    low = rows.min(axis=0)
    names = np.ravel_multi_index(tuple((rows - low).T), tuple(rows.max(axis=0) - low + 1))
    _, first, numbers = np.unique(names, return_index=True, return_inverse=True)
    return numbers.ravel().astype(np.intp), first.astype(np.intp)


def leading(vectors: IntArray) -> BoolArray:
    """Returns whether the first non-zero number of each row is positive, shape ``(n,)``."""
    x, y, z = vectors.T
    return np.asarray((x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0)))))
