"""Disagreement of a trained committee on candidates that are not computed yet, and the proposers that use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.ports import Proposer


@dataclass(frozen=True)
class Disagreement:
    """A version's disagreement on a pool; it is the same whenever it is computed.

    Attributes:
        version: ``NAME@VERSION``.
        spread: Spread of the members' predictions, shape ``(n_candidates,)``; NaN where they cannot predict (an element unknown
            to the version), 0 where there is no structure to look at.
        mean: Predicted value [objective's unit], shape ``(n_candidates,)``; NaN where nothing can be said.
        deviation: Calibrated deviation of ``mean`` [objective's unit], same shape.
        places: Where candidates lie in the space of descriptors, in units of the median distance of two of them, shape
            ``(n_candidates, d)``.
        judging: Candidates of groups that no member is trained on, shape ``(n_candidates,)``.
        known: Candidates whose results the version could learn from, shape ``(n_known,)``.
    """

    version: str
    spread: FloatArray
    mean: FloatArray
    deviation: FloatArray
    places: FloatArray
    judging: npt.NDArray[np.bool_]
    known: IntArray


@runtime_checkable
class CommitteeProposer(Protocol):
    """A proposer that uses the disagreement of the campaign's retrained surrogate. It stays a function of its arguments.

    ``informed`` returns another proposer, and the one that knows nothing makes the proposals before the first version.
    """

    def informed(self, known: Disagreement) -> Proposer:
        """The proposer that uses a version."""
        ...
