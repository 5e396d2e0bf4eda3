"""A script's own acquisition function: what it is given, and what its scores must be."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import AcquisitionFunctionSpec

if TYPE_CHECKING:
    from tansaku.models.engine.gain import Moments

_KEY = "proposer.function"


@dataclass(frozen=True)
class Observations:
    """The known values, as they were reported.

    Attributes:
        positions: Candidates with a value, by their places in the pool, shape ``(n,)``.
        values: Theirs [the objective's unit], shape ``(n,)``.
        failed: Candidates without a value.
        pending: Candidates whose values are awaited; the posterior takes them as measured at their mean.
        maximize: Whether high values are wanted.
    """

    positions: IntArray
    values: FloatArray
    failed: IntArray
    pending: IntArray
    maximize: bool

    @property
    def best(self) -> float:
        """The best value."""
        return float(self.values.max() if self.maximize else self.values.min())


@dataclass(frozen=True)
class Posterior:
    """A model's prediction of each candidate of the pool.

    Attributes:
        mean: [the objective's unit], shape ``(n_candidates,)``.
        deviation: Standard deviation, same unit and shape.
    """

    mean: FloatArray
    deviation: FloatArray


AcquisitionFunction = Callable[[CandidatePool, Observations, Posterior, np.random.Generator], npt.ArrayLike]
"""Scores all candidates of the pool, shape ``(n_candidates,)``: the highest is proposed, and never one with minus infinity."""


@dataclass(frozen=True)
class OwnAcquisition:
    """An acquisition function of a script.

    Attributes:
        spec: Its text.
        maximize: Whether high values are wanted.
    """

    spec: AcquisitionFunctionSpec
    maximize: bool

    def scores(
        self,
        pool: CandidatePool,
        history: History,
        prediction: Moments,
        allowed: BoolArray,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, bool]:
        """Scores of all candidates by one model, and that they are no logarithms.

        Args:
            history: With at least one observation.
            allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
            rng: Passed to the function.

        Raises:
            ConfigurationError: The function fails, or its scores are not one number for each candidate.
        """
        sign = -1.0 if self.maximize else 1.0
        rows = zip(prediction.mean.tolist(), prediction.deviation.tolist(), pool.system_codes.tolist(), strict=True)
        mean, deviation = np.array([prediction.state.moments(*row) for row in rows]).T
        known = Observations(history.observed, sign * history.values, history.failed, history.pending, self.maximize)
        function = defined(self.spec)
        try:
            found = function(pool, known, Posterior(sign * mean, deviation), rng)
        except (Exception, SystemExit) as error:
            raise ConfigurationError(f"{_KEY}: {self.spec.name} raised {type(error).__name__}: {error}") from error
        return self._checked(found, pool, allowed), False

    def _checked(self, found: npt.ArrayLike, pool: CandidatePool, allowed: BoolArray) -> FloatArray:
        said = f"{_KEY}: {self.spec.name} returned"
        try:
            if np.iscomplexobj(found):
                raise TypeError
            scores = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{said} a {type(found).__name__}; expected an array of numbers") from error
        if scores.shape != (len(pool),):
            raise ConfigurationError(f"{said} the shape {scores.shape}; expected {(len(pool),)}, a score for each candidate")
        wrong = np.flatnonzero(allowed & (np.isnan(scores) | (scores == np.inf)))
        if len(wrong):
            raise ConfigurationError(
                f"{said} {scores[wrong[0]]} for {pool.ids[wrong[0]]} ({len(wrong)} of {len(pool)} candidates); expected numbers"
            )
        if not np.isfinite(scores[allowed]).any():
            raise ConfigurationError(f"{said} -inf for all candidates; expected a number for one that may be proposed")
        return scores


@cache
def defined(spec: AcquisitionFunctionSpec) -> AcquisitionFunction:
    """The function that a text defines; the text is run. Raises ConfigurationError where it cannot be."""
    module = types.ModuleType(f"tansaku_acquisition_{spec.source_sha256[:16]}")
    sys.modules[module.__name__] = module  # data classes of the text look themselves up there
    try:
        exec(compile(spec.source, f"<{spec.module}>", "exec"), vars(module))  # noqa: S102 - the user's own function
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{_KEY}: {spec.name} cannot be run: {type(error).__name__}: {error}") from error
    function: AcquisitionFunction | None = vars(module).get(spec.name)
    if not callable(function):
        raise ConfigurationError(f"{_KEY}: its source defines no function {spec.name!r}")
    return function
