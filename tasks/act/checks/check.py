"""Preview of a campaign file without computing anything, shown by `tansaku check` and dry runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from tansaku.calculators.calculator_registry import calculator_notes, open_calculator
from tansaku.models.domain.adoption import Known
from tansaku.models.domain.certificate import IN_A_ROW
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.history import build_history, cost_limit, too_expensive
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.level_of_theory import level_in_words
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.ports import (
    BoundedSpace,
    CampaignStore,
    DescribingSpace,
    Proposer,
    ScreenedSpace,
    Space,
    TabulatedSpace,
)
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.report_columns import VALUE
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec, limited_code
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec
from tansaku.models.domain.specs.objective import StopRuleSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.domain.specs.transfer import TableSourceSpec
from tansaku.models.domain.wording import counted, headed, known_already, significant, with_unit
from tansaku.models.engine.grammar import ARD_COLUMNS
from tansaku.models.engine.presets import BROAD_COLUMNS, ENGINES, described, of_one_model, settings
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.transfer.data import FrozenSources
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.kept_files import Database, load_file
from tansaku.tasks.act.checks.workflow import (
    check_boundary,
    check_competing,
    check_elements,
    check_floor,
    check_function,
    check_initial,
    check_path,
    check_phases,
    check_reported,
    check_structures,
    with_references,
)
from tansaku.tasks.ground.formats.yaml_text import YamlText
from tansaku.tasks.loop.reuse.freezing import known_values
from tansaku.tasks.loop.steps import foreseen
from tansaku.tasks.loop.transfer import levels, sources
from tansaku.tasks.loop.transfer.checks import check_not_itself
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, spec_hash
from tansaku.tasks.node.configuration.crystal import describe_crystal
from tansaku.tasks.node.configuration.references import reference_elements
from tansaku.tasks.node.configuration.source import polish_relaxation
from tansaku.tasks.read.views.costs import cost_unit

_MOST_OF_DISTANCE = 0.9
_FEW_COLUMNS = 0.1
_DESCRIBED = 3  # candidates whose conditions are said

NO_CALCULATOR = "none; the space itself gives the values"


class SystemSize(Record):
    """Size of a system.

    Attributes:
        details: The space's description of the system, e.g. Σ, plane and angle.
    """

    system: str
    candidates: int
    surfaces: int
    exhaustive_cost: float
    details: JsonDict


class CampaignPreview(Record):
    """Preview of a campaign file.

    Attributes:
        features: Number of features by group.
        uneven: Number of columns that decide alone how far apart candidates are, by group in which these are few.
        prices: Of a number of a column that a campaign may buy, by column; a value costs 1.
        cost_unit: ``core-seconds`` where cost is learned: all costs are then the prior's guess; else None.
        limit: Largest cost it may spend, None for no limit.
        expected_evaluations: Evaluations the budget buys at the mean cost of a candidate.
        most_evaluations: Evaluations it buys when the cheapest are chosen.
        expected: Where the space's file expects good candidates, in words; None: nowhere.
        wanted: Several objectives with their reference point, and limits of further quantities, in words.
        engine: How the preset ``default`` chooses, in words; None: as it always did.
        stop: When the search stops before its budget is spent, in words; None: it does not.
        initial: Candidates that are proposed before any new value, in order: the initial design, or what known values leave of
            it; where they leave nothing, the first choices of the model. Empty where these are not worked out here.
        designed: How many of them are the initial design.
        conditions: The first of them in words, where ids are made up; empty: the ids are names.
        initial_cost: Their cost.
        calculator: Code, version and model of the calculator, None for a table.
        notes: What its results depend on and nothing guards, and what limits of the space leave out.
        transfer: One line per source it would learn from.
        level: Level of theory of the calculator in words, None where nothing is computed.
        known: Values of a table that it begins with; None without a table.
        left: Candidates that can be evaluated: those without a known value that are not too expensive.
        references: Elements whose energies it computes before the first candidate.
        looks: Cheaper levels and what a look costs, in words.
        crystal: How the lattice parameter of a boundary's crystal compares with the calculator's own; None for other spaces.
        census: For a space with filter rules, the effect of each rule.
        evaluation_limits: The machine's limits of an evaluation; None where none hold, or the machine is not known.
    """

    name: str
    spec_hash: str
    candidates: int
    surfaces: int
    systems: tuple[SystemSize, ...]
    features: dict[str, int]
    uneven: dict[str, int] = Field(default_factory=dict)
    exhaustive_cost: float
    cost_unit: str | None
    limit: float | None
    share: float | None
    expected_evaluations: int
    most_evaluations: int
    proposer: str
    expected: str | None = None
    wanted: tuple[str, ...] = ()
    engine: str | None = None
    stop: str | None = None
    initial: tuple[str, ...]
    designed: int
    conditions: tuple[str, ...] = ()
    initial_cost: float
    calculator: str | None
    notes: tuple[str, ...] = ()
    unit: str
    polish: int
    level: str | None = None
    known: int | None = None
    left: int
    references: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    crystal: str | None = None
    transfer: tuple[str, ...] = ()
    census: tuple[JsonDict, ...] = ()
    prices: dict[str, float] = Field(default_factory=dict)
    evaluation_limits: EvaluationLimitsSpec | None = None

    @property
    def _several_surfaces(self) -> bool:
        """Whether systems have surfaces of their own: rows of a spreadsheet do not."""
        return self.surfaces > len(self.systems)

    @property
    def known_in_words(self) -> str:
        """Numbers of known values and of candidates that can be evaluated, in words; empty without a table."""
        if self.known is None:
            return ""
        return f"{known_already(self.known)}, at no cost; {counted(self.left, 'candidate')} can be evaluated"

    def first_in_words(self, most: int) -> str:
        """The first evaluations.

        Args:
            most: Show at most so many.
        """
        shown = ", ".join(self.initial[:most]) + (" …" if len(self.initial) > most else "")
        return shown or ("chosen when the campaign knows the values of its table" if self.known and self.left else "none")

    def describe(self) -> str:
        """Describes the preview."""
        lines = [f"{self.name}: the file is valid; nothing was computed", ""]
        surfaces = [counted(self.surfaces, "surface")] if self._several_surfaces else []
        counts = [counted(self.candidates, "candidate"), *surfaces, counted(len(self.systems), "system")]
        lines.append(f"  pool        {', '.join(counts)}")
        lines.append("  features    " + ", ".join(f"{name} ({count})" for name, count in self.features.items()))
        lines += [
            f"  note        {name}: {count} of {self.features[name]} columns decide how far apart candidates are; "
            f"space.features.{name}.scale: range lets all of them count"
            for name, count in self.uneven.items()
        ]
        if self.prices:
            lines.append(
                "  prices      " + ", ".join(f"{name} {price:g}" for name, price in self.prices.items()) + "; a value 1"
            )
        lines += [f"  expected    {self.expected}"] if self.expected is not None else []
        lines += [f"  wanted      {text}" for text in self.wanted]
        lines.append(f"  calculator  {self.calculator or NO_CALCULATOR}")
        lines += [f"  level       {self.level}"] if self.level is not None else []
        lines += [f"  known       {self.known_in_words}"] if self.known is not None else []
        lines += [f"  look        {text}" for text in self.looks]
        lines += [f"  references  {', '.join(self.references)}, computed first"] if self.references else []
        lines += [f"  note        {note}" for note in self.notes]
        if self.evaluation_limits is not None:
            lines.append(f"  limits      {self.evaluation_limits.describe()} for each evaluation")
        if self.crystal is not None:
            lines.append(f"  crystal     {self.crystal}")
        unit = "" if self.cost_unit is None else f" {self.cost_unit}, estimated before any measurement"
        lines.append(f"  exhaustive  cost {self.exhaustive_cost:,.0f}{unit}")
        if self.limit is None or self.share is None:
            lines.append("  budget      no cost limit")
        else:
            lines.append(f"  budget      {self.limit:,.0f}, {100 * self.share:.3g} % of the exhaustive cost")
        lines.append(
            f"  evaluations about {self.expected_evaluations:,} at the mean cost, at most {self.most_evaluations:,}"
            + (f", then {counted(self.polish, 'final relaxation')}" if self.polish else "")
        )
        lines += [f"  stops       {self.stop}"] if self.stop is not None else []
        initial = counted(self.designed, "initial evaluation")
        lines.append(f"  proposer    {self.proposer}, {initial} costing {self.initial_cost:,.0f}")
        lines += [f"  engine      {self.engine}"] if self.engine is not None else []
        lines += [f"  learns from {item}" for item in self.transfer]
        lines.append("")
        lines.append("  first evaluations: " + self.first_in_words(5))
        lines += ["", f"  systems (candidates, {'surfaces, ' if self._several_surfaces else ''}exhaustive cost):"]
        for size in self.systems:
            surface = f" {size.surfaces:>4}" if self._several_surfaces else ""
            lines.append(f"    {size.system:<24} {size.candidates:>8,}{surface} {size.exhaustive_cost:>14,.0f}")
        if self.census:
            lines += ["", "  filters (removed, marked as unlikely, remaining):"]
            lines += [
                f"    {line['left_out']:>8,} {line['marked']:>6,} {line['left']:>8,}  {line['rule']}" for line in self.census
            ]
        return "\n".join(lines)


def _evaluable(spec: CampaignSpec, pool: CandidatePool, known: Sequence[Known] = ()) -> FloatArray:
    """Costs of the candidates that can be evaluated: those without a known value that are not too expensive."""
    names = [candidate for item in known for candidate in item.candidates]
    return np.delete(
        pool.cost, np.union1d(np.flatnonzero(np.isin(pool.ids, names)), too_expensive(pool, spec.constraints.max_cost))
    )


def affordable_evaluations(spec: CampaignSpec, pool: CandidatePool, known: Sequence[Known] = ()) -> tuple[int, int]:
    """Number of evaluations at the mean cost, and of the cheapest ones, that a campaign's budget buys.

    Args:
        known: Values that it begins with.
    """
    cost = _evaluable(spec, pool, known)
    limit, at_most = cost_limit(spec.budget, pool), spec.budget.evaluations
    ceiling = len(cost) if at_most is None else min(at_most, len(cost))
    if limit is None or not len(cost):
        return ceiling, ceiling
    cheapest = int(np.searchsorted(np.cumsum(np.sort(cost)), limit, side="right"))
    return min(ceiling, int(limit / float(cost.mean()))), min(ceiling, cheapest)


@dataclass(frozen=True)
class _Opening:
    """Proposals before any new value.

    Attributes:
        names: Names of the candidates with their levels, in order; empty where they are not worked out here.
        candidates: The candidates, each once.
        designed: How many of them are the initial design.
        cost: Cost of the initial design.
    """

    names: tuple[str, ...]
    candidates: tuple[str, ...]
    designed: int
    cost: float


def _opening(proposer: Proposer, pool: CandidatePool, spec: CampaignSpec, limit: float | None) -> _Opening:
    """Proposals of a pool where no value is known."""
    initial = _initial_design(proposer, pool, spec, limit)
    pairs = [pool.named(position) for position in initial]
    names = tuple(name if level is None else f"{name} ({level})" for name, level in pairs)
    candidates = tuple(dict.fromkeys(name for name, _ in pairs))
    return _Opening(names, candidates, len(initial), float(pool.cost[initial].sum()))


def _opening_after(
    known: Sequence[Known], spec: CampaignSpec, space: Space, proposer: Proposer, limit: float | None, references: int
) -> _Opening:
    """Proposals where some values are known; arguments as of :func:`~tansaku.tasks.loop.steps.foreseen.first_proposals`."""
    if not foreseen.are_foreseen(spec, known):
        return _Opening((), (), 0, 0.0)
    found = foreseen.first_proposals(spec, space, proposer, known, limit, references)
    design = [item for item in found if item.initial]
    names = tuple(item.candidate for item in found)
    return _Opening(names, names, len(design), sum(item.predicted_cost for item in design))


def _conditions(spec: CampaignSpec, space: Space, candidates: Sequence[str]) -> tuple[str, ...]:
    """The conditions of the first candidates in words, as ``temperature 60 °C, solvent water``; none for rows of a table."""
    numbers = [spec.space.read_id(candidate) for candidate in candidates[:_DESCRIBED]]
    if all(numbers):
        return tuple(", ".join(f"{name} {_amount(*number)}" for name, number in found.items()) for found in numbers)
    if not isinstance(space, DescribingSpace) or getattr(spec.space, "columns", None) is not None:
        return ()
    units = {column.name: column.unit for column in space.columns()}
    return tuple(
        ", ".join(f"{name} {_amount(value, units.get(name))}" for name, value in space.cells(candidate).items())
        for candidate in candidates[:_DESCRIBED]
    )


def _amount(value: str | float, unit: str | None) -> str:
    return value if isinstance(value, str) else with_unit(significant(value), unit or "1")


def _initial_design(proposer: Proposer, pool: CandidatePool, spec: CampaignSpec, limit: float | None) -> list[int]:
    """Returns positions of the candidates that would be proposed before any result is known."""
    chosen: list[int] = []
    spent = 0.0
    empty = build_history([], 0)
    for number in range(1, max(1, proposer.initial_count(pool)) + 1):
        if spec.budget.evaluations is not None and number > spec.budget.evaluations:
            break
        history = type(empty)(
            observed=empty.observed,
            values=empty.values,
            pending=np.array(chosen, dtype=np.intp),
            remaining_cost=None if limit is None else limit - spent,
        )
        choice = proposer.propose(pool, history, number, proposal_rng(spec.seed, number))
        if choice is None:
            break
        chosen.append(choice.position)
        spent += float(pool.cost[choice.position])
    return chosen


def _looks(spec: CampaignSpec, searched: CandidatePool, base_path: Path) -> tuple[str, ...]:
    """Each cheaper level in words: what gives its values, and what a look costs."""
    if searched.levels is None:
        return ()
    places, found = searched.levels.places, []
    for i, level in enumerate(spec.levels):
        if level.calculator is None:
            source = f"column {level.column}"
        else:
            source = "to be reported" if spec.manual else _code_name(level.calculator, base_path)
        cost = float(searched.cost[places[:, i]].sum())
        share = cost / float(searched.cost[places[:, -1]].sum())
        first = f"; all candidates get it first, cost {cost:.4g}" if spec.proposer.looks_at_all and i == 0 else ""
        spared = searched.levels.spared[i]
        after = f"; more expensive levels continue it and cost {100 * spared:.3g} % less" if spared else ""
        named = f"{level.name}: {headed(source, level.unit or '1')}"
        found.append(f"{named}, {100 * share:.3g} % of the full evaluation's cost{first}{after}")
    return tuple(found)


def _calculator_name(spec: CampaignSpec, base_path: Path) -> str | None:
    if spec.calculator is None:
        return None
    if spec.manual:
        return "manual; to be reported: " + ", ".join(f"{name} [{unit}]" for name, unit in spec.measured.items())
    return _code_name(spec.calculator, base_path)


def _code_name(spec: CalculatorSpec, base_path: Path) -> str:
    calculator = open_calculator(spec, base_path)
    try:
        provenance = calculator.provenance
    finally:
        calculator.close()
    return " ".join(part for part in (provenance.code, provenance.code_version, provenance.model) if part)


def _notes(spec: CampaignSpec) -> tuple[str, ...]:
    calculators = (spec.calculator, spec.label.calculator if spec.label is not None else None)
    return tuple(note for calculator in calculators if calculator is not None for note in calculator_notes(calculator))


def _without_value(space: Space) -> tuple[str, ...]:
    """A warning where a table holds no value of some rows."""
    if not isinstance(space, TabulatedSpace) or not (lacking := int(np.isnan(space.values()).sum())):
        return ()
    have = "has" if lacking == 1 else "have"
    return (
        f"{lacking} of {counted(len(space.pool()), 'row')} {have} no value, which counts as a failure; if these are to be "
        "measured, set calculator: {type: manual} and name the column under known instead",
    )


def _wanted(spec: CampaignSpec) -> tuple[str, ...]:
    objective = spec.objective
    goals = objective.goal.describe(objective.property or VALUE, objective.direction)
    desired = ", ".join(item.describe() for item in objective.desirability)
    together = (f"desirability of {desired}",) if desired else ()
    return (*filter(None, (goals,)), *together, *(f"only {limit.describe()}" for limit in objective.limits))


def engine_in_words(spec: CampaignSpec) -> str | None:
    """Returns the engine of a campaign with how it chooses; None: the preset chooses as it always did."""
    proposer = spec.proposer
    if not isinstance(proposer, GPProposerSpec) or proposer.engine not in ENGINES:
        return None
    chosen = settings(proposer)
    used = chosen if spec.transfer is None else of_one_model(chosen)
    return f"{proposer.engine}, for few evaluations: {described(used)}"


def _stop(rule: StopRuleSpec | None) -> str | None:
    if rule is None:
        return None
    if rule.worth is None:
        when = f"nothing better by more than {rule.within} remains, with {100 * rule.probability:g} %"
    else:
        when = f"{IN_A_ROW} checks in a row expect the next evaluation to gain less than {rule.worth}"
    return f"when {when}; checked before {'each proposal' if rule.interval == 1 else f'every {rule.interval}th proposal'}"


def _proposer_of(spec: CampaignSpec) -> Proposer:
    if spec.transfer is None:
        return build_proposer(spec.proposer, spec.objective, spec.constraints)
    return build_transfer_proposer(spec, spec.transfer.mode, FrozenSources([]))


def _system_sizes(space: Space, pool: CandidatePool) -> tuple[SystemSize, ...]:
    """Returns the size of each system of a pool."""
    n_systems = len(pool.systems)
    candidates = np.bincount(pool.system_codes, minlength=n_systems)
    surfaces = np.bincount(pool.surface_system, minlength=n_systems)
    cost = np.bincount(pool.system_codes, weights=pool.cost, minlength=n_systems)
    return tuple(
        SystemSize(
            system=name,
            candidates=int(candidates[code]),
            surfaces=int(surfaces[code]),
            exhaustive_cost=float(cost[code]),
            details={key: value for key, value in details.items() if key != "system"},
        )
        for code, (name, details) in enumerate(zip(pool.systems, space.describe_systems(), strict=True))
    )


def _sources(target: sources.Target, base_path: Path, database: Database | None) -> tuple[str, ...]:
    """Returns one line per source.

    Args:
        base_path: Folder in which its relative paths start.
        database: None: stored campaigns are listed, but not read.

    Raises:
        ConfigurationError: A source is unknown, empty or does not fit.
    """
    if database is None or all(isinstance(source, TableSourceSpec) for source in target.transfer.sources):
        return _source_lines(target, base_path, None)
    with database() as resources:
        check_not_itself(target.spec.name, target.transfer)
        return _source_lines(target, base_path, resources.store)


def _source_lines(target: sources.Target, base_path: Path, store: CampaignStore | None) -> tuple[str, ...]:
    lines = []
    for i, source in enumerate(target.transfer.sources):
        key = f"transfer.sources[{i}]"
        if isinstance(source, TableSourceSpec):
            count = len(sources.table_source(target, source, key, base_path).values)
            lines.append(f"the table {source.name}: {count} observations{levels.level_note(target.spec, None)}")
        elif store is None:
            lines.append(f"the campaign {source.name}: will be read when this campaign is created")
        else:
            count = len(sources.campaign_source(target, source, key, store).values)
            when = "so far; read again at each refit" if source.follow else "frozen when this campaign is created"
            apart = levels.level_note(target.spec, levels.stored_level(store, source.name))
            lines.append(f"the campaign {source.name}: {count} observations, {when}{apart}")
    return tuple(lines)


def _misfits(
    spec: CampaignSpec, space: Space, pool: CandidatePool, base_path: Path, database: Database | None
) -> tuple[str, ...]:
    """Notes on a misfit, where a campaign of this name is stored: `tansaku run` continues it and checks that of new ones alone.

    Raises:
        ConfigurationError: No campaign of this name is stored, and this one does not fit its space.
    """
    try:
        check_reported(spec, space)
        check_function(spec, space, base_path)
        check_boundary(spec, base_path)
        check_path(spec, space, pool)
        check_competing(spec, pool)
    except ConfigurationError as error:
        if database is None or not _is_stored(spec.name, database):
            raise
        return (f"{spec.name} is stored and continues with this spec; a new campaign would be refused: {error.message}",)
    return ()


def _is_stored(name: str, database: Database) -> bool:
    try:
        with database() as resources:
            resources.store.campaign(name)
    except TansakuError:  # there is none, or no database that answers
        return False
    return True


def preview_campaign(
    path: Path | YamlText,
    database: Database | None = None,
    limits: LimitsSpec = DEFAULT_LIMITS,
    evaluation_limits: EvaluationLimitsSpec | None = None,
) -> CampaignPreview:
    """Loads a campaign file or its text, opens its space, calculator and proposer, and determines what it would do.

    Args:
        database: Opened only if the file has stored campaigns as transfer sources, which are not read with None, names files
            that the database keeps, or would be refused unless a campaign of its name is stored.
        limits: What the file may ask for.
        evaluation_limits: The machine's limits of an evaluation by a program of the site or a plug-in.

    Raises:
        ConfigurationError: The file, a file or a campaign it names is wrong, or it asks for more than the limits.
        MissingComponentError: What it needs is not installed.
    """
    loaded = load_file(path, limits, database)
    found, spec = preview_loaded(loaded, database, limits), loaded.spec
    if limited_code(spec.calculator, spec.label, spec.space) is None:
        return found
    return found.model_copy(update={"evaluation_limits": evaluation_limits})


def preview_loaded(
    loaded: LoadedCampaign, database: Database | None = None, limits: LimitsSpec = DEFAULT_LIMITS
) -> CampaignPreview:
    """The preview of a loaded campaign; arguments and errors as of :func:`preview_campaign`."""
    space = open_space(loaded.spec.space, loaded.base_path, limits)
    check_elements(loaded.spec, space, loaded.base_path)
    references = reference_elements(loaded.spec, space, loaded.base_path)
    spec, space = with_references(loaded.spec, space, loaded.base_path, limits)
    pool = space.pool()
    misfits = _misfits(spec, space, pool, loaded.base_path, database)
    proposer = _proposer_of(spec)
    limit = cost_limit(spec.budget, pool)
    searched = searched_pool(spec, space, loaded.base_path, pool)
    known = known_values(spec, loaded.base_path, space)
    check_initial(proposer, searched, limits)
    check_floor(spec, searched)
    if known:
        opening = _opening_after(known, spec, space, proposer, limit, len(references))
    else:
        opening = _opening(proposer, searched, spec, limit)
    check_phases(spec, space, pool, loaded.base_path)
    check_structures(spec, space, list(opening.candidates))
    expected, most = affordable_evaluations(spec, pool, known)
    return CampaignPreview(
        name=spec.name,
        spec_hash=spec_hash(spec),
        candidates=len(pool),
        surfaces=len(pool.surfaces),
        systems=_system_sizes(space, pool),
        features={name: group.values.shape[1] for name, group in pool.groups.items()},
        uneven=uneven_groups(spec, pool),
        prices=dict(spec.space.prices),
        exhaustive_cost=(everything := float(pool.cost.sum())),
        cost_unit=cost_unit(spec.space),
        limit=limit,
        share=None if limit is None else limit / everything,
        expected_evaluations=expected,
        most_evaluations=most,
        proposer=proposer.name,
        expected=None if spec.space.preferred is None else spec.space.preferred.describe(),
        wanted=_wanted(spec),
        engine=engine_in_words(spec),
        stop=_stop(spec.budget.stop),
        initial=opening.names,
        designed=opening.designed,
        conditions=_conditions(spec, space, opening.candidates),
        initial_cost=opening.cost,
        looks=_looks(spec, searched, loaded.base_path),
        calculator=_calculator_name(spec, loaded.base_path),
        notes=(*misfits, *_notes(spec), *_without_value(space), *(space.left_out() if isinstance(space, BoundedSpace) else ())),
        unit=spec.objective.unit,
        polish=spec.final_relaxations * len(pool.systems) if polish_relaxation(spec) is not None else 0,
        level=None if spec.calculator is None or spec.manual else level_in_words(spec.calculator.model_dump(mode="json")),
        known=None if spec.known is None else len(known),
        left=len(_evaluable(spec, pool, known)),
        references=references,
        crystal=describe_crystal(spec, loaded.base_path),
        transfer=_sources(sources.Target(spec, pool), loaded.base_path, database) if spec.transfer is not None else (),
        census=tuple(space.census()) if isinstance(space, ScreenedSpace) else (),
    )


def uneven_groups(spec: CampaignSpec, pool: CandidatePool) -> dict[str, int]:
    """Groups whose columns the preset ``default`` compares as they are, although at most a tenth of them decide.

    Returns:
        By group that has a key ``scale``: number of columns that make nine tenths of the mean squared distance.
    """
    proposer = spec.proposer
    if not isinstance(proposer, GPProposerSpec) or proposer.preset != "default" or proposer.kernel is not None:
        return {}
    most = BROAD_COLUMNS if settings(proposer).kernel == "broad" else ARD_COLUMNS
    scaled = [name for name, group in getattr(spec.space, "features", {}).items() if hasattr(group, "scale")]
    found = {}
    for name in scaled:
        group = pool.groups[name]
        width = group.values.shape[1]
        if width > most and not group.mixed and not group.categorical:
            count = _deciding(group)
            if 0 < count <= _FEW_COLUMNS * width:
                found[name] = count
    return found


def _deciding(group: FeatureGroup) -> int:
    """Number of columns that make most of the mean squared distance of candidates; 0 where all candidates are the same."""
    weights = np.bincount(group.index, minlength=len(group.values)).astype(np.float64)
    weights /= weights.sum()
    mean = weights @ np.nan_to_num(group.values)
    shares = np.sort(weights @ np.square(np.nan_to_num(group.values) - mean))[::-1]
    total = float(shares.sum())
    return int(np.searchsorted(np.cumsum(shares), _MOST_OF_DISTANCE * total)) + 1 if total > 0.0 else 0
