"""Records of the trainings that a campaign starts on its own results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import AwareDatetime, Field

from tansaku.models.domain.model_registry import Errors
from tansaku.models.domain.records import Count, Number, Record
from tansaku.models.domain.specs.retrain import TargetSpec


class Retrain(Record):
    """A training, stored before it begins.

    Attributes:
        number: Counted from 1.
        at_proposal: The proposal number that it belongs to.
        horizon: Largest number whose result it learns from.
        uses_from: First proposal number that may use it.
        model: Its name in the registry.
        dataset: Content hash of what it learns from: all computed results up to the horizon.
        observations: How many these are.
        reason: Why it was due.
    """

    schema_version: Literal[1] = 1
    kind: Literal["begun"] = "begun"
    campaign: str
    number: Number
    at_proposal: Count
    horizon: Count
    uses_from: Count
    model: str
    dataset: str
    observations: Count
    reason: Literal["first", "every", "drift", "end"]
    begun_at: AwareDatetime


class RetrainEnd(Record):
    """End of a training, stored before the first proposal that could use it.

    Attributes:
        number: Of the retrain.
        uses_from: First proposal number that uses it.
        ok: Whether there is a new version.
        version: ``NAME@VERSION``, None without one.
        weights: SHA-256 of the weights in the artifact store.
        promoted: Whether it takes the place of the version before; a worse one is kept and not used.
        message: Why it failed, or was promoted or not.
        seconds: Training took so long [s].
        held_out: Errors on the held-out groups by property; none in what older versions wrote.
    """

    schema_version: Literal[1] = 1
    kind: Literal["ended"] = "ended"
    campaign: str
    number: Number
    uses_from: Count
    ok: bool
    version: str | None = None
    weights: str | None = None
    promoted: bool = False
    message: str = ""
    seconds: float = 0.0
    held_out: dict[str, Errors] = Field(default_factory=dict)
    ended_at: AwareDatetime


Retrains = Sequence[tuple[Retrain, RetrainEnd | None]]
"""A campaign's retrains in order, each with its end if it has ended."""


def ended(retrains: Retrains) -> list[RetrainEnd]:
    """The ends of trainings that have ended, in order."""
    return [end for _, end in retrains if end is not None]


def in_use(ends: Sequence[RetrainEnd], number: int | None = None) -> RetrainEnd | None:
    """The end of the retrain whose version a proposal uses, None before the first.

    Args:
        ends: In order.
        number: Of the proposal; None: after all of them.
    """
    return next((end for end in reversed(ends) if end.promoted and (number is None or end.uses_from <= number)), None)


def _is_met(target: TargetSpec, errors: Mapping[str, Errors]) -> bool:
    """Returns whether each error with a target is known, small enough, and of enough held-out structures."""
    energy = errors.get("energy")
    if energy is None or energy.count < target.structures:
        return False
    return all(name in errors and errors[name].rmse <= limit for name, limit in target.limits.items())


def target_met(target: TargetSpec | None, ends: Sequence[RetrainEnd], number: int | None = None) -> bool:
    """Returns whether the version that a proposal uses meets the target, so that the search may end.

    Args:
        target: What is wanted, None for nothing.
        ends: In order.
        number: Of the proposal; None: after all of them.
    """
    used = in_use(ends, number)
    return target is not None and used is not None and _is_met(target, used.held_out)


def describe_target(target: TargetSpec, ends: Sequence[RetrainEnd]) -> str:
    """Describes in words how the version in use compares with the target."""
    used = in_use(ends)
    if used is None:
        return "target: no version yet"
    said = []
    for name, unit in (("energy", "meV/atom"), ("forces", "meV/Angstrom")):
        if name in used.held_out:
            limit = target.limits.get(name)
            wanted = "" if limit is None else f" (wanted {1000 * limit:.3g})"
            said.append(f"{name} {1000 * used.held_out[name].rmse:.3g} {unit}{wanted}")
    judges = used.held_out["energy"].count if "energy" in used.held_out else 0
    few = f", expected {target.structures}" if judges < target.structures else ""
    verdict = "met" if _is_met(target, used.held_out) else "not met"
    return f"target {verdict} by {used.version}: {', '.join(said)}, on {judges} held-out structures{few}"


def describe(retrain: Retrain, end: RetrainEnd | None) -> str:
    """Describes a retrain in words."""
    what = f"retrain {retrain.number} of {retrain.model} on {retrain.observations} results, for proposal {retrain.at_proposal}"
    if end is None:
        return f"{what} begins"
    if not end.ok:
        return f"{what} failed, the previous version stays in use: {end.message}"
    return f"{what}: {end.version}, {'' if end.promoted else 'kept, '}{end.message}"
