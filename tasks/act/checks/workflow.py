"""Checks before anything is computed: calculators and workflows must support the elements and structures of a space."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from tansaku.calculators.calculator_registry import known_cutoff, known_elements
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import DescribedSpace, DescribingSpace, Proposer, Space, SurfaceSpace, VariedSpace
from tansaku.models.domain.report_columns import VALUE, unclear_names
from tansaku.models.domain.specs.boundary_cell import BlockCellSpec
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.objective import FORMATION_ENERGY, AtPotentialsSpec, BottleneckSpec, OnHullSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec
from tansaku.models.domain.wording import counted
from tansaku.models.engine.goals import goal_of
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.ledger.startable import calculators_of
from tansaku.tasks.node.configuration.defaults import keys_of_gp
from tansaku.tasks.node.configuration.references import as_if_computed, check_references, reference_elements

_SHOWN = 20

MOST_ELEMENTS = 8
"""Elements up to which hulls of samples are drawn: with each more a hull has about three times as many facets."""

LARGEST_FORCE = 5.0
"""With larger forces left on atoms a boundary is not relaxed [eV/Å]."""


def check_elements(spec: CampaignSpec, space: Space, base_path: Path) -> None:
    """Checks that each calculator of a campaign supports the elements of its space.

    Args:
        base_path: Folder in which its relative paths start.

    Raises:
        ConfigurationError: A calculator does not support one of them, or gives a crystal a charge: every evaluation with it
            would fail.
        MissingComponentError: A calculator's package is not installed.
    """
    wanted = space.elements()
    if not wanted:
        return
    workflow = workflow_of(spec.calculator)
    wanted |= {workflow.ion} if workflow is not None and workflow.ion is not None else frozenset()
    for key, calculator in calculators_of(spec):
        known = known_elements(calculator, base_path)
        if known is not None and (unknown := sorted(wanted - known)):
            there = ", ".join(sorted(known)) if len(known) <= _SHOWN else f"{len(known)} others"
            raise ConfigurationError(
                f"{key}: type {calculator.type} does not support {', '.join(unknown)} of the space"
                f"{_having(space, unknown)}; it supports {there}",
                hint="choose a calculator that supports all elements of the space, or remove these elements from the space",
            )
        if isinstance(space, CompoundBoundarySpace):
            _check_neutral(key, calculator, space)


def _check_neutral(key: str, calculator: CalculatorSpec, space: CompoundBoundarySpace) -> None:
    for name, atoms in (("crystal", space.crystal.atoms()), *space.phases.items()):
        if charge := calculator.charge(atoms.get_chemical_symbols()):
            raise ConfigurationError(
                f"{key}.charges: {atoms.get_chemical_formula()}, the {name} of the space, has a charge of {charge:+.6g} e; "
                "expected charges that make it neutral"
            )


def _having(space: Space, elements: Collection[str]) -> str:
    """The candidates that have one of some elements, in words; empty where all candidates have the elements of the space."""
    if not isinstance(space, VariedSpace):
        return ""
    having = [str(name) for name in space.pool().ids if not space.elements_of(str(name)).isdisjoint(elements)]
    more = f" and {len(having) - _SHOWN} more" if len(having) > _SHOWN else ""
    return f", which {', '.join(having[:_SHOWN])}{more} {'has' if len(having) == 1 else 'have'}" if having else ""


def with_references(
    spec: CampaignSpec, space: Space, base_path: Path, limits: LimitsSpec | None = None
) -> tuple[CampaignSpec, Space]:
    """Spec and space for checks, in which elements that the campaign is to compute count as phases that are there.

    Args:
        space: Of the campaign, opened.
        base_path: Folder in which its relative paths start.
        limits: What the spec may ask for.

    Raises:
        ConfigurationError: Its jobs cannot compute one of them.
    """
    elements = reference_elements(spec, space, base_path)
    check_references(spec, elements)
    if not elements:
        return spec, space
    spec = as_if_computed(spec, elements)
    return spec, open_space(spec.space, base_path, limits)


def check_boundary(spec: CampaignSpec, base_path: Path) -> None:
    """Checks what makes every energy of a boundary wrong or every evaluation fail.

    Raises:
        ConfigurationError: Boundaries would not be relaxed, rigid blocks are thinner than the potential reaches, or a Gaussian
            process would search the number of atoms.
    """
    if not isinstance(spec.space, GrainBoundarySpaceSpec) or spec.calculator is None:
        return
    if spec.space.densities and spec.proposer.models_values and spec.objective.goal.type == "best_per_system":
        # Of 120 candidates that it chose, 71 relaxed to one structure; Σ25 was missed by 15 mJ/m².
        keys = keys_of_gp(spec)
        need = f"remove {' and '.join(keys)}, which need{'s' if len(keys) == 1 else ''} gp" if keys else ""
        written = "proposer" in spec.model_fields_set or not keys
        raise ConfigurationError(
            f"proposer.type: gp{'' if written else f', which {keys[0]} needs'}; with space.replication many candidates "
            "relax to the same structure, and gp chooses them again; expected arms",
            hint=", and ".join(filter(None, (need, "write `proposer: {type: arms}`" if written else ""))),
        )
    fmax, cell = spec.calculator.relaxation.fmax, spec.space.cell
    if fmax > LARGEST_FORCE:
        raise ConfigurationError(
            f"calculator.relaxation.fmax: {fmax:g} eV/Å; a boundary is not relaxed by then, expected at most {LARGEST_FORCE:g}"
        )
    cutoff = known_cutoff(spec.calculator, base_path) if isinstance(cell, BlockCellSpec) else None
    if isinstance(cell, BlockCellSpec) and cutoff is not None and cell.reach < cutoff:
        raise ConfigurationError(
            f"space.cell.reach: {cell.reach:g} Å; the potential's cutoff is {cutoff:.4g} Å, expected as much or more"
        )


def check_reported(spec: CampaignSpec, space: Space) -> None:
    """Raises ConfigurationError if a report could not tell a column of the space from what is measured, or said of that."""
    if not spec.manual or not isinstance(space, DescribingSpace):
        return
    named = getattr(spec.space, "columns", None)
    described = [column.name for column in space.columns()]
    taken = {*described, getattr(named, "id", None)}
    for key, goal in zip(spec.objective.further_keys, spec.objective.further, strict=True):
        if goal.property in taken:
            raise ConfigurationError(f"{key}.property: the space has a column {goal.property!r} already; expected another name")
    unclear = unclear_names(spec.measured) | {(spec.objective.property or VALUE).lower()}
    for name in described:
        if name.lower() in unclear and name != getattr(named, "cost", None):
            raise ConfigurationError(
                f"space.{spec.space.first_key}: {name!r} describes candidates, but a column of this name means something "
                "else in a report of values; expected another name"
            )


def check_function(spec: CampaignSpec, space: Space, base_path: Path) -> None:
    """Raises ConfigurationError if a script's function could not be called with the parameters of a candidate."""
    called = None if spec.calculator is None else spec.calculator.called
    if called is not None and isinstance(space, DescribedSpace):
        from tansaku.calculators.engines.function import check_call  # with ASE, which few campaigns need here

        cells = space.cells(str(space.pool().ids[0]))
        check_call(base_path / called[0], called[1], tuple(cells))


def check_initial(proposer: Proposer, pool: CandidatePool, limits: LimitsSpec) -> None:
    """Raises ConfigurationError if an initial design has more evaluations than the site allows."""
    check_limit(limits, "initial", proposer.initial_count(pool), "proposer.initial_points: evaluations of the initial design")


def check_floor(spec: CampaignSpec, pool: CandidatePool) -> None:
    """Raises ConfigurationError if the budget does not allow the floor of evaluations in every system."""
    floor: int | None = getattr(spec.proposer, "floor", None)
    budget = spec.budget.evaluations
    if floor is None or budget is None:
        return
    # A system with fewer candidates is evaluated as a whole.
    sizes = np.bincount(pool.system_codes, minlength=len(pool.systems))
    needed = int(np.minimum(sizes, floor).sum())
    if needed > budget:
        raise ConfigurationError(
            f"proposer.floor: {floor} evaluations for each of {counted(len(sizes), 'system')} are {needed}; "
            f"budget.evaluations is {budget}; expected a smaller floor or a larger budget"
        )


def check_path(spec: CampaignSpec, space: Space, pool: CandidatePool) -> None:
    """Raises ConfigurationError if no path can lead through a grid in as many directions as the goal has.

    Also if a step of the grid leads into an atom, or a host that is relaxed around its ion is to change its cell.
    """
    goal = spec.objective.goal
    if not isinstance(goal, BottleneckSpec) or pool.systems[0] not in pool.grids:
        return
    # numba compiles for seconds, for this goal alone.
    from tansaku.models.engine.percolation import bottleneck

    if isinstance(space, SurfaceSpace):
        space.check_steps()
    if spec.calculator is not None and not spec.space.as_they_stand:
        cell = spec.calculator.relaxation.cell
        if cell != "fixed":
            raise ConfigurationError(f"calculator.relaxation.cell: {cell}; a host is relaxed around its ion in a fixed cell")
    found = bottleneck(np.zeros(len(pool)), pool.grids[pool.systems[0]], goal.connectivity).points
    most = sum(point >= 0 for point in found)
    if most < goal.dimensions:
        raise ConfigurationError(
            f"objective.goal.dimensions: {goal.dimensions}; between the points that space.exclusion and space.along leave out, "
            f"paths lead in {most} directions; expected {f'at most {most}' if most else 'another host'}, a smaller exclusion "
            "or a finer grid"
        )


def check_competing(spec: CampaignSpec, pool: CandidatePool) -> None:
    """Raises ConfigurationError if a hull is wanted of too many elements, without a phase of one, or over another potential."""
    goal = spec.objective.goal
    if isinstance(goal, AtPotentialsSpec) and pool.lines is not None and goal.over != (own := f"mu_{pool.lines.unit}"):
        raise ConfigurationError(f"objective.goal.over: {goal.over!r}; expected {own!r}, the unit that boundaries exchange")
    if isinstance(goal, OnHullSpec):
        from tansaku.models.engine.on_hull import compositions_of

        found = compositions_of(goal_of(spec.objective), pool)
        if len(found.elements) > MOST_ELEMENTS:
            raise ConfigurationError(
                f"objective.goal: on_hull; the candidates have {len(found.elements)} elements, a hull of more than "
                f"{MOST_ELEMENTS} takes too long",
                hint="search fewer elements at once, or energy_above_hull with goal best_overall",
            )


def check_phases(spec: CampaignSpec, space: Space, pool: CandidatePool, base_path: Path) -> None:
    """Raises ConfigurationError unless every candidate can be compared with the competing phases."""
    from tansaku.calculators.workflows.stability import energy_above_hull, formation_energy, phases_of

    workflow, own = workflow_of(spec.calculator), spec.space.competing_phases
    if workflow is not None and workflow.competing_phases is not None:
        phases, key, compare = workflow.competing_phases, "calculator.workflow.phases", energy_above_hull
    elif own is not None:
        if isinstance(spec.objective.goal, OnHullSpec) and spec.objective.property != FORMATION_ENERGY:
            return  # candidates are the phases that are not given
        names = {spec.objective.property, *(goal.property for goal in spec.objective.further)}
        phases, key = dict(phases_of(own, base_path)), "space.phases"
        compare = formation_energy if "formation_energy" in names else energy_above_hull
    else:
        return
    # Every composition is a mixture of its elements; if all are present, one candidate suffices to test reading the phases.
    elemental = space.elements() <= phases.keys()
    for candidate in pool.ids[:1].tolist() if elemental else pool.ids.tolist():
        compare(space.structure(candidate).get_chemical_symbols(), 0.0, phases, key)


def check_structures(spec: CampaignSpec, space: Space, candidates: Sequence[str]) -> None:
    """Raises ConfigurationError if a workflow finds nothing to compute in the first structures of the space."""
    workflow = workflow_of(spec.calculator)
    if not isinstance(workflow, MigrationBarrierSpec):
        return
    from tansaku.calculators.workflows.migration_barrier import check_structure

    for candidate in candidates:
        try:
            check_structure(space.structure(candidate), workflow)
        except CalculationError as error:
            raise ConfigurationError(f"calculator.workflow.mechanism: {candidate}: {error.message}") from error
