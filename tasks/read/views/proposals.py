"""Quality of the proposer's predictions, its last choices with their reasons, and the state of each system."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Evaluation, Record
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import best_places, best_so_far

MOST_POINTS = 2000
"""Points of a figure."""

EXPECTED_WITHIN = (0.683, 0.954)
"""Shares of a normal distribution within one and two standard deviations."""


class Predictions(Record):
    """Values as they were predicted when their candidates were proposed, and as they were computed.

    Attributes:
        numbers: Of the proposals.
        predicted: Means [``unit``].
        deviations: Standard deviations [``unit``].
        computed: Values [``unit``].
        unit: Of the objective.
        count: Number of evaluations that have both; the lists hold the last of them.
        within: Shares of the computed values within one and two standard deviations of their means; None: there are none.
        error: Root mean square of the differences [``unit``]; None: there are none.
    """

    numbers: tuple[int, ...]
    predicted: tuple[float, ...]
    deviations: tuple[float, ...]
    computed: tuple[float, ...]
    unit: str
    count: int
    within: tuple[float, float] | None
    error: float | None


class SystemLine(Record):
    """Results for a system.

    Attributes:
        system: Its name.
        label: The name that people know, such as ``Σ11 (113)``; the same where there is no other.
        best: Best value of the search [the objective's unit]; None: there is none.
        candidate: That has it.
        number: Of its proposal.
        evaluations: Of the search; results that were known already are none.
        results: All of them.
        failed: Those without a value.
        relaxed: Best value of its final relaxations; None: it had none.
        curve: Best value so far after each evaluation that improved it, as (evaluation of the system, value).
    """

    system: str
    label: str = ""
    best: float | None
    candidate: str | None
    number: int | None
    evaluations: int
    results: int
    failed: int
    relaxed: float | None = None
    curve: tuple[tuple[int, float], ...] = ()


def predictions_of(reading: Campaign, most: int = MOST_POINTS) -> Predictions:
    """Predicted and computed values of the search.

    Args:
        most: Number of points, the last ones.
    """
    arrays = reading.columns
    both = arrays.searched & ~arrays.predicted & ~np.isnan(arrays.means + arrays.mean_deviations + arrays.values)
    places = np.flatnonzero(both)
    differences, deviations = np.abs(arrays.values[places] - arrays.means[places]), arrays.mean_deviations[places]
    shown = places[max(0, len(places) - most) :]
    return Predictions(
        numbers=tuple(arrays.numbers[shown].tolist()),
        predicted=tuple(arrays.means[shown].tolist()),
        deviations=tuple(arrays.mean_deviations[shown].tolist()),
        computed=tuple(arrays.values[shown].tolist()),
        unit=reading.spec.objective.unit,
        count=len(places),
        within=(_within(differences, deviations, 1.0), _within(differences, deviations, 2.0)) if len(places) else None,
        error=float(np.sqrt(np.mean(differences**2))) if len(places) else None,
    )


def last_proposals(reading: Campaign, most: int = 10) -> tuple[Evaluation, ...]:
    """The last proposals of the search, the newest first."""
    arrays = reading.columns
    places = np.flatnonzero(arrays.searched)[: -most - 1 : -1]
    return tuple(reading.kept.numbered(arrays.numbers[places].tolist()))


def system_lines(reading: Campaign) -> list[SystemLine]:
    """The systems that have an evaluation, by name."""
    arrays = reading.columns
    count = len(arrays.system_names)
    codes = arrays.system_codes
    evaluations = np.bincount(codes[reading.counted], minlength=count).tolist()
    results = np.bincount(codes[arrays.counted], minlength=count).tolist()
    failed = np.bincount(codes[arrays.searched & arrays.failed], minlength=count).tolist()
    best = best_places(arrays, arrays.searched & reading.keeping, reading.sign)
    again = best_places(arrays, ~arrays.searched & reading.keeping, reading.sign)
    # By system, each in proposal order; small integers are sorted fastest.
    ordered = np.flatnonzero(arrays.counted)
    ordered = ordered[np.argsort(codes[ordered].astype(np.min_scalar_type(count)), kind="stable")]
    answers = np.where(reading.keeping[ordered], arrays.values[ordered], np.nan)
    of_system = np.split(answers, np.cumsum(results)[:-1])
    labels = reading.labels
    return [
        SystemLine(
            system=name,
            label=labels.get(name, name),
            best=float(arrays.values[best[code]]) if code in best else None,
            candidate=arrays.candidates[best[code]] if code in best else None,
            number=int(arrays.numbers[best[code]]) if code in best else None,
            evaluations=evaluations[code],
            results=results[code],
            failed=failed[code],
            relaxed=float(arrays.values[again[code]]) if code in again else None,
            curve=_curve(of_system[code], reading.sign),
        )
        for name, code in sorted((name, code) for code, name in enumerate(arrays.system_names))
        if results[code]
    ]


def _curve(values: FloatArray, sign: float) -> tuple[tuple[int, float], ...]:
    """Improvements of the best of a system; arguments as of :func:`best_so_far`."""
    best, improved = best_so_far(values, sign)
    return tuple((place + 1, float(best[place])) for place in np.flatnonzero(improved).tolist())


def _within(differences: FloatArray, deviations: FloatArray, times: float) -> float:
    return float(np.mean(differences <= times * deviations))
