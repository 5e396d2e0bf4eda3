"""Energies of the elements that a campaign's calculator computes before the campaign is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.phases import PhasesSpec
from tansaku.models.domain.specs.space_base import SpaceBase
from tansaku.tasks.node.configuration.crystal import AUTO_SECONDS, answered, folder_of
from tansaku.tasks.node.jobs.references import ReferencesAnswer, ReferencesRequest

_KEY = "space.phases.references"
_MODULE = "references"

_Space = TypeVar("_Space", bound=SpaceBase)


def wanted_references(spec: CampaignSpec) -> PhasesSpec | None:
    """The phases of a campaign whose calculator is to compute elements; None for others."""
    phases = spec.space.competing_phases
    return phases if phases is not None and phases.references == "compute" else None


def without_references(space: _Space) -> _Space:
    """The space as a file says it: what was computed for another campaign is computed again."""
    phases = space.competing_phases
    return space if phases is None or phases.computed is None else _with(space, phases, None)


def with_references(spec: CampaignSpec, space: Space, base_path: Path) -> CampaignSpec:
    """The spec with the energies of the elements that its file does not give, by its calculator.

    Args:
        space: Of the campaign, opened.
        base_path: Folder in which relative paths start.

    Raises:
        ConfigurationError: There is no calculator for it, it takes too long, or an element has no simple crystal.
    """
    phases = wanted_references(spec)
    if phases is None or phases.computed is not None:
        return spec
    from tansaku.calculators.workflows.stability import counted, given_phases

    given = [counted(name, "space.phases").keys() for name in given_phases(phases, base_path)]
    missing = tuple(sorted(element for element in space.elements() if {element} not in given))
    return with_computed(spec, _computed(spec, missing, base_path) if missing else {})


def with_computed(spec: CampaignSpec, energies: dict[str, float] | None) -> CampaignSpec:
    """The spec with energies of elements [eV/atom]."""
    phases = wanted_references(spec)
    return spec if phases is None else spec.model_copy(update={"space": _with(spec.space, phases, energies)})


def _with(space: _Space, phases: PhasesSpec, energies: dict[str, float] | None) -> _Space:
    return space.model_copy(update={"phases": phases.model_copy(update={"computed": energies})})


def _computed(spec: CampaignSpec, elements: tuple[str, ...], base_path: Path) -> dict[str, float]:
    calculator = spec.calculator
    reply = None
    if calculator is not None and not calculator.facts.manual and not calculator.facts.dft:
        folder = folder_of(calculator, base_path)
        asked = ReferencesRequest(calculator=calculator, elements=elements, base_path=folder, seconds=AUTO_SECONDS)
        reply = answered(_MODULE, asked.model_dump_json(), AUTO_SECONDS)
    if reply is None:
        kind = calculator.type if calculator is not None else "none"
        raise ConfigurationError(
            f"{_KEY}: compute; with a calculator of type {kind} it takes too long, or cannot be done on this machine",
            hint=f"compute {', '.join(elements)} as you like and give their energies under space.phases.energies",
        )
    answer = ReferencesAnswer.model_validate_json(reply)
    if answer.energies is None:
        raise ConfigurationError(answer.error or "", hint=answer.hint)
    return answer.energies
