"""Gaussian elimination over the tree of supports, for all supports at once.

A support is extended by columns to the right of its last. What is kept of a support is the Gram matrix of the columns to its
right after its own were eliminated; the next pivot is an element of its diagonal, so that the last level costs one
division per support. Supports with the same last column lie side by side, which gives colexicographic order: the supports
without a column and those to its right come first, so that one operation extends all of them by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from tansaku.models.averaging.subsets import FloatArray

DEPENDENT = 1e-10
"""A pivot below this share of the column's own square is taken for linear dependence: the column adds nothing."""

_AT_ONCE = 10_000_000
"""Numbers of one level that are kept in one array. Larger levels are kept by last column, without what is not needed."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Inner products of rows that are learned from and, for cross-validation, of rows that are predicted.

    Attributes:
        gram: Of the columns, with a ridge on its diagonal if there is one, (n, n).
        projection: Columns times target, (n,).
        square: Target times target.
        scale: What pivots are compared with, (n,).
        test_gram: As ``gram`` for rows that are predicted; None: none are.
        test_projection: As ``projection`` for those.
        test_square: As ``square`` for those.
    """

    gram: FloatArray
    projection: FloatArray
    square: float
    scale: FloatArray
    test_gram: FloatArray | None = None
    test_projection: FloatArray | None = None
    test_square: float = 0.0


@dataclass(frozen=True, eq=False)
class Level:
    """Results of all supports of one size, in colexicographic order, (n_supports,); of several tables (n_supports, n_tables).

    Attributes:
        log_pivots: Sum of the logarithms of the pivots, the log-determinant of the Gram matrix.
        residual: Square of the target's rest.
        test_residual: The same for the rows that are predicted; empty without them.
    """

    log_pivots: FloatArray
    residual: FloatArray
    test_residual: FloatArray


@dataclass(eq=False)
class _Group:
    """Supports that end in one column: their results, and what is left of the columns to the right.

    ``gram`` is (m, m, count) or, where only its diagonal is needed, (m, count). Of several tables the supports lie side by
    side, table by table. A group may also have all supports of a size and all columns; then nothing is known of the columns
    left of a support's last.
    """

    gram: FloatArray
    projection: FloatArray
    log_pivots: FloatArray
    residual: FloatArray
    test_gram: FloatArray
    test_projection: FloatArray
    test_residual: FloatArray

    def parts(self) -> tuple[FloatArray, ...]:
        """All arrays; the supports run along the last axis."""
        return (
            self.gram,
            self.projection,
            self.log_pivots,
            self.residual,
            self.test_gram,
            self.test_projection,
            self.test_residual,
        )


def sweep(moments: Moments, largest: int, required: int = 0) -> list[Level]:
    """Eliminates every support.

    Args:
        moments: Inner products; the required columns come first.
        largest: Number of members of the largest support, without the required columns.
        required: Number of leading columns that every support contains.

    Returns:
        One level per size, 0 to ``largest``.
    """
    levels = sweep_together([moments], largest, required)
    return [Level(*(part.reshape(-1) for part in (level.log_pivots, level.residual, level.test_residual))) for level in levels]


def sweep_together(tables: Sequence[Moments], largest: int, required: int = 0) -> list[Level]:
    """The same for several tables with as many columns, such as one with several ridges; their pivots have one scale.

    Args:
        tables: Inner products, at least one.
        largest: As for :func:`sweep`.
        required: As for :func:`sweep`.
    """
    root = _root(tables)
    scale = tables[0].scale
    for column in range(required):
        root = _child(root, 0, float(scale[column]), diagonal=False)
    n, scale = len(root.projection), scale[required:]
    levels = [_level([root], len(tables))]
    groups, offsets = [root], [-1]
    for size in range(1, min(largest, n) + 1):
        last = size == min(largest, n)
        found = []
        for end in range(size - 1, n):
            parents = _before(groups, offsets, end, comb(end, size - 1) * len(tables))
            children = [
                _leaf(group, place, scale[end])
                if last
                else _child(group, place, scale[end], diagonal=size + 1 == min(largest, n))
                for group, place in parents
            ]
            found.append(_joined(children))
        levels.append(_level(found, len(tables)))
        assert len(levels[-1].residual) == comb(n, size)
        if not last:
            groups, offsets = _packed(found, n)
    return levels


def _before(groups: list[_Group], offsets: list[int], end: int, count: int) -> list[tuple[_Group, int]]:
    """The supports that column ``end`` extends, and its place in each group."""
    if len(groups) == 1:
        whole = groups[0]
        return [(_Group(*(part[..., :count] for part in whole.parts())), end - offsets[0] - 1)]
    return [(group, end - offset - 1) for group, offset in zip(groups, offsets, strict=True) if offset < end]


def _packed(groups: list[_Group], n: int) -> tuple[list[_Group], list[int]]:
    """All supports of a level in one group with all columns, where that is small; else as they are. Second: the offsets."""
    counts = [len(group.residual) for group in groups]
    ends = [n - len(group.projection) - 1 for group in groups]
    wide = groups[0].gram.ndim - 1
    if n**wide * sum(counts) > _AT_ONCE:
        return groups, ends
    stops = np.cumsum(counts)
    parts: list[FloatArray] = []
    for number, first in enumerate(groups[0].parts()):
        if first.ndim == 1 or first.size == 0:
            parts.append(np.concatenate([group.parts()[number] for group in groups], axis=-1))
            continue
        whole = np.empty((*(n,) * (first.ndim - 1), stops[-1]))
        for group, end, stop, count in zip(groups, ends, stops, counts, strict=True):
            whole[(*(slice(end + 1, None),) * (first.ndim - 1), slice(stop - count, stop))] = group.parts()[number]
        parts.append(whole)
    return [_Group(*parts)], [-1]


def _root(tables: Sequence[Moments]) -> _Group:
    """The empty support of each table."""
    test_gram, test_projection, test_residual = np.empty((0, 0, len(tables))), np.empty((0, len(tables))), np.empty(0)
    if all(table.test_gram is not None for table in tables):
        test_gram = np.stack([table.test_gram for table in tables if table.test_gram is not None], axis=-1)
        test_projection = np.stack([table.test_projection for table in tables if table.test_projection is not None], axis=-1)
        test_residual = np.array([table.test_square for table in tables])
    return _Group(
        np.stack([table.gram for table in tables], axis=-1),
        np.stack([table.projection for table in tables], axis=-1),
        np.zeros(len(tables)),
        np.array([table.square for table in tables]),
        test_gram,
        test_projection,
        test_residual,
    )


def _level(groups: list[_Group], tables: int) -> Level:
    return Level(
        np.concatenate([group.log_pivots for group in groups]).reshape(-1, tables),
        np.concatenate([group.residual for group in groups]).reshape(-1, tables),
        np.concatenate([group.test_residual for group in groups]).reshape(-1, tables),
    )


def _joined(groups: list[_Group]) -> _Group:
    if len(groups) == 1:
        return groups[0]
    return _Group(*(np.concatenate(parts, axis=-1) for parts in zip(*(group.parts() for group in groups), strict=True)))


def _pivot(group: _Group, place: int, scale: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The inverse pivot (0 for a dependent column), its logarithm and the coefficient of the column."""
    pivot = group.gram[place, place] if group.gram.ndim == 3 else group.gram[place]
    sound = pivot > DEPENDENT * scale
    if sound.all():
        inverse = 1.0 / pivot
        return inverse, np.log(pivot), group.projection[place] * inverse
    inverse = np.divide(1.0, pivot, out=np.zeros_like(pivot), where=sound)
    return inverse, np.log(pivot, out=np.zeros_like(pivot), where=sound), group.projection[place] * inverse


def _leaf(group: _Group, place: int, scale: float) -> _Group:
    """Results only."""
    _, log_pivot, weight = _pivot(group, place, scale)
    residual = np.maximum(group.residual - weight * group.projection[place], 0.0)
    nothing = np.empty((0, len(residual)))
    test = group.test_residual
    if len(test):
        own = group.test_gram[place, place] if group.test_gram.ndim == 3 else group.test_gram[place]
        test = np.maximum(test + weight * (weight * own - 2.0 * group.test_projection[place]), 0.0)
    return _Group(nothing, nothing, group.log_pivots + log_pivot, residual, nothing, nothing, test)


def _child(group: _Group, place: int, scale: float, *, diagonal: bool) -> _Group:
    """Results, and what is left of the columns to the right."""
    leaf = _leaf(group, place, scale)
    inverse, _, weight = _pivot(group, place, scale)
    rest = slice(place + 1, None)
    row = group.gram[place, rest]
    shares = row * inverse
    leaf.projection = group.projection[rest] - shares * group.projection[place]
    leaf.gram = _square(group.gram, rest, diagonal)
    leaf.gram -= shares * row if diagonal else shares[:, None] * row[None, :]
    if len(leaf.test_residual):
        test_row, own = group.test_gram[place, rest], group.test_gram[place, place]
        leaf.test_gram = _square(group.test_gram, rest, diagonal)
        if diagonal:
            leaf.test_gram += shares * (own * shares - 2.0 * test_row)
        else:
            half = shares[:, None] * (0.5 * own * shares - test_row)[None, :]
            leaf.test_gram += half
            leaf.test_gram += half.swapaxes(0, 1)
        leaf.test_projection = (
            group.test_projection[rest] - weight * test_row - shares * group.test_projection[place] + own * weight * shares
        )
    return leaf


def _square(gram: FloatArray, rest: slice, diagonal: bool) -> FloatArray:
    """A copy of the lower right part, or of its diagonal."""
    if diagonal:
        return np.array(np.einsum("iic->ic", gram)[rest])
    return np.array(gram[rest, rest])
