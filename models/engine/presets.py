"""Presets: kernel, transform, hyper-parameter rule, acquisition and initial design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tansaku.models.domain.outlook import NEEDED
from tansaku.models.domain.pool import EXPECTED, CandidatePool, FeatureGroup
from tansaku.models.domain.specs.kernel import ConstantMeanSpec, DistanceKernelSpec, KernelSpec, MeanSpec
from tansaku.models.domain.specs.objective import AcquisitionName
from tansaku.models.domain.specs.proposer import GPProposerSpec, Pending
from tansaku.models.engine.cross import MEMORY_LIMIT, surface_level
from tansaku.models.engine.device import Device
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.grammar import ARD_COLUMNS, compile_kernel, compile_mean
from tansaku.models.engine.initial import InitialName, is_one_hot
from tansaku.models.engine.kernels import (
    Constant,
    Kernel,
    Linear,
    Metric,
    Product,
    Profile,
    Reach,
    Same,
    Scale,
    Stationary,
    Sum,
)
from tansaku.models.engine.own import OwnAcquisition
from tansaku.models.engine.priors import NARROW, WEAK, Priors
from tansaku.models.engine.transforms import OutputTransform

KernelName = Literal["product", "per-system", "additive", "medium", "broad"]

# What surfaces share is smooth; what sets one apart is rougher, and so is the only landscape of a pool without surfaces.
_SHARED: Profile = "rbf"
_OWN: Profile = "matern32"
_ONLY: Profile = "matern52"
_OUTER: Profile = "matern52"
_PER_SYSTEM = Goal()


@dataclass(frozen=True)
class GPSettings:
    """Complete settings of a Gaussian-process proposer.

    Attributes:
        name: Written into proposals as their model.
        kernel: Which kernel is built from the pool's feature groups, or the kernel itself.
        rule: ``median``: lengthscales from the pool alone; ``map``: fitted to the observations; ``bayes``: an ensemble.
        transformed_gain: Whether gains count in the transform's unit (as published) rather than the objective's.
        acquisition: Acquisition function.
        cost_exponent: The acquisition is divided by cost to this power.
        exploration: Number of deviations in a confidence bound (``ucb`` and ``straddle`` only).
        nugget: Whether the learned noise is roughness of the objective itself, which can be exploited, not an error.
        initial: Which candidates of each system are computed first.
        initial_points: How many of each system.
        refit_growth: Hyper-parameters are fitted again when the observations have grown by this factor.
        mean: Effects added to the kernel.
        restarts: Further starts of each fit.
        members: Size of the ensemble (``bayes`` only).
        bayes_until: With more observations there is no ensemble (``bayes`` only).
        device: Where the pool's covariances are computed.
        memory_limit: Memory limit for them [bytes].
        goal: Which candidates are wanted.
        avoid_failures: Whether the acquisition is multiplied by a learned probability that the evaluation succeeds.
        floor: Evaluations that every system gets before the acquisition chooses among all.
        worst_first: Share of the proposals that belong to the system with the widest certificate.
        refit_each: Up to so many observations hyper-parameters are fitted again after each.
        spread_unclear: Whether every second proposal is the candidate farthest from all others while the model predicts known
            values hardly better than their mean does.
        also: Further kernels. The models of all are averaged (``map`` only).
        weights: Of these models. ``left_out``: how well each predicts known values from the others; ``equal``: the same.
        ranked: Whether numbers are compared by their ranks among the candidates too.
        priors: Of hyper-parameters.
        pending: What candidates whose values are awaited count as: ``believed``: measured at their mean; ``drawn``: gains are
            averaged over values drawn for them.
        own: A script's own acquisition function, in place of the acquisition; it is not divided by cost.
        expects: Whether what the pool's space expects is expected of the modelled quantity.
    """

    name: str
    kernel: KernelName | KernelSpec
    transform: OutputTransform
    rule: Literal["median", "map", "bayes"]
    transformed_gain: bool = False
    acquisition: AcquisitionName = "ei"
    cost_exponent: float = 1.0
    exploration: float = 2.0
    nugget: bool = False
    initial: InitialName = "random"
    initial_points: int = 1
    refit_growth: float = 4.0 / 3.0
    mean: tuple[MeanSpec, ...] = ()
    restarts: int = 0
    members: int = 8
    bayes_until: int = 100
    device: Device = "numpy"
    memory_limit: int = MEMORY_LIMIT
    goal: Goal = _PER_SYSTEM
    avoid_failures: bool = False
    floor: int = 0
    worst_first: float = 0.0
    refit_each: int = 0
    spread_unclear: bool = False
    also: tuple[KernelName, ...] = ()
    weights: Literal["left_out", "equal"] = "left_out"
    ranked: bool = False
    priors: Priors = WEAK
    pending: Pending = "believed"
    own: OwnAcquisition | None = None
    expects: bool = True


PRESETS = {
    "published": GPSettings(
        name="published",
        kernel="product",
        transform=OutputTransform(log=True, standardise="system"),
        rule="median",
        transformed_gain=True,
    ),
    "single-task": GPSettings(
        name="single-task",
        kernel="per-system",
        transform=OutputTransform(log=True, standardise="system"),
        rule="median",
        transformed_gain=True,
    ),
    "default": GPSettings(
        name="default",
        kernel="additive",
        transform=OutputTransform(log=False, standardise="global", compress=0.7),
        rule="map",
        refit_growth=1.2,
    ),
    "obo": GPSettings(
        name="obo",
        kernel=DistanceKernelSpec(type="rbf", combine="product"),
        transform=OutputTransform(log=False, standardise="global"),
        rule="map",
    ),
    "abo": GPSettings(
        name="abo",
        kernel=DistanceKernelSpec(type="rbf", combine="sum"),
        transform=OutputTransform(log=False, standardise="global"),
        rule="map",
    ),
}


_FEW = GPSettings(
    name="default",
    kernel="broad",
    transform=OutputTransform(log=False, standardise="global"),
    rule="map",
    acquisition="log_ei",
    cost_exponent=0.0,
    initial="spread",
    initial_points=3,
    refit_growth=1.2,
    mean=(ConstantMeanSpec(),),
    refit_each=100,
)

_AVERAGED = replace(_FEW, kernel="additive", also=("broad",), initial="representative")
_THREE = replace(_AVERAGED, also=("medium", "broad"), weights="equal", priors=NARROW)

ENGINES = {
    2: replace(_FEW, spread_unclear=True),
    3: _AVERAGED,
    4: _THREE,
    5: replace(_THREE, ranked=True),
}
"""The preset ``default`` by the number of the engine, where it is not that of :data:`PRESETS`: those for few evaluations."""

BROAD_COLUMNS = 32
"""Groups of more columns have one lengthscale in the kernels ``medium`` and ``broad``."""

FINDING: AcquisitionName = "expected_found"
"""Acquisition for the goal ``all_below`` unless the spec names another one."""


_AS_GIVEN = (
    "mean",
    "acquisition",
    "refit_growth",
    "restarts",
    "members",
    "bayes_until",
    "cost_exponent",
    "pending",
    "exploration",
    "initial",
    "initial_points",
    "floor",
    "worst_first",
)
"""Settings that are keys of the spec."""


def settings(spec: GPProposerSpec, goal: Goal = _PER_SYSTEM) -> GPSettings:
    """A preset with the spec's overrides, for a goal."""
    chosen = replace(ENGINES.get(spec.engine or 1, PRESETS[spec.preset]), goal=goal)
    if goal.kind == "all_below":
        chosen = replace(chosen, acquisition=FINDING)
    if goal.kind == "bottleneck":
        chosen = replace(chosen, acquisition="dominance")
    if goal.kind == "on_hull":
        chosen = replace(chosen, acquisition="hull_gain")
    if goal.kind == "hull":  # a system's first values may be its worst
        chosen = replace(chosen, floor=NEEDED)
    if spec.kernel is not None:
        chosen = replace(chosen, kernel=spec.kernel, also=(), ranked=False)
    if spec.transform is not None:
        transform = OutputTransform(spec.transform.log, spec.transform.standardise, spec.transform.compress)
        chosen = replace(chosen, transform=transform, transformed_gain=False)
    if spec.hyperparameters is not None:
        chosen = replace(chosen, rule=spec.hyperparameters, also=chosen.also if spec.hyperparameters == "map" else ())
    given = {key: getattr(spec, key) for key in _AS_GIVEN}
    return replace(chosen, **{key: value for key, value in given.items() if value is not None})


def of_one_model(settings: GPSettings) -> GPSettings:
    """Settings with the first kernel alone, without ranks and with weak priors, which learning from other searches needs."""
    return replace(settings, also=(), priors=WEAK, ranked=False)


_COUNTS = {1: "two", 2: "three"}


def described(settings: GPSettings) -> str:
    """Returns how settings choose, in words for `tansaku check`."""
    rule = {"median": "from the pool", "map": "fitted", "bayes": f"averaged over {settings.members} draws"}[settings.rule]
    refits = f" after each value up to {settings.refit_each}" if settings.refit_each and settings.rule != "median" else ""
    kernel = "long lengthscales" if settings.kernel == "broad" else "a kernel of its own"
    how = "equally" if settings.weights == "equal" else "by how well they predict"
    model = f"{_COUNTS[len(settings.also)]} models averaged {how}" if settings.also else kernel
    ranks = ", numbers also by rank" if settings.ranked else ""
    cost = "ignored" if settings.cost_exponent == 0.0 else "weighed"
    return f"{model}{ranks}, {rule}{refits}; cost is {cost}"


def model_kernel(settings: GPSettings, pool: CandidatePool) -> Kernel:
    """Kernel and mean of a proposer on a pool.

    Raises:
        ConfigurationError: The spec names a feature group that the pool lacks.
    """
    chosen = settings.kernel
    kernel = build_kernel(chosen, pool) if isinstance(chosen, str) else compile_kernel(chosen, pool)
    kernel = _by_rank(kernel, pool) if settings.ranked else kernel
    expected = (Linear(EXPECTED),) if settings.expects and pool.expectation is not None else ()
    effects = (*compile_mean(settings.mean, pool), *expected)
    return Sum((kernel, *effects)) if effects else kernel


def build_kernel(name: KernelName, pool: CandidatePool) -> Kernel:
    """Composes a kernel from the pool's feature groups.

    ``product`` is one RBF per feature group, multiplied. ``per-system`` is the same without coupling of systems. ``medium``
    and ``broad`` are a Matérn-5/2 per feature group, multiplied, with one lengthscale for each column and each category; they
    differ in how long these are expected to be.
    """
    correlations = tuple(
        Stationary(group, f"{group}.lengthscale", metric=_metric(pool, group)) for group in sorted(pool.groups)
    )
    if name == "product":
        return Scale("variance", Product(correlations))
    if name == "per-system":
        return Scale("variance", Product((Same("system"), *correlations)))
    return _additive(pool) if name == "additive" else _reaching(pool, name)


def _by_rank(kernel: Kernel, pool: CandidatePool) -> Kernel:
    """The kernel with ranks wherever the numbers of a column have a lengthscale of their own."""
    if isinstance(kernel, Sum):
        return Sum(tuple(_by_rank(term, pool) for term in kernel.terms))
    if isinstance(kernel, Product):
        return Product(tuple(_by_rank(factor, pool) for factor in kernel.factors))
    if isinstance(kernel, Scale):
        return replace(kernel, kernel=_by_rank(kernel.kernel, pool))
    if isinstance(kernel, Stationary) and kernel.ard and kernel.metric == "plain" and not is_one_hot(pool.groups[kernel.group]):
        return replace(kernel, metric="ranked")
    return kernel


def _metric(pool: CandidatePool, group: str) -> Metric:
    return "overlap" if pool.groups[group].categorical else "plain"


def _additive(pool: CandidatePool) -> Kernel:
    varying = [group for group in sorted(pool.groups) if len(np.unique(pool.groups[group].index)) > 1]
    inner = [group for group in varying if not surface_level(pool, group)]
    outer = [group for group in varying if group not in inner]

    several = len(pool.surfaces) > 1
    landscape = _SHARED if several else _ONLY
    terms: list[Kernel] = []
    if len(pool.systems) > 1:
        terms.append(Scale("system", Same("system")))
    if len(pool.surfaces) > len(pool.systems):
        terms.append(Scale("surface", Same("surface")))
    if outer:
        terms.append(Scale("smooth", Product(_outer(pool, outer, "smooth"))))
    if inner:
        terms.append(Scale("shared", Product(_inner(pool, inner, "shared", landscape))))
    if len(inner) > 1:
        # A product alone cannot express that a site's ion lowers the value whatever the other ions are.
        alone = _inner(pool, inner, "alone", landscape)
        terms += [Scale(f"alone.{group}.variance", item) for group, item in zip(inner, alone, strict=True)]
    if inner and outer:
        terms.append(
            Scale("interaction", Product(_inner(pool, inner, "interaction", landscape) + _outer(pool, outer, "interaction")))
        )
    if inner and several:
        terms.append(Scale("own", Product((Same("surface"), *_inner(pool, inner, "own", _OWN)))))
    return Sum(tuple(terms)) if terms else Constant()


def _reaching(pool: CandidatePool, reach: Reach) -> Kernel:
    varying = [group for group in sorted(pool.groups) if len(np.unique(pool.groups[group].index)) > 1]
    effects: list[Kernel] = [Scale("system", Same("system"))] if len(pool.systems) > 1 else []
    if varying:
        factors = tuple(_reaching_factor(group, pool.groups[group], reach) for group in varying)
        effects.append(Scale("variance", Product(factors)))
    return Sum(tuple(effects)) if effects else Constant()


def _reaching_factor(name: str, group: FeatureGroup, reach: Reach) -> Stationary:
    ard = not is_one_hot(group) and group.values.shape[1] <= BROAD_COLUMNS
    metric: Metric = "overlap" if group.categorical else "range" if group.mixed and not ard else "plain"
    return Stationary(name, f"{reach}.{name}", _ONLY, ard=ard, metric=metric, reach=reach)


def _inner(pool: CandidatePool, groups: list[str], part: str, profile: Profile) -> tuple[Stationary, ...]:
    return tuple(
        Stationary(group, f"{part}.{group}", profile, ard=not _wide(pool, group), metric=_scaled_metric(pool, group))
        for group in groups
    )


def _scaled_metric(pool: CandidatePool, group: str) -> Metric:
    """One lengthscale for many columns of different units would see only those with the largest numbers."""
    return "range" if _wide(pool, group) and pool.groups[group].mixed else _metric(pool, group)


def _outer(pool: CandidatePool, groups: list[str], part: str) -> tuple[Stationary, ...]:
    """Descriptors of structures; a wide one may be a histogram, whose narrow bins hide how near two peaks are.

    It is compared by its cumulative sums too, under a lengthscale of their own, so that the fit finds out which way counts.
    Sums of columns of different units mean nothing.
    """
    sums = tuple(
        Stationary(group, f"{part}.{group}.sums", _OUTER, metric="cumulative")
        for group in groups
        if _wide(pool, group) and not pool.groups[group].categorical and not pool.groups[group].mixed
    )
    return _inner(pool, groups, part, _OUTER) + sums


def _wide(pool: CandidatePool, group: str) -> bool:
    return int(pool.groups[group].values.shape[1]) > ARD_COLUMNS
