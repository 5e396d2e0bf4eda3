"""Surrogates that a campaign trains while it runs, and what they are used for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, Name, PositiveFloat, PositiveInt, Sha256, Spec, Timeout
from tansaku.models.domain.specs.calculators.table import types_with
from tansaku.models.domain.specs.objective import QuantityText
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec, SurrogateSpec
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS
from tansaku.models.domain.units import quantity_in

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$")]
"""A model of the registry, or one version of it: ``NAME`` or ``NAME@VERSION``."""


class DriftSpec(Spec):
    """Condition under which error bars count as wrong, judged by pre-screening predictions that were computed nevertheless.

    Attributes:
        least: Retrain when a smaller share of the errors lies within one predicted deviation; 0.683 would be right.
        window: Number of the latest such results that are judged; all of them must come from the version in use.
    """

    least: Annotated[float, Field(gt=0.0, lt=0.683)] = 0.4
    window: Annotated[int, Field(ge=4, le=1000)] = 10


_JUDGED_IN = {"energy": "eV/atom", "forces": "eV/Angstrom"}


class TargetSpec(Spec):
    """Condition under which a surrogate is good enough: root mean square errors on the groups that are held out.

    Attributes:
        energy: Of the energy per atom, such as ``2 meV/atom``; null: whatever it is.
        forces: Of the force components, such as ``30 meV/Angstrom``; null: whatever it is. ``potential`` only.
        structures: The held-out groups must have at least this many computed structures; fewer are no evidence.
    """

    energy: QuantityText | None = None
    forces: QuantityText | None = None
    structures: PositiveInt = 20

    @property
    def limits(self) -> dict[str, float]:
        """Largest errors by property, in the units in which models are judged [eV/atom, eV/Å]."""
        return {name: quantity_in(text, _JUDGED_IN[name]) for name, text in self._given().items()}

    @model_validator(mode="after")
    def _something_is_wanted(self) -> TargetSpec:
        given = self._given()
        if not given:
            raise ValueError("energy, forces: both are null; expected at least one")
        for name, text in given.items():
            try:
                limit = quantity_in(text, _JUDGED_IN[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            if limit <= 0:
                raise ValueError(f"{name}: {text!r}, expected more than 0")
        return self

    def _given(self) -> dict[str, str]:
        texts = {"energy": self.energy, "forces": self.forces}
        return {name: text for name, text in texts.items() if text is not None}


HeldOutShare = Annotated[float, Field(gt=0.0, lt=1.0)]
HeldOutNames = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT], ...], Field(min_length=1)]


class RetrainSpec(Spec):
    """A surrogate that learns from the campaign's own results.

    Attributes:
        model: Its name in the registry; null: the campaign's name.
        surrogate: What is trained.
        learns: Whose energies: those of the calculator that relaxed the structures, or of the campaign's label.
        first: Computed results before the first training.
        every: Computed results from one training to the next; null: only when the error bars drift.
        drift: Also retrain when error bars are wrong; null: never for that reason. Needs pre-screening.
        lag: Proposals that still use the version before while a new one is trained; with 0 the next proposal waits for it.
            Mode ``free`` never waits: it uses the latest version.
        group: Groups that are held out together: whole systems, or surfaces (the boundaries with as many removed planes).
        held_out: About this share of the groups, drawn by name, so that a group stays on its side as results come in; or names
            of groups, or shell-style patterns such as ``*-rattle-0.2``.
        warm: Begin each training with the weights of the version in use instead of random ones. ``potential`` only.
        at_end: When the search ends because the budget or the candidates are exhausted, train once more on all results.
        target: The search ends when the version in use is as good as this; null: the model's errors do not end the search.
        calibrate: Multiply the error bars of each version by a factor that the errors of the held-out groups give; null: not,
            as in campaigns that are older than this key. New campaigns get ``true``.
        timeout: Wall time of one training attempt [s]; the next attempt continues where a killed one stopped.
    """

    model: Name | None = None
    surrogate: SurrogateSpec = LocalEnergiesSpec()
    learns: Literal["calculator", "label"] = "label"
    first: Annotated[int, Field(ge=4)] = 20
    every: PositiveInt | None = 20
    drift: DriftSpec | None = None
    lag: Annotated[int, Field(ge=0, le=10_000)] = 0
    group: Literal["system", "surface"] = "system"
    held_out: HeldOutShare | HeldOutNames = 0.25
    warm: bool = False
    at_end: bool = False
    target: TargetSpec | None = None
    calibrate: bool | None = None
    timeout: Timeout = 3600.0


def check_potential_keys(retrain: RetrainSpec) -> None:
    """Raises ValueError where a key is given that this surrogate has no use for."""
    learned, target = retrain.surrogate, retrain.target
    if retrain.warm and not learned.committee:
        raise ValueError(f"retrain.warm: a {learned.type} cannot start from given weights; remove it")
    if target is None:
        return
    if target.forces is not None and not learned.committee:
        raise ValueError(f"retrain.target.forces: a {learned.type} predicts none; remove it")
    properties = learned.learned_properties()
    if "energy" not in properties:
        raise ValueError(f"retrain.target: the surrogate predicts {', '.join(properties)}; expected energy among them")


def check_fields(retrain: RetrainSpec, *, density: bool, looks: bool) -> None:
    """Raises ValueError where the surrogate learns from a field that nobody computes, or looks at structures without one.

    Args:
        retrain: What is trained.
        density: Whether the calculator leaves one.
        looks: Whether pre-screening is asked for.
    """
    needed = retrain.surrogate.needed_fields()
    wanted = f"expected {FREE_ATOMS}, which every structure has"
    if needed and looks:
        raise ValueError(
            f"retrain.surrogate: it sees the field {needed[0]}, but pre-screening has the structure alone; {wanted}"
        )
    missing = [name for name in needed if name != "density" or not density]
    if missing:
        density_codes = " or ".join(types_with("density"))
        kept = "" if density else f", or a {density_codes} calculator with density: true"
        raise ValueError(f"retrain.surrogate: it sees the field {missing[0]}, which results do not have; {wanted}{kept}")


def check_committee(retrain: RetrainSpec | None) -> None:
    """Raises ValueError unless networks are retrained that can disagree."""
    if retrain is None:
        raise ValueError("proposer: disagreement is that of a retrained potential's networks; add retrain")
    if not retrain.surrogate.committee:
        kind = retrain.surrogate.type
        raise ValueError(f"proposer: disagreement is that of networks; retrain.surrogate is {kind}, expected potential")
    if retrain.surrogate.committee < 2:
        raise ValueError(
            "retrain.surrogate.members: a single network cannot disagree; expected at least 2 with the proposer disagreement"
        )


class PreScreeningSpec(Spec):
    """A trained model that predicts each relaxed structure before the label's expensive calculation is spent on it.

    Attributes:
        model: A model of the registry that predicts from the first proposal until a retrained one takes its place; null: none.
        weights: Content hash of ``model``'s weights; filled in, with its version, when the campaign is created.
        deviations: The label is computed unless its prediction is worse than the best computed value of the system by more than
            so many predicted deviations.
        check_every: Of the candidates that would be left at their prediction, those whose proposal number is a multiple of this
            are computed nevertheless, to check the error bars.
    """

    model: ModelName | None = None
    weights: Sha256 | None = None
    deviations: PositiveFloat = 3.0
    check_every: Annotated[int, Field(ge=2, le=1000)] = 10
