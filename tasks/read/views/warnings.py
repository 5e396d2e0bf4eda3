"""Warnings about the results of a campaign, in words; among them values that are likely to be wrong."""

from __future__ import annotations

import shlex

import numpy as np

from tansaku.models.domain.digits import significant
from tansaku.models.domain.outliers import implausible
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.domain.views import Columns
from tansaku.tasks.read.views.overview import crystal_warnings
from tansaku.tasks.read.views.stored_campaign import StoredCampaign

_MOST = 5


def warnings_of(campaign: StoredCampaign) -> tuple[str, ...]:
    """Returns the warnings about a campaign, each once."""
    spec = campaign.spec
    every = (*crystal_warnings(spec), *campaign.warnings, *suspicious_values(campaign.arrays, spec))
    return tuple(dict.fromkeys(every))


def suspicious_values(arrays: Columns, spec: CampaignSpec) -> list[str]:
    """Describes the values of the search that lie far from all others, the last of them, with what to do.

    Args:
        arrays: All evaluations.
        spec: Of the campaign.
    """
    # Of a candidate that was computed again the last value counts, as for the proposer.
    latest = {
        arrays.candidates[place]: place for place in np.flatnonzero(arrays.searched & np.isfinite(arrays.values)).tolist()
    }
    known = np.array(sorted(latest.values()), dtype=np.intp)
    values = arrays.values[known]
    places = known[np.any(implausible(values), axis=0)].tolist()
    middle, lines = float(np.median(values)) if len(values) else 0.0, []
    for place in places[-_MOST:]:
        value, mean, deviation = (float(array[place]) for array in (arrays.values, arrays.means, arrays.mean_deviations))
        if deviation > 0.0:
            off = f"{abs(value - mean) / deviation:.3g} deviations from its prediction"
        else:
            off = f"far from the other values, of which the median is {significant(middle)}"
        again = f"tansaku tell {spec.name}` corrects it" if spec.manual else _rerun(spec.name, arrays.candidates[place])
        unseen = "; the proposer does not use it" if withholds(spec.proposer) else ""
        lines.append(f"{arrays.candidates[place]}: {significant(value)} {spec.objective.unit} is {off}{unseen}; `{again}")
    left = len(places) - len(lines)
    return [*lines, f"and {left} other values that are far from all others"] if left else lines


def _rerun(name: str, candidate: str) -> str:
    return f"tansaku rerun {name} {shlex.quote(candidate)}` computes it again"
