"""Origin of values: computed by a calculator or predicted by a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress

import numpy as np

from tansaku.models.domain.evaluation_columns import origin_of, predicted
from tansaku.models.domain.outliers import implausible
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.views import BoolArray, Columns


def sources_told(spec: CampaignSpec, columns: Columns) -> str | None:
    """Describes the origin of a search's values for figures; None without values or for a table."""
    valued = columns.searched & ~np.isnan(columns.values)
    counts = Counter(
        (model is not None, source)
        for model in compress(columns.predicted_by, valued)
        if (source := origin_of(spec, model)) is not None
    )
    if not counts:
        return None
    parts = (
        f"{count} {'predicted' if by_model else 'computed'} by {source}" for (by_model, source), count in sorted(counts.items())
    )
    among = "" if columns.searched[valued].all() else " (search and final relaxations)"
    return f"values{among}: {', '.join(parts)}"


def value_of(evaluation: Evaluation) -> float | None:
    """An evaluation's value, None where it has none."""
    return evaluation.outcome.value if evaluation.outcome is not None else None


def best_of(evaluations: Sequence[Evaluation], sign: float) -> Evaluation | None:
    """The evaluation with the best value; the earliest of equals; None when none has a value.

    Computed values take precedence over predicted ones, which count only if nothing was computed.
    """
    valued = [
        (predicted(evaluation), sign * value, evaluation.proposal.number, evaluation)
        for evaluation in evaluations
        if (value := value_of(evaluation)) is not None
    ]
    return min(valued, key=lambda entry: entry[:3])[3] if valued else None


def outlying(columns: Columns) -> tuple[IntArray, IntArray]:
    """Places of the values of the search, and of those among them that lie far from all others.

    Of a candidate that was computed again the last value counts, as for the proposer.
    """
    valued = columns.searched & np.isfinite(columns.values)
    known, hashes = np.flatnonzero(valued), np.sort(columns.candidate_hashes[valued])
    if (hashes[1:] == hashes[:-1]).any():
        latest = dict(zip(compress(columns.candidates, valued), known.tolist(), strict=True))
        known = np.sort(np.fromiter(latest.values(), dtype=np.intp, count=len(latest)))
    return known, known[np.any(implausible(columns.values[known]), axis=0)]


def best_place(columns: Columns, chosen: BoolArray, sign: float) -> int | None:
    """Place of the best value among the chosen evaluations, by the rules of :func:`best_of`; None when none has a value."""
    valued = chosen & ~np.isnan(columns.values)
    computed = valued & ~columns.predicted
    places = np.flatnonzero(computed if computed.any() else valued)
    # In proposal order: of equal values the first is the earliest.
    return int(places[np.argmin(sign * columns.values[places])]) if len(places) else None


def best_places(arrays: Columns, chosen: BoolArray, sign: float) -> dict[int, int]:
    """Places of the best values of systems among the chosen evaluations by code of the system, by the rules of :func:`best_of`.

    Args:
        chosen: Of them, shape ``(n,)``.
        sign: 1 where low values are wanted, else -1.
    """
    valued, codes = chosen & ~np.isnan(arrays.values), arrays.system_codes
    known = np.zeros(len(arrays.system_names), dtype=np.bool_)
    known[codes[valued & ~arrays.predicted]] = True
    places = np.flatnonzero(valued & ~(arrays.predicted & known[codes]))
    best = np.full(len(arrays.system_names), np.inf)
    np.minimum.at(best, codes[places], sign * arrays.values[places])
    places = places[sign * arrays.values[places] == best[codes[places]]]
    found, first = np.unique(codes[places], return_index=True)
    return dict(zip(found.tolist(), places[first].tolist(), strict=True))


def best_so_far(values: FloatArray, sign: float) -> tuple[FloatArray, BoolArray]:
    """The best value after each of some evaluations, NaN before the first, and whether the evaluation improved it.

    Args:
        values: In their order, NaN where there is none, shape ``(n,)``.
        sign: 1 where low values are wanted, else -1.
    """
    best = sign * np.fmin.accumulate(sign * values) if len(values) else values
    return best, ~np.isnan(best) & ~(best == np.concatenate(([np.nan], best))[:-1])
