"""Surrogates that a campaign trains while it runs, and what they are used for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import Name, PositiveFloat, PositiveInt, Sha256, Spec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec, SurrogateSpec

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$")]
"""A model of the registry, or one version of it: ``NAME`` or ``NAME@VERSION``."""


class DriftSpec(Spec):
    """When error bars count as no longer right: by first looks whose result was computed after all.

    Attributes:
        least: Retrain when a smaller share of the errors lies within one predicted deviation; 0.683 would be right.
        window: Of so many latest such results, all of them made with the version in use.
    """

    least: Annotated[float, Field(gt=0.0, lt=0.683)] = 0.4
    window: Annotated[int, Field(ge=4, le=1000)] = 10


class RetrainSpec(Spec):
    """A surrogate that learns from the campaign's own results.

    Attributes:
        model: Its name in the registry; null: the campaign's name.
        surrogate: What is trained.
        learns: Whose energies: those of the calculator that relaxed the structures, or of the campaign's label.
        first: Computed results before the first training.
        every: Computed results from one training to the next; null: only when the error bars drift.
        drift: Retrain also when error bars are no longer right; null: never for that. First looks only.
        lag: Proposals that still use the version before while a new one is trained; with 0 the next proposal waits for it.
            Mode ``free`` never waits: it uses what is there.
        group: What is held out together: whole systems, or surfaces (the boundaries with as many removed planes).
        held_out: About this share of the groups; drawn by name, so that a group stays on its side as results come in.
        timeout: Wall time of one attempt at training [s]; killed, the next one goes on where it was.
    """

    model: Name | None = None
    surrogate: SurrogateSpec = LocalEnergiesSpec()
    learns: Literal["calculator", "label"] = "label"
    first: Annotated[int, Field(ge=4)] = 20
    every: PositiveInt | None = 20
    drift: DriftSpec | None = None
    lag: Annotated[int, Field(ge=0, le=10_000)] = 0
    group: Literal["system", "surface"] = "system"
    held_out: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.25
    timeout: PositiveFloat = 3600.0


class FirstLookSpec(Spec):
    """A trained model that looks at each relaxed structure before the label's expensive calculation is spent on it.

    Attributes:
        model: A model of the registry that looks from the first proposal on, until a retrained one takes its place; null: none.
        weights: Content hash of ``model``'s weights; filled in, with its version, when the campaign is created.
        deviations: The label is computed unless its prediction is worse than the best computed value of the system by more than
            so many predicted deviations.
        check_every: Of the candidates that would be left at their prediction, those whose proposal number is a multiple of this
            are computed all the same: they keep the error bars honest.
    """

    model: ModelName | None = None
    weights: Sha256 | None = None
    deviations: PositiveFloat = 3.0
    check_every: Annotated[int, Field(ge=2, le=1000)] = 10
