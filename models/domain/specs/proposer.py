"""Proposer specs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, KindSpec, NonNegativeFloat, PositiveFloat, Sha256, Spec
from tansaku.models.domain.specs.kernel import KernelSpec, MeanSpec
from tansaku.models.domain.specs.objective import BY_SYSTEM, AcquisitionName

_ONE_LEVEL = (*BY_SYSTEM, "best_overall", "top_k", "all_below")
"""Goals of one quantity that a candidate serves by its own value."""


class ProposerBase(KindSpec):
    """Base class of the specs of proposers; ``opener`` is called with spec, objective and constraints."""

    on_device: ClassVar[bool] = False
    """Whether it computes on the site's device; then its opener is also called with that."""

    models_values: ClassVar[bool] = False
    """Whether it has a model of the values that estimates what remains and can learn from failures and other searches."""

    buys_looks: ClassVar[bool] = False
    """Whether it chooses between the levels of a campaign."""

    starts_at_random: ClassVar[bool] = False
    """Whether the first candidate of each surface is a random one, and all later ones follow from values."""

    keeps_limits: ClassVar[bool] = True
    """Whether it may search where further quantities have limits: it learns them, or it has no model of values either."""

    asks_committee: ClassVar[bool] = False
    """Whether it asks the networks of the campaign's retrained potential."""

    def check_goal(self, _goal: str, _acquisitions: Sequence[str]) -> None:
        """Checks that it supports a goal.

        Args:
            _goal: The type of the goal.
            _acquisitions: What serves it.

        Raises:
            ValueError: It does not.
        """

    def weighs_prices(self) -> bool:
        """Whether it weighs prices of numbers that are missing."""
        return False

    @property
    def listed(self) -> tuple[str, ...]:
        """Candidates that it names, in their order."""
        return ()

    @property
    def looks_at_all(self) -> bool:
        """Whether it looks at every candidate first."""
        return False

    @property
    def fits_pool(self) -> bool:
        """Whether a key of it can ask for what the pool does not have."""
        return False


class RandomProposerSpec(ProposerBase):
    """Uniform over the candidates not yet proposed.

    Attributes:
        by_system: Take the systems in turn, and draw uniformly from the candidates of the system.
    """

    opener: ClassVar[str] = "tansaku.models.engine.simple:open_random"
    type: Literal["random"] = "random"
    by_system: bool = False


class GridProposerSpec(ProposerBase):
    """Every candidate, in order of id."""

    opener: ClassVar[str] = "tansaku.models.engine.simple:open_grid"
    type: Literal["grid"] = "grid"


class ListedProposerSpec(ProposerBase):
    """Candidates that the file names, in its order, and no others.

    Attributes:
        candidates: Their ids.
    """

    opener: ClassVar[str] = "tansaku.models.engine.simple:open_listed"
    type: Literal["listed"] = "listed"
    candidates: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT], ...], Field(min_length=1)]

    @property
    def listed(self) -> tuple[str, ...]:
        """The candidates."""
        return self.candidates

    @model_validator(mode="after")
    def _once_each(self) -> ListedProposerSpec:
        seen: set[str] = set()
        for candidate in self.candidates:
            if candidate in seen:
                raise ValueError(f"candidates: {candidate!r} is listed twice")
            seen.add(candidate)
        return self


class TransformSpec(Spec):
    """Transform of the objective before it is modelled.

    Attributes:
        log: Model its logarithm. While a value is not positive, log(value − floor) with the floor 5 % of the observed range
            below the lowest value.
        standardise: ``global``: subtract the mean and divide by the deviation of all observations; ``system``: subtract each
            system's own mean (the mean of all for a system without data) and divide by one deviation of all.
        compress: Share of the observations above which values grow by their logarithm only; 1 leaves all as they are.
    """

    log: bool = False
    standardise: Literal["none", "global", "system"] = "global"
    compress: Annotated[float, Field(gt=0, le=1)] = 1.0


Outliers = Literal["withheld", "used"]
"""Treatment of implausible values: see :func:`~tansaku.models.domain.outliers.trusted`."""


Pending = Literal["believed", "drawn"]
"""Treatment of candidates whose values are awaited."""


class AcquisitionFunctionSpec(Spec):
    """A Python function of a script that scores the candidates; ``tansaku.Campaign`` writes it, the dashboard refuses it.

    Attributes:
        module: Where the script defined it.
        name: Its name.
        source: Its text, with what it uses.
        source_sha256: Content hash of the text.
    """

    module: Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT]
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
    source: Annotated[str, Field(min_length=1, max_length=50_000)]
    source_sha256: Sha256


class GPProposerSpec(ProposerBase):
    """Gaussian process over the pool; the preset chooses everything, each further key overrides one choice of it.

    Attributes:
        engine: What the preset ``default`` is. ``5`` is made for few evaluations: the equal average of three models, the
            additive kernel of ``1`` and two products of Matérn-5/2 kernels whose lengthscales are expected to be of the size
            of the range or longer, with some noise expected; numbers are compared by value and by rank among the candidates;
            fitted again after each value up to 100; the logarithm of expected improvement, without compression of values and
            division by cost; three representative initial candidates. ``4`` is an earlier one: without ranks. ``3`` is the one
            before: also without the second model and with weaker priors, each model weighed by how well it predicts each known
            value from the others. ``2`` is the first one: the third model alone, three initial candidates far from each other,
            and, while the model explains less than a fifth of the variance of values that it was not given, as every second
            candidate the one farthest from all others. ``1`` is the additive kernel of boundaries. null: 1.
        preset: ``default``: the best preset of our benchmarks; ``published``: cost-sensitive multi-task search as in
            https://doi.org/10.1103/PhysRevMaterials.2.113802; ``single-task``: the same without coupling of systems; ``obo``:
            one kernel on all features together; ``abo``: a sum of kernels, one for each feature group.
        kernel: Replaces the preset's kernel.
        mean: Mean function, whose effects are added to the kernel (the preset's or your own) and learned with it.
        acquisition: Expected improvement, its logarithm, probability of improvement, confidence bound, or a posterior sample.
            For the goal ``all_below``: expected number found with the remaining budget, straddle (uncertain and near
            the threshold), or probability of lying below it. For the goal ``pareto`` (needs the extra ``torch``):
            ``ehvi``, the expected growth of the volume that the front dominates, with measured values taken for true ones;
            ``log_nehvi``, its logarithm, averaged over true values; null: ``ehvi``.
        function: A script's own acquisition function, in place of ``acquisition``; it is not divided by cost.
        transform: Output transform.
        hyperparameters: ``median``: from the pool alone, never refitted; ``map``: the most probable ones, fitted to the
            observations; ``bayes``: several, drawn from all that the observations allow, the acquisition averaged over them.
        refit_growth: Not with ``median``: fit again when the observations have grown by this factor.
        restarts: Not with ``median``: further starts of each fit, the last fit's end being the first; null: none.
        members: With ``bayes``: how many are drawn; null: 8.
        bayes_until: With ``bayes``: most observations; with more the most probable ones serve, as with ``map``; null: 100.
        cost_exponent: The acquisition is divided by cost to this power; 0 ignores cost.
        exploration: ``ucb`` and ``straddle`` only: deviations added to the prediction.
        initial: Initial design of each system: ``random`` candidates, random ones among its ``cheapest``, or, of an energy
            surface, the points of highest site symmetry (``symmetric``) or random ones among the quarter of them that are
            farthest from atoms, in units of the sum of the covalent radii (``roomy``); ``spread``: one at random, then each the
            farthest from all before it, in units of the columns' ranges, for goals about all systems regardless of these;
            ``representative``: the same, but each the one that brings all candidates nearest to one of the design, on average.
        initial_points: Number of initial candidates of each system, at most as many as the smallest system has; null: one, and
            three with the engines 2 to 5. A ``spread`` or ``representative`` design has at most as many as there are
            candidates.
        floor: Evaluations that every system gets, initial and failed ones included, before the acquisition chooses among all
            systems; null: five for the goal ``hull``, else no more than the initial ones. For the goals ``best_per_system`` and
            ``hull``.
        worst_first: Share of the later proposals that belong to the system that may still improve most, by the certificate
            of each system; null: 0. For the goals ``best_per_system`` and ``hull``.
        outliers: ``withheld``: the model does not see values that are implausibly good, and takes implausibly bad ones for the
            worst of the others: single values farther from the middle 80 % than a hundred times their range and than their
            size; ``used``: it sees all as they are. null: withheld, filled in when a file is loaded (used for the goal
            ``bottleneck``); used in campaigns that were stored before this key.
        pending: What candidates count as whose values are awaited: ``believed``: measured at their mean; ``drawn``: expected
            improvement is averaged over values drawn for them. null: believed; with the engines 3 to 5 ``drawn`` is filled in
            when a file is loaded.
    """

    opener: ClassVar[str] = "tansaku.models.engine.proposer_registry:open_gp"
    on_device: ClassVar[bool] = True
    models_values: ClassVar[bool] = True
    type: Literal["gp"] = "gp"
    engine: Literal[1, 2, 3, 4, 5] | None = None
    preset: Literal["default", "published", "single-task", "obo", "abo"] = "default"
    kernel: KernelSpec | None = None
    mean: Annotated[tuple[MeanSpec, ...], Field(min_length=1, max_length=32)] | None = None
    acquisition: AcquisitionName | None = None
    function: AcquisitionFunctionSpec | None = None
    transform: TransformSpec | None = None
    hyperparameters: Literal["median", "map", "bayes"] | None = None
    refit_growth: Annotated[float, Field(gt=1, le=10)] | None = None
    restarts: Annotated[int, Field(ge=0, le=100)] | None = None
    members: Annotated[int, Field(ge=2, le=64)] | None = None
    bayes_until: Annotated[int, Field(ge=1, le=2000)] | None = None
    cost_exponent: NonNegativeFloat | None = None
    exploration: PositiveFloat | None = None
    initial: Literal["random", "cheapest", "symmetric", "roomy", "spread", "representative"] | None = None
    initial_points: Annotated[int, Field(ge=1, le=10_000)] | None = None
    floor: Annotated[int, Field(ge=2, le=10_000)] | None = None
    worst_first: Annotated[float, Field(gt=0, le=1)] | None = None
    outliers: Outliers | None = None
    pending: Pending | None = None

    def check_goal(self, goal: str, acquisitions: Sequence[str]) -> None:
        """It supports all goals, but not with every key; arguments and errors as of the base class."""
        if self.acquisition is not None and self.acquisition not in acquisitions:
            wanted = f"one of {', '.join(acquisitions)}" if len(acquisitions) > 1 else acquisitions[0]
            raise ValueError(f"proposer.acquisition: {self.acquisition} does not support the goal {goal}; expected {wanted}")
        if self.function is not None and goal not in _ONE_LEVEL:
            raise ValueError(f"proposer.function: does not support the goal {goal}; expected one of {', '.join(_ONE_LEVEL)}")
        for key in ("floor", "worst_first") if goal not in BY_SYSTEM else ():
            if getattr(self, key) is not None:
                raise ValueError(f"proposer.{key}: only the goals {' and '.join(BY_SYSTEM)} use it, not {goal}; remove it")

    @property
    def fits_pool(self) -> bool:
        """Whether kernel, mean or initial design are given."""
        return (self.kernel, self.mean, self.initial_points, self.floor) != (None, None, None, None)

    @model_validator(mode="after")
    def _engine_has_the_preset(self) -> GPProposerSpec:
        if self.engine not in (None, 1) and self.preset != "default":
            raise ValueError(f"engine: {self.engine} has the preset default alone, not {self.preset}; remove it")
        return self

    @model_validator(mode="after")
    def _function_is_its_text(self) -> GPProposerSpec:
        if self.function is not None:
            found, expected = hashlib.sha256(self.function.source.encode()).hexdigest(), self.function.source_sha256
            if found != expected:
                raise ValueError(f"function.source_sha256: {expected[:12]}, but source has {found[:12]}; pass it again")
        return self

    @model_validator(mode="after")
    def _function_alone_judges(self) -> GPProposerSpec:
        for key in ("acquisition", "cost_exponent", "pending") if self.function is not None else ():
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: not with a function, which gives the whole score; remove it")
        return self

    @model_validator(mode="after")
    def _exploration_is_used(self) -> GPProposerSpec:
        if self.exploration is not None and self.acquisition not in ("ucb", "straddle"):
            raise ValueError("exploration: only acquisition: ucb or straddle uses it; remove it or choose one of these")
        return self

    @model_validator(mode="after")
    def _floor_is_above_the_initial_points(self) -> GPProposerSpec:
        if self.floor is not None and self.floor <= (self.initial_points or 1):
            raise ValueError(f"floor: {self.floor}; every system gets {self.initial_points} initial points; expected more")
        return self

    @model_validator(mode="after")
    def _refits_happen(self) -> GPProposerSpec:
        rule = self.hyperparameters or ("median" if self.preset in ("published", "single-task") else "map")
        for key in ("refit_growth", "restarts"):
            if getattr(self, key) is not None and rule == "median":
                raise ValueError(f"{key}: the median rule is never refitted; remove it or choose hyperparameters: map")
        for key in ("members", "bayes_until"):
            if getattr(self, key) is not None and rule != "bayes":
                raise ValueError(f"{key}: only hyperparameters: bayes uses it; remove it or choose bayes")
        return self


class MultiLevelProposerSpec(ProposerBase):
    """Chooses a candidate and a level: a look at a cheaper one, or the full evaluation. For campaigns with ``levels``.

    Attributes:
        screen: Look at every candidate at the cheapest level first. For looks that are known to be good; otherwise the search
            finds out how good they are before it buys many.
    """

    opener: ClassVar[str] = "tansaku.models.engine.proposer_registry:open_multi_level"
    buys_looks: ClassVar[bool] = True
    models_values: ClassVar[bool] = True
    type: Literal["multi_level"] = "multi_level"
    screen: bool = False

    @property
    def looks_at_all(self) -> bool:
        """Whether it looks at every candidate first."""
        return self.screen


class ArmsProposerSpec(ProposerBase):
    """Proposer for rugged landscapes: surfaces in turn, then by their expected gain; candidates spread evenly over each.

    For the goal ``best_per_system``.

    Attributes:
        cost_exponent: The gain that is expected is divided by cost to this power; 0 ignores cost.
        expensive: Share of a system's surfaces whose expensive candidates are proposed too: the surfaces with the lowest
            values, at least one. A candidate is expensive if it costs over three times as much as the cheapest of its surface,
            as annealed ones do; it comes after three others. 1: of every surface; 0: of none as long as there are others.
        across_systems: Estimate what a new surface is worth from surfaces of all systems with similar features (number of
            atoms, replication, angle), and try the most promising first and most often. false: the cheapest first. No effect
            with one system, or if all surfaces have the same features. null: yes, filled in when a file is loaded; no in
            campaigns that were stored before this key.
        with_gp: Let a Gaussian process, as ``gp`` by default, choose every second candidate, among all of the system that is
            next. null: yes, filled in when a file is loaded; no in campaigns that were stored before this key.
        outliers: As of ``gp``.
    """

    opener: ClassVar[str] = "tansaku.models.engine.arms.proposer:open_arms"
    keeps_limits: ClassVar[bool] = False
    starts_at_random: ClassVar[bool] = True
    type: Literal["arms"] = "arms"
    cost_exponent: NonNegativeFloat = 1.0
    expensive: Annotated[float, Field(ge=0, le=1)] = 1 / 3
    across_systems: bool | None = None
    # Added after the first release: without this key, specs and their hashes are unchanged.
    with_gp: Annotated[bool | None, Field(exclude_if=lambda given: given is None)] = None
    outliers: Outliers | None = None

    def check_goal(self, goal: str, _acquisitions: Sequence[str]) -> None:
        """It supports one; arguments and errors as of the base class."""
        if goal != "best_per_system":
            raise ValueError(f"proposer: arms supports the goal best_per_system, not {goal}; expected gp")


Compared = Literal["energy", "forces", "both"]
"""Predictions by which networks are compared."""


class DisagreementProposerSpec(ProposerBase):
    """The candidate on which the networks of the campaign's retrained potential disagree most, relative to its cost.

    Looks at candidates as they stand. Before the first version: one of each system in turn, at random.

    Attributes:
        by_system: Take the systems in turn; otherwise the candidate with the largest disagreement of all.
        of: Property in which networks are compared: ``energy`` per atom, ``forces``, or ``both``, weighed as in their training,
            ``softening`` included. With forces alone, candidates without forces by symmetry are never chosen.
        cost_exponent: The disagreement is divided by cost to this power; 0 ignores cost.
        correlation: Distance in descriptor space over which a proposed structure that the version in use has not learned yet
            lowers the disagreement of others, in units of the median distance of two candidates. 0: not at all.
        judging: About this share of the proposals is of groups that no network is trained on, in turn and at random within
            each: those held out, which judge the versions, and those set aside (``surrogate.validation``), which stop their
            training. 0: none after the first version.
    """

    opener: ClassVar[str] = "tansaku.models.engine.disagreement:open_disagreement"
    asks_committee: ClassVar[bool] = True
    type: Literal["disagreement"] = "disagreement"
    by_system: bool = False
    of: Compared = "both"
    cost_exponent: NonNegativeFloat = 1.0
    correlation: Annotated[float, Field(ge=0, le=10)] = 0.5
    judging: Annotated[float, Field(ge=0, lt=1)] = 0.2


class SparseTransformSpec(Spec):
    """Transform of the objective before a sparse model is fitted.

    Attributes:
        log: Model its logarithm. While a value is not positive, log(value − floor) with the floor 5 % of the observed range
            below the lowest value.
        compress: Share of the observations above which values grow by their logarithm only; 1 leaves all as they are.
    """

    log: bool = False
    compress: Annotated[float, Field(gt=0, le=1)] = 1.0


class SparseProposerSpec(ProposerBase):
    """Linear models of few columns, averaged over which ones: for tables with many descriptors and few known values.

    The next candidate has the largest expected improvement per cost; for the goal ``all_below`` the largest probability of
    lying below the threshold per cost. All sets of at most ``max_features`` columns are scored; of more columns than 200,000
    sets are made of, those that correlate most with the values and with what these leave unexplained are kept.

    Attributes:
        max_features: Largest number of columns in a model.
        residual: ``gp`` adds to each linear model a Gaussian process in its columns, for what bends, and to the mixture a
            process over all columns, for where few explain little; their shares follow from the evidence.
        transform: Output transform.
        cost_exponent: The acquisition is divided by cost to this power; 0 ignores cost.
        initial_points: Random candidates of each system before there is a model; null: five in all, at least one of
            each system.
        outliers: As of ``gp``.
    """

    opener: ClassVar[str] = "tansaku.models.engine.sparse.proposer:open_sparse"
    keeps_limits: ClassVar[bool] = False
    type: Literal["sparse"] = "sparse"
    max_features: Annotated[int, Field(ge=1, le=6)] = 3
    residual: Literal["none", "gp"] = "none"
    transform: SparseTransformSpec = SparseTransformSpec()
    cost_exponent: NonNegativeFloat = 1.0
    initial_points: Annotated[int, Field(ge=1, le=10_000)] | None = None
    outliers: Outliers | None = None

    def check_goal(self, goal: str, _acquisitions: Sequence[str]) -> None:
        """It supports some; arguments and errors as of the base class."""
        if goal not in _ONE_LEVEL:
            wanted = ", ".join(_ONE_LEVEL)
            raise ValueError(f"proposer.type: sparse does not support the goal {goal}; expected gp, or a goal of {wanted}")

    def weighs_prices(self) -> bool:
        """Whether its models are linear in the numbers and predict the value itself."""
        return self.residual == "none" and self.transform == SparseTransformSpec()


def usual_proposer(*, atoms: bool, levels: bool) -> ProposerBase | None:
    """Returns the proposer of a new campaign whose file names none, where it is not the common one.

    Args:
        atoms: Whether it searches numbers of atoms of boundaries.
        levels: Whether it has levels.
    """
    return MultiLevelProposerSpec() if levels else ArmsProposerSpec() if atoms else None


def withholds(proposer: Spec) -> bool:
    """Returns whether a proposer is not shown implausible values."""
    return getattr(proposer, "outliers", None) == "withheld"
