"""Predicted against actual gains of the next evaluations, under factors learned on the other tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.replays.further.campaigns import FACTORS
from tansaku.models.domain.outlook import CHANCE_SCALE, GAIN_SCALE, SURE
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict

_GAIN, _ANY, _MOST = range(3)
_RESAMPLED = 2000
_GRID = np.geomspace(FACTORS[0], FACTORS[-1], 96)


@dataclass(frozen=True)
class Answers:
    """The answers of a table's campaigns.

    Attributes:
        campaign: Number of the campaign of each, shape ``(n,)``.
        said: Expected gain, chance of any, and what no system exceeds with 90 %, under each factor, ``(n, n_factors, 3)``.
        gained: What all systems gained together, shape ``(n,)``.
        largest: What the system that gained most gained, shape ``(n,)``.
    """

    campaign: IntArray
    said: FloatArray
    gained: FloatArray
    largest: FloatArray

    @classmethod
    def of(cls, campaigns: Sequence[JsonDict]) -> Answers:
        """The answers of campaigns."""
        pairs = [(number, answer) for number, campaign in enumerate(campaigns) for answer in campaign["answers"]]
        return cls(
            campaign=np.array([number for number, _ in pairs], dtype=np.intp),
            said=np.array([answer["said"] for _, answer in pairs]),
            gained=np.array([answer["gained"] for _, answer in pairs]),
            largest=np.array([answer["largest"] for _, answer in pairs]),
        )

    def at(self, factor: float, column: int) -> FloatArray:
        """Returns what was said under a factor, between those compared by its logarithm, shape ``(n,)``."""
        place = float(np.interp(np.log(factor), np.log(FACTORS), np.arange(len(FACTORS))))
        low = min(int(place), len(FACTORS) - 2)
        part = place - low
        return np.asarray((1.0 - part) * self.said[:, low, column] + part * self.said[:, low + 1, column])

    def stated(self, factor: float) -> npt.NDArray[np.bool_]:
        """Whether an amount was stated: where any gain was likelier than a tenth; else that there is none, shape ``(n,)``."""
        return self.at(factor, _ANY) > 1.0 - SURE

    def right(self, factor: float) -> npt.NDArray[np.bool_]:
        """Whether no system gained more than was said, or any where nothing was, shape ``(n,)``."""
        return self.largest <= np.where(self.stated(factor), self.at(factor, _MOST), 0.0)

    def ratio(self, factor: float) -> float:
        """Sum of all expected gains over that of what came; 0 where nothing came."""
        came = float(self.gained.sum())
        return float(self.at(factor, _GAIN).sum()) / came if came else 0.0


def judged(campaigns: Mapping[str, Sequence[JsonDict]]) -> JsonDict:
    """Constants learned on all tables, and how right statements are on each under those learned on the others.

    Args:
        campaigns: Of each table; tables of one family are left out together.
    """
    tables = {name: Answers.of(made) for name, made in campaigns.items()}
    found = {}
    for name, mine in tables.items():
        others = [theirs for other, theirs in tables.items() if family(other) != family(name)]
        found[name] = standing(mine, *learned(others))
    chance, gain = learned(list(tables.values()))
    return {"chance_factor": chance, "gain_factor": gain, "tables": found}


def as_stated(campaigns: Mapping[str, Sequence[JsonDict]]) -> JsonDict:
    """Returns how right statements are as a campaign makes them, on each table."""
    return {"tables": {name: standing(Answers.of(made), CHANCE_SCALE, GAIN_SCALE) for name, made in campaigns.items()}}


def family(table: str) -> str:
    """Tables of one laboratory and chemistry have names that differ behind the first underscore."""
    return table if table == "crossed_barrel" else table.partition("_")[0]


def learned(tables: Sequence[Answers]) -> tuple[float, float]:
    """Factors on a campaign's own scale, each table counting the same.

    Returns:
        For chances, so that stated amounts are not exceeded in 90 % on average; for expected gains, so that they are as often
        too large as too small, in the mean of the logarithm of said over happened.
    """
    shares, logs = [], []
    for factor in _GRID.tolist():
        stated = [(answers, answers.stated(factor)) for answers in tables]
        shares.append(np.mean([answers.right(factor)[made].mean() for answers, made in stated if made.any()] or [0.0]))
        ratios = [ratio for answers in tables if (ratio := answers.ratio(factor))]
        logs.append(np.mean(np.log(ratios)) if ratios else -1.0)
    return _first(np.array(shares) >= SURE), _first(np.array(logs) >= 0.0)


def _first(reached: npt.NDArray[np.bool_]) -> float:
    """The smallest factor that reaches a goal; the largest where none does."""
    return float(_GRID[np.argmax(reached)] if reached.any() else _GRID[-1])


def standing(answers: Answers, chance: float, gain: float) -> JsonDict:
    """Returns how right statements of a table's campaigns are; the interval is of campaigns drawn again.

    Args:
        answers: Of the table.
        chance: Factor for chances.
        gain: Factor for expected gains.
    """
    stated, right = answers.stated(chance), answers.right(chance)
    n_campaigns = int(answers.campaign.max()) + 1
    made = np.bincount(answers.campaign, minlength=n_campaigns)
    were = np.bincount(answers.campaign[right], minlength=n_campaigns)
    return {
        "campaigns": n_campaigns,
        "chance_factor": chance,
        "gain_factor": gain,
        "statements": len(right),
        "right": float(right.mean()),
        "interval": interval(were, made),
        "of_an_amount": {"statements": int(stated.sum()), "right": float(right[stated].mean()) if stated.any() else None},
        "gain_said_over_happened": answers.ratio(gain),
    }


def interval(were: IntArray, made: IntArray) -> list[float]:
    """95 % interval of the share of statements that were right, of campaigns drawn again.

    Args:
        were: Right statements of each campaign, shape ``(n,)``.
        made: All of its statements, shape ``(n,)``.
    """
    drawn = np.random.default_rng(0).integers(0, len(made), (_RESAMPLED, len(made)))
    shares = were[drawn].sum(axis=1) / np.maximum(made[drawn].sum(axis=1), 1)
    return [float(end) for end in np.quantile(shares, (0.025, 0.975))]
