"""Registry of trainers: maps specs to the code of each type."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from tansaku.models.domain.specs.network_potential import (
    AdamSpec,
    AnnealedSpec,
    ConjugateGradientSpec,
    LbfgsSpec,
    LevenbergMarquardtSpec,
    PotentialTrainerSpec,
)
from tansaku.models.surrogates.potential.trainers.adam import adam
from tansaku.models.surrogates.potential.trainers.annealed import annealed
from tansaku.models.surrogates.potential.trainers.conjugate_gradient import conjugate_gradient
from tansaku.models.surrogates.potential.trainers.lbfgs import lbfgs
from tansaku.models.surrogates.potential.trainers.levenberg_marquardt import levenberg_marquardt

if TYPE_CHECKING:
    from tansaku.models.surrogates.potential.trainers.stage import Cycle


def open_cycle(spec: PotentialTrainerSpec) -> Cycle:
    """Returns the function that runs one cycle of a trainer."""
    match spec:
        case AnnealedSpec():
            return partial(annealed, spec)
        case AdamSpec():
            return partial(adam, spec)
        case ConjugateGradientSpec():
            return lambda problem, stage, _: conjugate_gradient(spec, problem, stage)
        case LbfgsSpec():
            return lambda problem, stage, _: lbfgs(spec, problem, stage)
        case LevenbergMarquardtSpec():
            return lambda problem, stage, _: levenberg_marquardt(spec, problem, stage)
        case _:
            assert_never(spec)
