"""Energies of the elements that a campaign's calculator computes as evaluations of the campaign."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.phases import PhasesSpec
from tansaku.models.domain.specs.space_base import SpaceBase

_KEY = "space.phases.references"

_Space = TypeVar("_Space", bound=SpaceBase)


def pending_phases(spec: CampaignSpec) -> PhasesSpec | None:
    """The phases of a campaign of which evaluations compute elements; None for others.

    Older versions computed them when the campaign was created, and stored them with its spec.
    """
    phases = spec.space.competing_phases
    return phases if phases is not None and phases.references == "compute" and phases.computed is None else None


def without_references(space: _Space) -> _Space:
    """The space as a file says it: what was computed for another campaign is computed again."""
    phases = space.competing_phases
    return space if phases is None or phases.computed is None else space_with(space, None)


def space_with(space: _Space, energies: Mapping[str, float] | None) -> _Space:
    """The space with energies of elements [eV/atom]; itself where it compares candidates with no phases."""
    phases = space.competing_phases
    if phases is None:
        return space
    computed = None if energies is None else dict(energies)
    return space.model_copy(update={"phases": phases.model_copy(update={"computed": computed})})


def with_computed(spec: CampaignSpec, energies: Mapping[str, float] | None) -> CampaignSpec:
    """The spec with energies of elements [eV/atom]."""
    return spec.model_copy(update={"space": space_with(spec.space, energies)})


def reference_elements(spec: CampaignSpec, space: Space, base_path: Path) -> tuple[str, ...]:
    """Elements that evaluations of the campaign compute, in alphabetical order; empty where there are none.

    Args:
        space: Of the campaign, opened.
        base_path: Folder in which relative paths start.

    Raises:
        ConfigurationError: The table of the given phases is missing or wrong.
    """
    phases = pending_phases(spec)
    if phases is None:
        return ()
    from tansaku.calculators.workflows.stability import counted, given_phases

    given = [counted(name, "space.phases").keys() for name in given_phases(phases, base_path)]
    return tuple(sorted(element for element in space.elements() if {element} not in given))


def as_if_computed(spec: CampaignSpec, elements: Collection[str]) -> CampaignSpec:
    """The spec with zero as the energy of elements that are still to be computed.

    For questions that depend on compositions alone. Nothing is proposed or computed with these numbers.
    """
    return with_computed(spec, dict.fromkeys(elements, 0.0)) if elements else spec


def check_references(spec: CampaignSpec, elements: Collection[str]) -> None:
    """Checks that the campaign's jobs can compute elements.

    Raises:
        ConfigurationError: Its values are not computed by jobs, or the usual form of an element is neither a simple crystal
            nor a molecule.
    """
    calculator: CalculatorBase | None = spec.calculator
    if not elements:
        return
    if calculator is None or calculator.facts.manual or calculator.facts.described:
        kind = "none" if calculator is None else calculator.type
        raise ConfigurationError(
            f"{_KEY}: compute; a calculator of type {kind} computes no crystals of elements",
            hint=f"give the energies of {', '.join(sorted(elements))} under space.phases.energies",
        )
    from tansaku.calculators.workflows.references import check_reference

    for element in sorted(elements):
        check_reference(element)


def reference_source(search: str) -> str:
    """Source of the evaluations of elements: an element may have the name of a candidate."""
    return short_hash({"search": search, "reference": True})
