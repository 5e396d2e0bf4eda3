"""Compiled parts of the search for bottlenecks: floods of a grid and of a graph, and the reduction of a grid.

Keep all of them in this module: numba compiles cached functions again when this file changes, but not when a module that it
imports does.

A cell of the unfolded grid is one number, ``(x * 2**20 + y) * 2**20 + z``. Cells of points are relative to a point of their
component, so that the difference of two is what a path between them crosses.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

Cells = npt.NDArray[np.int64]
Front = tuple[Cells, BoolArray, IntArray, IntArray, FloatArray, IntArray]
"""State of a flood: cell of each point; whether it is flooded; queue of the points at or below the level; heap of the points
above it; their energies; lengths of queue and heap."""

Windings = tuple[Cells, IntArray, FloatArray]
"""Independent directions, points that raised the level last before they were found, and levels."""

Graph = tuple[IntArray, IntArray, Cells]
"""Begin of each node's neighbours and the end of the last, neighbours, and cells in which they are."""

CELLS = 1 << 20
"""Cells in a direction that one number can tell apart: more than a flood has points in a row."""

_UNSEEN = 1 << 62
"""Cell of a point that no flood has reached."""


@numba.njit(cache=True, nogil=True)
def flood_grid(
    values: FloatArray, members: IntArray, shape: IntArray, start: int, steps: IntArray
) -> tuple[IntArray, FloatArray]:
    """Grid points and levels of the bottlenecks in 1, 2 and 3 dimensions.

    Args:
        values: Energy of each candidate, shape ``(n_candidates,)``; infinite ones are walls.
        members: Candidate at each point, shape ``(n_points,)``; -1: a wall.
        shape: Of the grid, shape ``(3,)``.
        start: Point of the global minimum.
        steps: To the neighbours of a point, shape ``(n, 3)``.

    Returns:
        Points, -1 where there is none, and levels, infinite there; shapes ``(3,)``.
    """
    front, windings = _front(members.size), _windings()
    cells, flooded = front[0], front[1]
    offsets = (steps[:, 0] * shape[1] + steps[:, 1]) * shape[2] + steps[:, 2]
    rank, level, highest = 0, values[members[start]], start
    _reach(front, start, 0, level, level)
    while True:
        here, level, highest = _next(front, level, highest)
        if here < 0:
            return windings[1], windings[2]
        x, y, z = _place(here, shape)
        inside = 0 < x < shape[0] - 1 and 0 < y < shape[1] - 1 and 0 < z < shape[2] - 1
        for step in range(offsets.size):
            # Most neighbours of a flooded point were reached before, in the same cell.
            if inside:
                there, cell = here + offsets[step], cells[here]
            else:
                there, crossed = _neighbour(x + steps[step, 0], y + steps[step, 1], z + steps[step, 2], shape)
                cell = cells[here] + crossed
            known = cells[there]
            if known == cell:
                continue
            if known == _UNSEEN:
                if members[there] >= 0:
                    _reach(front, there, cell, values[members[there]], level)
            elif flooded[there]:
                rank = _wound(windings, rank, cell - known, highest, level)
                if rank == 3:
                    return windings[1], windings[2]


@numba.njit(cache=True, nogil=True)
def flood_graph(energies: FloatArray, graph: Graph, start: int) -> tuple[IntArray, FloatArray]:
    """Nodes and levels of the bottlenecks in 1, 2 and 3 dimensions, as of :func:`flood_grid`.

    Args:
        energies: Of each node, shape ``(n_nodes,)``.
        graph: Nodes and their neighbours.
        start: Node of the global minimum.
    """
    begins, neighbours, crossed = graph
    front, windings = _front(energies.size), _windings()
    cells, flooded = front[0], front[1]
    rank, level, highest = 0, energies[start], start
    _reach(front, start, 0, level, level)
    while True:
        here, level, highest = _next(front, level, highest)
        if here < 0:
            return windings[1], windings[2]
        for edge in range(begins[here], begins[here + 1]):
            there, cell = neighbours[edge], cells[here] + crossed[edge]
            known = cells[there]
            if known == cell:
                continue
            if known == _UNSEEN:
                _reach(front, there, cell, energies[there], level)
            elif flooded[there]:
                rank = _wound(windings, rank, cell - known, highest, level)
                if rank == 3:
                    return windings[1], windings[2]


@numba.njit(cache=True, nogil=True)
def _front(count: int) -> Front:
    return (
        np.full(count, _UNSEEN, dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
        np.empty(count, dtype=np.intp),
        np.empty(count, dtype=np.intp),
        np.empty(count, dtype=np.float64),
        np.zeros(2, dtype=np.intp),
    )


@numba.njit(cache=True, nogil=True)
def _windings() -> Windings:
    return np.zeros((3, 3), dtype=np.int64), np.full(3, -1, dtype=np.intp), np.full(3, np.inf)


@numba.njit(cache=True, nogil=True)
def _reach(front: Front, there: int, cell: int, energy: float, level: float) -> None:
    """Queues a point that borders on the flood. A point of infinite energy is only marked as seen."""
    cells, _, below, heap, keys, counts = front
    cells[there] = cell
    if energy <= level:
        below[counts[0]] = there
        counts[0] += 1
    elif energy < np.inf:
        _sift_up(heap, keys, counts[1], there, energy)
        counts[1] += 1


@numba.njit(cache=True, nogil=True)
def _next(front: Front, level: float, highest: int) -> tuple[int, float, int]:
    """The point that is flooded next, -1 where none is left; the level then, and the point that raised it last."""
    _, flooded, below, heap, keys, counts = front
    if counts[0] > 0:
        counts[0] -= 1
        here = below[counts[0]]
    elif counts[1] > 0:
        here = heap[0]
        if keys[0] > level:
            level, highest = keys[0], here
        counts[1] -= 1
        _sift_down(heap, keys, counts[1], heap[counts[1]], keys[counts[1]])
    else:
        return -1, level, highest
    flooded[here] = True
    return here, level, highest


@numba.njit(cache=True, nogil=True)
def _wound(windings: Windings, rank: int, cell: int, highest: int, level: float) -> int:
    """Notes a direction in which the flood meets itself; returns the number of independent ones."""
    found, points, levels = windings
    winding = _unpacked(cell)
    if not _independent(found, rank, winding):
        return rank
    found[rank, 0], found[rank, 1], found[rank, 2] = winding
    points[rank], levels[rank] = highest, level
    return rank + 1


@numba.njit(cache=True, nogil=True)
def _place(point: int, shape: IntArray) -> tuple[int, int, int]:
    return point // (shape[1] * shape[2]), (point // shape[2]) % shape[1], point % shape[2]


@numba.njit(cache=True, nogil=True)
def _neighbour(x: int, y: int, z: int, shape: IntArray) -> tuple[int, int]:
    """A point at most one step outside of the grid, as the point inside and the cell that it is in."""
    i, over_x = _wrapped(x, shape[0])
    j, over_y = _wrapped(y, shape[1])
    k, over_z = _wrapped(z, shape[2])
    return (i * shape[1] + j) * shape[2] + k, (over_x * CELLS + over_y) * CELLS + over_z


@numba.njit(cache=True, nogil=True)
def _unpacked(cell: int) -> tuple[int, int, int]:
    """A cell's three numbers."""
    half = CELLS // 2
    z = (cell + half) % CELLS - half
    rest = (cell - z) // CELLS
    y = (rest + half) % CELLS - half
    return (rest - y) // CELLS, y, z


@numba.njit(cache=True, nogil=True)
def _wrapped(place: int, count: int) -> tuple[int, int]:
    """A place at most one step outside of its cell, as the place inside and the cell; divisions would take most of a flood."""
    if place < 0:
        return place + count, -1
    if place >= count:
        return place - count, 1
    return place, 0


@numba.njit(cache=True, nogil=True)
def _sift_up(heap: IntArray, keys: FloatArray, place: int, item: int, key: float) -> None:
    """Puts an item at the end of a binary heap and moves it up."""
    while place > 0:
        above = (place - 1) // 2
        if keys[above] <= key:
            break
        heap[place], keys[place] = heap[above], keys[above]
        place = above
    heap[place], keys[place] = item, key


@numba.njit(cache=True, nogil=True)
def _sift_down(heap: IntArray, keys: FloatArray, size: int, item: int, key: float) -> None:
    """Puts an item at the top of a binary heap and moves it down."""
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        heap[place], keys[place] = heap[below], keys[below]
        place = below
    heap[place], keys[place] = item, key


@numba.njit(cache=True, nogil=True)
def _independent(found: IntArray, rank: int, w: tuple[int, int, int]) -> bool:
    """Returns whether a direction is no combination of the first ``rank`` ones."""
    if rank == 0:
        return True
    a = found[0]
    crossed = (a[1] * w[2] - a[2] * w[1], a[2] * w[0] - a[0] * w[2], a[0] * w[1] - a[1] * w[0])
    if rank == 1:
        return bool(crossed[0] != 0 or crossed[1] != 0 or crossed[2] != 0)
    b = found[1]
    return bool(crossed[0] * b[0] + crossed[1] * b[1] + crossed[2] * b[2] != 0)


Forest = tuple[IntArray, Cells, IntArray, IntArray, Cells, Cells, IntArray]
"""Components of fixed points. Of each point: the next one on the way to its root, and the cell relative to it; of each root:
number of points, a terminal or -1, its cell, independent windings, and their number."""

Edges = tuple[IntArray, IntArray, Cells, IntArray, IntArray]
"""Paths between terminals: both ends, the cell of the second as seen from the first, the highest point, and their number."""


@numba.njit(cache=True, nogil=True)
def reduce_grid(order: IntArray, terminal: BoolArray, shape: IntArray, steps: IntArray) -> Edges:
    """Reduces the points of fixed energy to a graph of the lowest paths between its terminals.

    A terminal is a fixed point from which a path may leave the fixed points. A union-find runs over points of rising energy.
    Two terminals are joined by an edge where their components meet; where a component with a terminal begins to percolate in a
    new direction, or meets one that does, the terminal is joined with its own image. Below any level the edges join the same
    terminals and percolate in as many directions as the points do.

    Args:
        order: Points by rising energy, shape ``(n_fixed,)``.
        terminal: Of each point of the grid, whether it is one, shape ``(n_points,)``.
        steps: To the neighbours of a point.
    """
    count, left = terminal.size, int(terminal.sum())
    forest = (
        np.full(count, -1, dtype=np.intp),
        np.zeros(count, dtype=np.int64),
        np.ones(count, dtype=np.intp),
        np.where(terminal, np.arange(count), -1),
        np.zeros(count, dtype=np.int64),
        np.zeros((count, 3, 3), dtype=np.int64),
        np.zeros(count, dtype=np.intp),
    )
    size = 4 * left + 1
    ends = np.empty(size, dtype=np.intp), np.empty(size, dtype=np.intp)
    edges = ends[0], ends[1], np.empty(size, dtype=np.int64), np.empty(size, dtype=np.intp), np.zeros(1, dtype=np.intp)
    parent, ranks, some = forest[0], forest[6], -1
    for point in order:
        parent[point] = point
        if terminal[point]:
            some = point
        x, y, z = _place(point, shape)
        for step in range(len(steps)):
            there, crossed = _neighbour(x + steps[step, 0], y + steps[step, 1], z + steps[step, 2], shape)
            if parent[there] >= 0:
                left -= _join(forest, edges, point, there, crossed)
        # All terminals in one component that percolates in every direction: higher points change nothing.
        if left == 1 and some >= 0 and ranks[_root(forest, some)[0]] == 3:
            break
    return edges


@numba.njit(cache=True, nogil=True)
def _root(forest: Forest, point: int) -> tuple[int, int]:
    """Root of a point's component, and the point's cell as seen from it; the way there is made shorter."""
    parent, shift = forest[0], forest[1]
    root, cell = point, 0
    while parent[root] != root:
        cell += shift[root]
        root = parent[root]
    left = cell
    while parent[point] != root and point != root:
        above, here = parent[point], shift[point]
        parent[point], shift[point] = root, left
        point, left = above, left - here
    return root, cell


@numba.njit(cache=True, nogil=True)
def _join(forest: Forest, edges: Edges, point: int, there: int, crossed: int) -> int:
    """Joins the components of a point and its neighbour; returns the number of terminals' components that vanish."""
    parent, shift, sizes, terminals, places, windings, ranks = forest
    large, cell = _root(forest, point)
    small, beyond = _root(forest, there)
    cell += crossed - beyond
    if large == small:
        if cell != 0 and _turned(forest, large, _unpacked(cell)) and terminals[large] >= 0:
            _add_edge(edges, terminals[large], terminals[large], cell, point)
        return 0
    if sizes[large] < sizes[small]:
        large, small, cell = small, large, -cell
    parent[small], shift[small] = large, cell
    sizes[large] += sizes[small]
    both = terminals[large] >= 0 and terminals[small] >= 0
    if both:
        _add_edge(edges, terminals[large], terminals[small], places[small] + cell - places[large], point)
    elif terminals[small] >= 0:
        # The root is now that of the component with the terminal; the windings of the other component are new to it.
        terminals[large], places[large] = terminals[small], places[small] + cell
        for row in range(3):
            for column in range(3):
                own = windings[large, row, column]
                windings[large, row, column], windings[small, row, column] = windings[small, row, column], own
        ranks[large], ranks[small] = ranks[small], ranks[large]
    for row in range(ranks[small]):
        x, y, z = windings[small, row, 0], windings[small, row, 1], windings[small, row, 2]
        if _turned(forest, large, (x, y, z)) and terminals[large] >= 0 and not both:
            _add_edge(edges, terminals[large], terminals[large], (x * CELLS + y) * CELLS + z, point)
    return int(both)


@numba.njit(cache=True, nogil=True)
def _turned(forest: Forest, root: int, winding: tuple[int, int, int]) -> bool:
    """Notes a direction in which a component percolates; returns whether it is new."""
    windings, ranks = forest[5], forest[6]
    rank = ranks[root]
    if rank == 3 or not _independent(windings[root], rank, winding):
        return False
    windings[root, rank, 0], windings[root, rank, 1], windings[root, rank, 2] = winding
    ranks[root] += 1
    return True


@numba.njit(cache=True, nogil=True)
def _add_edge(edges: Edges, first: int, second: int, cell: int, highest: int) -> None:
    left, right, cells, points, count = edges
    at = count[0]
    left[at], right[at], cells[at], points[at] = first, second, cell, highest
    count[0] += 1
