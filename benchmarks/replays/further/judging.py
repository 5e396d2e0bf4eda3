"""What was said of the next evaluations against what happened, under factors learned on the other tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.replays.further.campaigns import FACTORS, QUANTILES
from tansaku.models.domain.outlook import SURE
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

ByTable = Mapping[str, Sequence[JsonDict]]
"""Campaigns of each table."""

_GAIN, _ANY = 0, 1
_SURE = 2 + QUANTILES.index(SURE)
_RESAMPLED = 2000
_GRID = np.geomspace(FACTORS[0], FACTORS[-1], 96)


def judged(tables: ByTable) -> JsonDict:
    """Constants learned on all tables, and how right statements are on each under those learned on the others.

    Args:
        tables: Campaigns of each table; tables of one family count as one and are left out together.
    """
    found = {}
    for name, campaigns in tables.items():
        others = {other: theirs for other, theirs in tables.items() if family(other) != family(name)}
        found[name] = standing(campaigns, *learned(others)) if others else None
    chance, gain = learned(tables)
    return {"chance_factor": chance, "gain_factor": gain, "tables": found}


def family(table: str) -> str:
    """Tables of one laboratory and chemistry have names that differ behind the first underscore."""
    return table if table == "crossed_barrel" else table.partition("_")[0]


def learned(tables: ByTable) -> tuple[float, float]:
    """Factors on a campaign's own scale, each table counting the same.

    Returns:
        For chances, so that statements of 90 % are right in 90 % on average; for expected gains, so that they are as often
        too large as too small, in the mean of the logarithm of said over happened.
    """

    rights = [[_right(campaigns, factor) for campaigns in tables.values()] for factor in _GRID]
    shares = [np.mean([right.mean() for right in by_table if len(right)] or [0.0]) for by_table in rights]
    ratios = [[_ratio(campaigns, factor) for campaigns in tables.values()] for factor in _GRID]
    logs = [np.mean(np.log([ratio for ratio in by_table if ratio] or [1e-9])) for by_table in ratios]
    return _first(np.array(shares) >= SURE), _first(np.array(logs) >= 0.0)


def _first(reached: npt.NDArray[np.bool_]) -> float:
    """The smallest factor that reaches a goal; the largest where none does."""
    return float(_GRID[np.argmax(reached)] if reached.any() else _GRID[-1])


def standing(campaigns: Sequence[JsonDict], chance: float, gain: float) -> JsonDict:
    """How right statements of a table's campaigns are.

    Args:
        campaigns: Of the table.
        chance: Factor for chances.
        gain: Factor for expected gains.
    """
    right = [_right([campaign], chance) for campaign in campaigns]
    counts = np.array([[one.sum(), len(one)] for one in right], dtype=np.float64)
    rng = np.random.default_rng(0)
    drawn = counts[rng.integers(0, len(counts), (_RESAMPLED, len(counts)))].sum(axis=1)
    shares = drawn[:, 0] / np.maximum(drawn[:, 1], 1.0)
    said, happened = _rare(campaigns, chance)
    return {
        "campaigns": len(campaigns),
        "chance_factor": chance,
        "gain_factor": gain,
        "statements": int(counts[:, 1].sum()),
        "right": float(counts[:, 0].sum() / max(counts[:, 1].sum(), 1.0)),
        "interval": np.quantile(shares, (0.025, 0.975)).tolist(),
        "rare": {"statements": len(said), "said": _mean(said), "happened": _mean(happened)},
        "gain_said_over_happened": _ratio(campaigns, gain),
    }


def _said(campaigns: Sequence[JsonDict], factor: float, column: int) -> FloatArray:
    """What was said under a factor, between those compared by the logarithm, shape ``(n_answers,)``."""
    logs = np.log(FACTORS)
    answers = [answer for campaign in campaigns for answer in campaign["answers"]]
    return np.array([np.interp(np.log(factor), logs, np.array(answer["said"])[:, column]) for answer in answers])


def _happened(campaigns: Sequence[JsonDict], key: str) -> FloatArray:
    return np.array([answer[key] for campaign in campaigns for answer in campaign["answers"]])


def _stated(campaigns: Sequence[JsonDict], factor: float) -> npt.NDArray[np.bool_]:
    """Whether a statement of 90 % was made: where any gain is likelier than a tenth, shape ``(n_answers,)``."""
    return _said(campaigns, factor, _ANY) > 1.0 - SURE


def _right(campaigns: Sequence[JsonDict], factor: float) -> FloatArray:
    """Whether each statement of 90 % was right: no system gained more than was said."""
    within = _happened(campaigns, "largest") <= _said(campaigns, factor, _SURE)
    return within[_stated(campaigns, factor)].astype(np.float64)


def _rare(campaigns: Sequence[JsonDict], factor: float) -> tuple[FloatArray, FloatArray]:
    """Chance of any gain and whether there was one, where it was said to be less than a tenth."""
    rare = ~_stated(campaigns, factor)
    return _said(campaigns, factor, _ANY)[rare], (_happened(campaigns, "largest") > 0.0)[rare].astype(np.float64)


def _ratio(campaigns: Sequence[JsonDict], factor: float) -> float:
    """Sum of all expected gains over that of what came; 0 where nothing came."""
    came = float(_happened(campaigns, "gained").sum())
    return float(_said(campaigns, factor, _GAIN).sum()) / came if came else 0.0


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None
