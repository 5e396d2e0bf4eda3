"""Builds the kernel of a pool from the kernel and mean of a campaign file.

Parameters are named by their place in the file (``1.translation.lengthscale`` belongs to the second term), so that the same
file gives the same names on every pool.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import assert_never

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.specs.kernel import (
    CategoricalKernelSpec,
    Combine,
    ConstantKernelSpec,
    ConstantMeanSpec,
    DistanceKernelSpec,
    EachMeanSpec,
    Groups,
    KernelSpec,
    LinearKernelSpec,
    LinearMeanSpec,
    MeanSpec,
    PeriodicKernelSpec,
    ProductKernelSpec,
    SameKernelSpec,
    ScaleKernelSpec,
    SmoothMeanSpec,
    SumKernelSpec,
    TaskKernelSpec,
)
from tansaku.models.domain.wording import did_you_mean
from tansaku.models.engine.kernels import (
    Constant,
    Kernel,
    Linear,
    Metric,
    Product,
    Same,
    Scale,
    Stationary,
    Sum,
    Task,
    expand,
    factor_count,
)

ARD_COLUMNS = 8
"""Groups of more columns get one lengthscale unless the file says otherwise."""

MOST_TERMS = 64
"""Largest number of products to which a kernel may expand."""

MOST_TASKS = 500
"""Largest number of members with learned correlations."""

_LEVELS = ("system", "surface")


def compile_kernel(spec: KernelSpec, pool: CandidatePool) -> Kernel:
    """Builds the kernel a campaign file describes.

    Args:
        spec: The file's ``proposer.kernel``.
        pool: Whose feature groups it names.

    Raises:
        ConfigurationError: A group that the pool lacks, periods that do not fit its columns, or too many terms.
    """
    kernel = _with_variance(_compile(spec, pool, "proposer.kernel", ""), "variance")
    count = len(expand(kernel))
    if count > MOST_TERMS:
        raise ConfigurationError(f"proposer.kernel: expands to {count} products; expected at most {MOST_TERMS}")
    return kernel


def compile_mean(specs: Sequence[MeanSpec], pool: CandidatePool) -> tuple[Kernel, ...]:
    """Builds the mean a campaign file describes, as kernels: its effects are learned together with the rest.

    Args:
        specs: The file's ``proposer.mean``.
        pool: Whose feature groups it names.

    Raises:
        ConfigurationError: A group that the pool lacks.
    """
    terms: list[Kernel] = []
    for i, spec in enumerate(specs):
        where, name = f"proposer.mean[{i}]", f"mean.{i}."
        part: KernelSpec
        match spec:
            case ConstantMeanSpec():
                part = ConstantKernelSpec()
            case EachMeanSpec():
                part = SameKernelSpec(of=spec.of)
            case LinearMeanSpec():
                part = LinearKernelSpec(over=spec.over)
            case SmoothMeanSpec():
                part = DistanceKernelSpec(type="matern52", over=spec.over, combine="sum")
            case _:
                assert_never(spec)
        terms.append(_with_variance(_compile(part, pool, where, name), f"{name}variance"))
    return tuple(terms)


def chosen_groups(over: Groups, pool: CandidatePool, where: str) -> tuple[str, ...]:
    """Names of the pool's feature groups that a pattern, or any of several, names.

    Args:
        over: Names; ``*`` matches anything.
        where: Key shown in errors.

    Raises:
        ConfigurationError: A name or pattern that fits no group; lists those there are.
    """
    chosen: list[str] = []
    for pattern in (over,) if isinstance(over, str) else over:
        written = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
        found = [name for name in sorted(pool.groups) if written.fullmatch(name)]
        if not found:
            raise _unknown(where, pattern, sorted(pool.groups))
        chosen += [name for name in found if name not in chosen]
    return tuple(chosen)


def _unknown(where: str, given: str, known: Sequence[str]) -> ConfigurationError:
    listed = ", ".join(known) or "none"
    return ConfigurationError(
        f"{where}: {given!r} is not a feature group of the space; it has {listed}{did_you_mean(given, known)}"
    )


def _compile(spec: KernelSpec, pool: CandidatePool, where: str, name: str) -> Kernel:
    match spec:
        case DistanceKernelSpec() | PeriodicKernelSpec() | CategoricalKernelSpec():
            return _over_groups(
                chosen_groups(spec.over, pool, f"{where}.over"),
                lambda group: _stationary(spec, group, pool, where, name),
                spec.combine,
                name,
            )
        case LinearKernelSpec():
            return _over_groups(chosen_groups(spec.over, pool, f"{where}.over"), Linear, "sum", name)
        case SameKernelSpec():
            return Same(_level(spec.of, pool, f"{where}.of"))
        case TaskKernelSpec():
            return _task(spec, pool, f"{where}.of", name)
        case ConstantKernelSpec():
            return Constant()
        case ScaleKernelSpec():
            return Scale(f"{name}scale", _compile(spec.kernel, pool, f"{where}.kernel", name))
        case SumKernelSpec():
            terms = (_compile(term, pool, f"{where}.terms[{i}]", f"{name}{i}.") for i, term in enumerate(spec.terms))
            return Sum(tuple(_with_variance(term, f"{name}{i}.variance") for i, term in enumerate(terms)))
        case ProductKernelSpec():
            return Product(
                tuple(_compile(factor, pool, f"{where}.factors[{i}]", f"{name}{i}.") for i, factor in enumerate(spec.factors))
            )
        case _:
            assert_never(spec)


def _with_variance(kernel: Kernel, name: str) -> Kernel:
    """The kernel, with a variance unless every part of it has one."""
    return kernel if all(term.variances for term in expand(kernel)) else Scale(name, kernel)


def _over_groups(groups: Sequence[str], build: Callable[[str], Kernel], combine: Combine, name: str) -> Kernel:
    if len(groups) == 1:
        return build(groups[0])
    if combine == "product":
        return Product(tuple(build(group) for group in groups))
    return Sum(tuple(Scale(f"{name}{group}.variance", build(group)) for group in groups))


def _stationary(
    spec: DistanceKernelSpec | PeriodicKernelSpec | CategoricalKernelSpec,
    group: str,
    pool: CandidatePool,
    where: str,
    name: str,
) -> Stationary:
    width = pool.groups[group].values.shape[1]
    ard = width <= ARD_COLUMNS if spec.ard is None else spec.ard
    lengthscale = f"{name}{group}.lengthscale"
    match spec:
        case DistanceKernelSpec() if pool.groups[group].categorical:
            return Stationary(group, lengthscale, spec.type, ard, "overlap", long=spec.long)
        case DistanceKernelSpec():
            metric: Metric = "range" if spec.normalise and not ard else "plain"
            return Stationary(group, lengthscale, spec.type, ard, metric, long=spec.long)
        case CategoricalKernelSpec():
            return Stationary(group, lengthscale, "rbf", ard, "overlap")
        case PeriodicKernelSpec():
            period = spec.period if isinstance(spec.period, tuple) else (spec.period,)
            if len(period) not in (1, width):
                raise ConfigurationError(
                    f"{where}.period: {len(period)} periods, expected one or {width}, the number of columns of group {group!r}"
                )
            return Stationary(group, lengthscale, "rbf", ard, "periodic", period)


def _level(of: str, pool: CandidatePool, where: str) -> str:
    if of not in _LEVELS and of not in pool.groups:
        raise _unknown(where, of, [*_LEVELS, *sorted(pool.groups)])
    return of


def _task(spec: TaskKernelSpec, pool: CandidatePool, where: str, name: str) -> Task:
    task = Task(_level(spec.of, pool, where), f"{name}{spec.of}.task", spec.rank)
    count = factor_count(task, pool)
    if count > MOST_TASKS:
        raise ConfigurationError(
            f"{where}: {spec.of!r} has {count:,} members, at most {MOST_TASKS} are expected for learned correlations",
            hint="a distance kernel over a descriptor couples any number of them",
        )
    return task
