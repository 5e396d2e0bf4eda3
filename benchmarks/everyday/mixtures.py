"""Synthetic tables of mixtures of six components with the sum 1: a grid of a tenth, four components at most, 2,121 mixtures.

Made to choose settings, nothing else: each seed is another function, and none is taken from an experiment. As in libraries of
catalysts, two of five entries are zero, and the best mixtures may lie on a face, in a narrow region, or where a component is
present at all.
"""

from __future__ import annotations

from itertools import product
from typing import Literal, assert_never, get_args

import numpy as np
import pandas as pd

from tansaku.models.domain.pool import FloatArray

MixtureName = Literal["mixture_smooth", "mixture_face", "mixture_presence", "mixture_noisy"]

MIXTURES: tuple[MixtureName, ...] = get_args(MixtureName)

COMPONENTS = ("a", "b", "c", "d", "e", "f")
VALUE = "value"

_STEPS = 10
_MOST = 4
_BUMPS = 12
_WIDE = 0.45
_NARROW = 0.15
_HALF = 0.1


def grid() -> FloatArray:
    """All mixtures, shape ``(2121, 6)``."""
    rows = np.array([row for row in product(range(_STEPS + 1), repeat=len(COMPONENTS) - 1) if sum(row) <= _STEPS])
    rows = np.column_stack([rows, _STEPS - rows.sum(axis=1)])
    return np.asarray(rows[(rows > 0).sum(axis=1) <= _MOST] / _STEPS)


def mixtures(name: MixtureName, seed: int) -> pd.DataFrame:
    """A table of all mixtures with the values of one function, smaller is better.

    Args:
        name: ``mixture_smooth``: a sum of wide bumps; ``mixture_face``: half as high, and one narrow dip on a face of three
            components; ``mixture_presence``: each component acts by x / (x + 0.1), alone and in pairs; ``mixture_noisy``: the
            first with errors of half its deviation.
        seed: Decides the function.
    """
    rows, rng = grid(), np.random.default_rng([seed, MIXTURES.index(name)])
    smooth = _standard(_bumps(rows, rng))
    match name:
        case "mixture_smooth":
            values = smooth
        case "mixture_face":
            centre = np.zeros(rows.shape[1])
            centre[rng.permutation(rows.shape[1])[:3]] = rng.dirichlet(np.full(3, 5.0))
            values = 0.5 * smooth - 2.5 * _bump(rows, centre, _NARROW)
        case "mixture_presence":
            there = rows / (rows + _HALF)
            pairs = np.triu(rng.normal(size=(rows.shape[1],) * 2), 1)
            values = _standard(there @ rng.normal(size=rows.shape[1]) + np.einsum("ni,ij,nj->n", there, pairs, there))
        case "mixture_noisy":
            values = smooth + 0.5 * rng.normal(size=len(rows))
        case _:
            assert_never(name)
    return pd.DataFrame(rows, columns=list(COMPONENTS)).assign(**{VALUE: values})


def _bumps(rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    centres = rng.dirichlet(np.ones(rows.shape[1]), size=_BUMPS)
    heights = rng.normal(size=_BUMPS)
    return np.asarray(sum(height * _bump(rows, centre, _WIDE) for height, centre in zip(heights, centres, strict=True)))


def _bump(rows: FloatArray, centre: FloatArray, width: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * np.square(rows - centre).sum(axis=1) / width**2))


def _standard(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / values.std())
