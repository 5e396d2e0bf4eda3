"""Single values far from all others: an error of 10⁶ deviations would leave a model nothing of the other values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.ports import History

_FAR = 100.0
_LEAST = 6
_APART = 10
_FEW = 20


def implausible(values: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Says which values lie so far from most others that something is likely to be wrong with them.

    They are farther from the range of most values, without the lowest and the highest tenth, than a hundred times that range,
    and than their size. They are one, or a twentieth of all at most: more of them are no errors; the landscape is like that.

    Args:
        values: Finite, shape ``(n,)``.

    Returns:
        Whether each is too low, and whether it is too high, shape ``(n,)`` each; none of fewer than six.
    """
    none: BoolArray = np.zeros(len(values), dtype=np.bool_)
    if len(values) < _LEAST:
        return none, none
    ordered = np.sort(values)
    apart, few = max(1, len(values) // _APART), max(1, len(values) // _FEW)
    low, high = ordered[apart], ordered[-1 - apart]
    far = max(_FAR * (high - low), abs(low), abs(high))
    below, above = values < low - far, values > high + far
    return (below if below.sum() <= few else none), (above if above.sum() <= few else none)


def check_magnitudes(history: History) -> None:
    """Refuses numbers that no model can compute with.

    Raises:
        StoreError: A stored value is beyond the limit of all values.
    """
    parts = (history.values, history.others, history.deviations, history.noise)
    largest = max(float(np.abs(part).max(initial=0.0)) for part in parts)
    if not largest <= LARGEST:
        raise StoreError(
            f"a stored result has a number of size {largest:g}; expected at most {LARGEST:g}",
            hint="`tansaku resume NAME` makes its evaluation a failed one",
        )


def trusted(history: History) -> History:
    """The history without outliers, of which one would leave a model nothing of the other values.

    A value that is implausibly good (:func:`implausible`) is withheld: its candidate counts
    as one that has failed. One that is implausibly bad counts like the worst of the others.
    """
    columns = [history.values, *history.others.T]
    found = [implausible(values) for values in columns]
    if not np.any(found):
        return history
    kept = [np.where(bad, values[~bad].max(), values) for values, (_, bad) in zip(columns, found, strict=True)]
    good = np.any([too_low for too_low, _ in found], axis=0)
    rest = ~good
    parts = {name: getattr(history, name) for name in ("deviations", "noise", "repeats")}
    return replace(
        history,
        observed=history.observed[rest],
        values=kept[0][rest],
        others=np.column_stack(kept[1:])[rest] if kept[1:] else np.empty((int(rest.sum()), 0)),
        failed=np.concatenate([history.failed, history.observed[good]]),
        **{name: part[rest] if len(part) else part for name, part in parts.items()},
    )
