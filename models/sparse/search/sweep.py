"""Gaussian elimination over the tree of supports, for all supports at once.

A support is extended by columns to the right of its last. What is kept of a support is the Gram matrix of the columns to its
right after its own were eliminated; the next pivot is an element of its diagonal, so that the last level costs one
division per support. Supports with the same last column lie side by side, which gives colexicographic order.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from tansaku.models.sparse.search.subsets import FloatArray

DEPENDENT = 1e-10
"""A pivot below this share of the column's own square is taken for linear dependence: the column adds nothing."""


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
    """Results of all supports of one size, in colexicographic order.

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

    ``gram`` is (m, m, count) or, where only its diagonal is needed, (m, count).
    """

    gram: FloatArray
    projection: FloatArray
    log_pivots: FloatArray
    residual: FloatArray
    test_gram: FloatArray
    test_projection: FloatArray
    test_residual: FloatArray


def sweep(moments: Moments, largest: int, required: int = 0) -> list[Level]:
    """Eliminates every support.

    Args:
        moments: Inner products; the required columns come first.
        largest: Number of members of the largest support, without the required columns.
        required: Number of leading columns that every support contains.

    Returns:
        One level per size, 0 to ``largest``.
    """
    with_test = moments.test_gram is not None
    root = _root(moments, with_test)
    for _ in range(required):
        root = _child(root, 0, float(moments.scale[len(moments.scale) - len(root.projection)]), diagonal=False)
    n = len(root.projection)
    scale = moments.scale[required:]
    levels = [_level([root])]
    groups = [root]
    offsets = [-1]
    for size in range(1, min(largest, n) + 1):
        last = size == min(largest, n)
        found, ends = [], []
        for end in range(size - 1, n):
            parents = [(group, end - offset - 1) for group, offset in zip(groups, offsets, strict=True) if offset < end]
            children = [
                _leaf(group, place, scale[end])
                if last
                else _child(group, place, scale[end], diagonal=size + 1 == min(largest, n))
                for group, place in parents
            ]
            found.append(_joined(children))
            ends.append(end)
        groups, offsets = found, ends
        levels.append(_level(groups))
        assert len(levels[-1].residual) == comb(n, size)
    return levels


def _root(moments: Moments, with_test: bool) -> _Group:
    n = len(moments.projection)
    empty = np.empty((0, 0, 1)), np.empty((0, 1)), np.empty(0)
    test_gram, test_projection, test_residual = empty
    if with_test and moments.test_gram is not None and moments.test_projection is not None:
        test_gram, test_projection = moments.test_gram[:, :, None], moments.test_projection[:, None]
        test_residual = np.array([moments.test_square])
    return (
        _Group(
            moments.gram[:, :, None],
            moments.projection[:, None],
            np.zeros(1),
            np.array([moments.square]),
            test_gram,
            test_projection,
            test_residual,
        )
        if n
        else _Group(np.empty((0, 0, 1)), np.empty((0, 1)), np.zeros(1), np.array([moments.square]), *empty[:2], test_residual)
    )


def _level(groups: list[_Group]) -> Level:
    return Level(
        np.concatenate([group.log_pivots for group in groups]),
        np.concatenate([group.residual for group in groups]),
        np.concatenate([group.test_residual for group in groups]),
    )


def _joined(groups: list[_Group]) -> _Group:
    if len(groups) == 1:
        return groups[0]
    names = ("gram", "projection", "log_pivots", "residual", "test_gram", "test_projection", "test_residual")
    return _Group(*(np.concatenate([getattr(group, name) for group in groups], axis=-1) for name in names))


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
